"""Published files of the detail layer become weights that give what the published layers give."""

import json

import numpy as np
import pytest
import scipy.io
import torch
import torch.nn.functional as F
from tf_files import write_bundle

from lib.networks import detail_layer, vggface
from lib.networks.__main__ import main
from lib.networks.cards import file_sha256
from lib.networks.checkpoints import CheckpointError
from lib.networks.detail_layer import DetailNetwork, load_detail
from lib.networks.import_tf import import_weights
from lib.networks.vggface import CoarseLayout, CoarseNetwork, load_coarse, load_vggface
from lib.networks.vggface_mat import LAYERS, read_vggface_mat

WIDTHS, FEATURES, SIDE = (2, 3, 4, 5, 6), 8, 64


def coarse():
    torch.manual_seed(3)
    return CoarseNetwork(CoarseLayout(7, 5, 6), WIDTHS, FEATURES, SIDE)


def published(network, names):
    """What a checkpoint holds of a network: axes of the convolutions in TensorFlow's order."""
    back = {name: np.argsort(axes) for name, axes in names.values()}
    return {
        name: network.state_dict()[key].numpy().transpose(back[name]).copy()
        for key, (name, _) in names.items()
    }


def test_the_coarse_network_of_a_checkpoint_is_the_one_that_was_written(tmp_path):
    network = coarse()
    tensors = published(network, vggface.tensorflow_names(network))
    assert tensors["CoarseModel/VGGFace/fc6_weight"].shape == (2, 2, 6, 8)
    assert tensors["CoarseModel/decoder/para_exp/kernel"].shape == (8, 5)
    tensors |= {"global_step_coarse": np.int64(131000), "CoarseModel/VGGFace/fc8_bias": np.ones(3)}
    write_bundle(tmp_path / "coarse-131000", tensors, shards=2)
    paths = import_weights(tmp_path / "coarse-131000", tmp_path / "out")
    assert [path.name for path in paths] == ["coarse.pt"]
    loaded = load_coarse(paths[0])
    assert loaded.layout == network.layout
    image = 255 * torch.rand(2, 3, 300, 300)
    with torch.no_grad():
        assert torch.equal(loaded(image).albedo, network(image).albedo)
    card = json.loads((tmp_path / "out" / "coarse_card.json").read_text())
    assert card["steps"] == 131000 and card["card"]["sha256"] == file_sha256(paths[0])


def test_the_fine_network_of_a_checkpoint_is_the_one_that_was_written(tmp_path):
    network = DetailNetwork((2, 3, 4))
    tensors = published(network, detail_layer.tensorflow_names(network))
    assert tensors["FineModel/conv2d_transpose/kernel"].shape == (3, 3, 3, 4)
    write_bundle(tmp_path / "fine-1", tensors)
    loaded = load_detail(import_weights(tmp_path / "fine-1", tmp_path)[0])
    difference = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded(difference), network(difference))


def test_the_checkpoint_of_another_network_is_refused(tmp_path, capsys):
    write_bundle(tmp_path / "other", {"a/kernel": np.ones(3)})
    with pytest.raises(CheckpointError, match="has 1 tensors such as a/kernel; expected names"):
        import_weights(tmp_path / "other", tmp_path / "out")
    assert main(["import", str(tmp_path / "nowhere"), str(tmp_path)]) == 1
    assert "nowhere.index is not there" in capsys.readouterr().err


def matconvnet(path, old=False, without=""):
    """A file as MatConvNet writes it; gives its arrays by layer."""
    chance = np.random.default_rng(1)
    widths, before, arrays, layers = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}, 3, {}, []
    for name in LAYERS:
        kind, after = (3, widths[int(name[4])]) if name.startswith("conv") else (1, FEATURES)
        kind = 2 if name == "fc6" else kind
        filters = chance.normal(size=(kind, kind, before, after)).astype(np.float32)
        bias = chance.normal(size=(1, after)).astype(np.float32)
        arrays[name], before = (filters, bias), after
        told = {"filters": filters, "biases": bias}
        if not old:
            both = np.empty((1, 2), object)
            both[0, 0], both[0, 1] = filters, bias
            told = {"weights": both}
        if name != without:
            layers += [{"name": name, "type": "conv", **told}, {"name": f"relu{name}", "type": "x"}]
    cells = np.empty((1, len(layers)), object)
    cells[0, :] = layers
    average = np.full((2, 2, 3), 129.5, np.float32)
    normalization = {"averageImage": average, "imageSize": [64.0, 64.0, 3.0]}
    held = {"normalization": normalization} if old else {"meta": {"normalization": normalization}}
    scipy.io.savemat(path, {"layers": cells, **held})
    return arrays


@pytest.mark.parametrize("old", [True, False])
def test_vgg_face_of_matconvnet_is_read_by_the_names_of_its_layers(tmp_path, old):
    arrays = matconvnet(tmp_path / "vgg-face.mat", old)
    file = read_vggface_mat(tmp_path / "vgg-face.mat")
    filters, bias = arrays["conv3_2"]
    image = torch.randn(1, 4, 5, 5)
    found = F.conv2d(image, file.state["conv3_2.weight"], file.state["conv3_2.bias"])
    window = image[0, :, 1:4, 2:5].numpy().transpose(1, 2, 0)
    expected = np.einsum("hwi,hwio->o", window, filters) + bias[0]
    assert np.allclose(found[0, :, 1, 2], expected, atol=1e-4)
    assert file.average.shape == (2, 2, 3) and float(file.average[0, 0, 0]) == 129.5


def test_vgg_face_becomes_weights_that_its_network_loads(tmp_path):
    matconvnet(tmp_path / "vgg-face.mat")
    path = import_weights(tmp_path / "vgg-face.mat", tmp_path)[0]
    network = load_vggface(path)
    assert network.side == SIDE and not any(p.requires_grad for p in network.parameters())
    assert network(torch.zeros(1, 3, SIDE, SIDE)).shape == (1, FEATURES)


def test_a_file_without_a_layer_is_refused(tmp_path):
    matconvnet(tmp_path / "vgg-face.mat", without="conv4_1")
    with pytest.raises(CheckpointError, match=r"lacks the layer conv4_1; it has conv1_1"):
        read_vggface_mat(tmp_path / "vgg-face.mat")
    (tmp_path / "broken.mat").write_bytes(b"not a file of MATLAB" * 20)
    with pytest.raises(CheckpointError, match=r"broken\.mat cannot be read as a MATLAB"):
        read_vggface_mat(tmp_path / "broken.mat")
