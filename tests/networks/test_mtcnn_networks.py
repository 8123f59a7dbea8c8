import pytest
import torch

from lib.errors import MissingModelError
from lib.networks.mtcnn import OutputNet, ProposalNet, RefineNet, load_mtcnn

KEYS = {
    "pnet.pt": {"conv1.weight": (10, 3, 3, 3), "conv4_1.weight": (2, 32, 1, 1)},
    "rnet.pt": {"dense4.weight": (128, 576), "dense5_2.weight": (4, 128)},
    "onet.pt": {"dense5.weight": (256, 1152), "dense6_3.weight": (10, 256)},
}


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    for name, network in zip(KEYS, (ProposalNet(), RefineNet(), OutputNet())):
        torch.save(network.state_dict(), tmp_path / name)
    return tmp_path


def test_the_networks_carry_the_published_parameter_names(folder):
    for name, shapes in KEYS.items():
        state = torch.load(folder / name, weights_only=True)
        for key, shape in shapes.items():
            assert tuple(state[key].shape) == shape, (name, key)


def test_loaded_networks_give_what_the_saved_ones_gave(folder):
    torch.manual_seed(0)
    saved = ProposalNet().eval()
    image = torch.rand(1, 3, 40, 50)
    proposal, refine, output = load_mtcnn(folder)
    torch.testing.assert_close(proposal(image), saved(image))
    assert proposal(image)[0].shape == (1, 15, 20)
    assert refine(torch.rand(2, 3, 24, 24))[1].shape == (2, 4)
    assert output(torch.rand(2, 3, 48, 48))[2].shape == (2, 2, 5)


def test_weights_of_another_network_are_refused(folder):
    torch.save(RefineNet().state_dict(), folder / "pnet.pt")
    with pytest.raises(MissingModelError, match=r"pnet\.pt does not hold the weights"):
        load_mtcnn(folder)


def test_missing_weights_are_told_with_their_source(tmp_path):
    with pytest.raises(MissingModelError, match="facenet-pytorch"):
        load_mtcnn(tmp_path)
