import pytest
import torch

from lib.errors import MissingModelError
from lib.networks.pix2pixhd import GlobalGenerator, load_generator

CONVOLUTIONS = {
    "model.1": (64, 3, 7, 7),
    "model.4": (128, 64, 3, 3),
    "model.7": (256, 128, 3, 3),
    "model.10": (512, 256, 3, 3),
    "model.13": (1024, 512, 3, 3),
    **{f"model.{n}.conv_block.{k}": (1024, 1024, 3, 3) for n in range(16, 25) for k in (1, 5)},
    "model.25": (1024, 512, 3, 3),  # transposed: inputs first
    "model.28": (512, 256, 3, 3),
    "model.31": (256, 128, 3, 3),
    "model.34": (128, 64, 3, 3),
    "model.38": (1, 64, 7, 7),
}


def small():
    torch.manual_seed(0)
    return GlobalGenerator(width=4, n_down=2, n_blocks=1)


def test_the_generator_has_the_published_keys_shapes_and_size():
    with torch.device("meta"):
        state = GlobalGenerator().state_dict()
    expected = {f"{name}.weight": shape for name, shape in CONVOLUTIONS.items()}
    weights = {key: tuple(value.shape) for key, value in state.items() if key.endswith("weight")}
    assert weights == expected
    assert set(state) == set(expected) | {f"{name}.bias" for name in CONVOLUTIONS}
    assert sum(value.numel() for value in state.values()) == 182_436_993


def test_a_loaded_generator_gives_what_the_saved_one_gave(tmp_path):
    saved = small().eval()
    torch.save(saved.state_dict(), tmp_path / "net.pth")
    loaded = load_generator(tmp_path / "net.pth", GlobalGenerator(width=4, n_down=2, n_blocks=1))
    image = torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(loaded(image), saved(image), rtol=0, atol=0)
    assert loaded(image).shape == (1, 1, 32, 48) and not loaded(image).requires_grad


def test_layers_are_those_of_the_paper():
    network = small().eval()
    image = torch.rand(1, 3, 16, 16)
    x = torch.nn.functional.pad(image, (3, 3, 3, 3), mode="reflect")
    x = torch.nn.functional.conv2d(x, network.model[1].weight, network.model[1].bias)
    x = (x - x.mean((2, 3), True)) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(network.model[:4](image), x.relu(), rtol=1e-4, atol=1e-5)
    result = network(image)
    assert result.abs().max() < 1


@pytest.mark.parametrize("content", [{"model.1.weight": torch.zeros(2)}, [1, 2]])
def test_weights_of_another_network_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(MissingModelError, match=r"net\.pth does not hold the weights"):
        load_generator(tmp_path / "net.pth", small())


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"<html>")
    with pytest.raises(MissingModelError, match="Download it again"):
        load_generator(tmp_path / "net.pth", small())


def test_missing_weights_are_told_with_their_source_and_licence(tmp_path):
    with pytest.raises(MissingModelError, match=r"non-commercial.*\n.*Detailed3DFace"):
        load_generator(tmp_path / "none.pth")
