"""The detail layer's networks: padding, resizing, sizes and names as in TensorFlow 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.errors import ShapeError
from lib.networks.checkpoints import CheckpointError, count_parameters
from lib.networks.detail_layer import DetailNetwork, load_detail
from lib.networks.detail_layer import tensorflow_names as fine_names
from lib.networks.tensorflow_ops import (
    CONVOLUTION,
    TRANSPOSED,
    SameConv,
    SameUpConv,
    legacy_resize,
    same_padding,
    same_pool,
)
from lib.networks.vggface import (
    CoarseLayout,
    CoarseNetwork,
    VggFace,
    load_coarse,
    load_vggface,
    tensorflow_names,
)

SMALL = CoarseLayout(4, 3, 5), (4, 4, 6, 6, 8), 16, 32


def small_coarse(seed=0):
    torch.manual_seed(seed)
    network = CoarseNetwork(*SMALL)
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=0.05)
    return network.eval()


def same_convolution(image, kernel, stride):
    """(h', w', out) of an image (h, w, in) and a kernel (3, 3, in, out), pixel by pixel."""
    height, width = image.shape[:2]
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + 3 - height, 0) // 2
    left = max((columns - 1) * stride + 3 - width, 0) // 2
    result = np.zeros((rows, columns, kernel.shape[3]))
    for row in range(rows):
        for column in range(columns):
            for down in range(3):
                for right in range(3):
                    y, x = row * stride + down - top, column * stride + right - left
                    if 0 <= y < height and 0 <= x < width:
                        result[row, column] += image[y, x] @ kernel[down, right]
    return result


@pytest.mark.parametrize(("size", "stride"), [((6, 8), 2), ((5, 7), 2), ((5, 6), 1), ((2, 2), 2)])
def test_convolutions_pad_as_tensorflow_does(size, stride):
    chance = np.random.default_rng(0)
    image, kernel = chance.normal(size=(*size, 2)), chance.normal(size=(3, 3, 2, 4))
    layer = SameConv(2, 4, stride).double()
    layer.weight.data = torch.tensor(kernel.transpose(CONVOLUTION))
    layer.bias.data.zero_()
    found = layer(torch.tensor(image.transpose(2, 0, 1)[None]))[0].detach().numpy()
    expected = same_convolution(image, kernel, stride).transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_even_side_is_padded_at_its_end_alone():
    assert same_padding(512, 3, 2) == (0, 1)
    assert same_padding(7, 3, 2) == (1, 1)
    assert same_padding(7, 2, 2) == (0, 1)


@pytest.mark.parametrize(("size", "stride"), [((4, 6), 2), ((1, 1), 2), ((4, 5), 1)])
def test_a_transposed_convolution_is_the_adjoint_of_the_published_one(size, stride):
    """<down(x), y> = <x, up(y)>: what a transposed convolution of TensorFlow is."""
    chance = np.random.default_rng(1)
    kernel = chance.normal(size=(3, 3, 2, 4))  # h, w, out, in of the transposed one
    layer = SameUpConv(4, 2, stride).double()
    layer.weight.data = torch.tensor(kernel.transpose(TRANSPOSED))
    layer.bias.data.zero_()
    y = chance.normal(size=(*size, 4))
    x = chance.normal(size=(size[0] * stride, size[1] * stride, 2))
    up = layer(torch.tensor(y.transpose(2, 0, 1)[None]))[0].detach().numpy()
    assert up.shape == (2, *x.shape[:2])
    down = same_convolution(x, kernel, stride)
    np.testing.assert_allclose((down * y).sum(), (x.transpose(2, 0, 1) * up).sum())


def test_pools_of_odd_sides_keep_the_last_row():
    image = -torch.arange(1.0, 16).reshape(1, 1, 3, 5)
    expected = [[-1.0, -3.0, -5.0], [-11.0, -13.0, -15.0]]
    assert same_pool(image)[0, 0].tolist() == expected


def test_resizing_has_no_half_pixel():
    ramp = torch.arange(300.0).expand(1, 1, 300, 300)
    expected = np.arange(224) * 300 / 224
    small = legacy_resize(ramp, (224, 224))[0, 0].numpy()
    np.testing.assert_allclose(small, np.tile(expected, (224, 1)), atol=1e-4)
    small = legacy_resize(ramp.transpose(2, 3), (224, 224))[0, 0].numpy()
    np.testing.assert_allclose(small, np.tile(expected[:, None], 224), atol=1e-4)


def test_enlarging_continues_the_border():
    row = torch.tensor([0.0, 10.0]).reshape(1, 1, 1, 2)
    assert legacy_resize(row, (1, 4))[0, 0, 0].tolist() == [0.0, 5.0, 10.0, 10.0]


def test_the_features_are_those_before_the_last_relu():
    torch.manual_seed(0)
    network = VggFace((4, 4, 6, 6, 8), 16, 32)
    features = network(255 * torch.rand(2, 3, 32, 32))
    assert features.shape == (2, 16)
    assert (features < 0).any()


def test_the_encoder_is_vgg_16_on_raw_pixels():
    torch.manual_seed(0)
    network = VggFace((4, 4, 6, 6, 8), 16, 32).double()
    image = 255 * torch.rand(1, 3, 32, 32, dtype=torch.float64)
    x = image
    depths = (2, 2, 3, 3, 3)
    for block, depth in enumerate(depths, 1):
        for k in range(1, depth + 1):
            layer = network.get_submodule(f"conv{block}_{k}")
            values = x[0].permute(1, 2, 0).numpy()
            kernel = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
            whole = same_convolution(values, kernel, 1) + layer.bias.detach().numpy()
            x = torch.tensor(whole).permute(2, 0, 1)[None].clamp_min(0)
        x = torch.nn.functional.max_pool2d(x, 2)
    hidden = (network.fc6.weight[..., 0, 0] @ x[0, :, 0, 0] + network.fc6.bias).clamp_min(0)
    expected = network.fc7.weight[..., 0, 0] @ hidden + network.fc7.bias
    torch.testing.assert_close(network(image)[0], expected)


def test_names_and_shapes_of_the_coarse_network_are_the_published_ones():
    with torch.device("meta"):
        network = CoarseNetwork(CoarseLayout(80, 29, 80))
    shapes = {}
    for key, (name, axes) in tensorflow_names(network).items():
        own = network.state_dict()[key].shape
        shapes[name] = tuple(own[list(axes).index(k)] for k in range(len(axes)))
    assert shapes["CoarseModel/VGGFace/conv1_1_weight"] == (3, 3, 3, 64)
    assert shapes["CoarseModel/VGGFace/conv5_3_bias"] == (512,)
    assert shapes["CoarseModel/VGGFace/fc6_weight"] == (7, 7, 512, 4096)
    assert shapes["CoarseModel/VGGFace/fc7_weight"] == (1, 1, 4096, 4096)
    heads = {name: shape for name, shape in shapes.items() if "decoder" in name}
    assert heads == {
        "CoarseModel/decoder/para_shape/kernel": (4096, 80),
        "CoarseModel/decoder/para_exp/kernel": (4096, 29),
        "CoarseModel/decoder/para_tex/kernel": (4096, 80),
        "CoarseModel/decoder/para_pose/kernel": (4096, 6),
        "CoarseModel/decoder/para_illum/kernel": (4096, 27),
    }
    assert len(shapes) == 2 * 15 + 5


def test_the_fine_network_has_22_million_parameters_and_the_published_names():
    with torch.device("meta"):
        network = DetailNetwork()
    assert count_parameters(network) == 22_023_201
    shapes = {}
    for key, (name, axes) in fine_names(network).items():
        own = network.state_dict()[key].shape
        shapes[name] = tuple(own[list(axes).index(k)] for k in range(len(axes)))
    numbered = ["", *(f"_{k}" for k in range(1, 10))]
    expected = {
        f"FineModel/{layer}{number}/{kind}"
        for layer in ("conv2d", "conv2d_transpose")
        for number in numbered
        for kind in ("kernel", "bias")
    }
    assert set(shapes) == expected
    assert shapes["FineModel/conv2d/kernel"] == (3, 3, 3, 16)
    assert shapes["FineModel/conv2d_transpose_4/kernel"] == (3, 3, 256, 512)  # h, w, out, in
    assert shapes["FineModel/conv2d_transpose_9/kernel"] == (3, 3, 1, 16)


def test_the_fine_network_keeps_the_size_and_stays_within_a_millimetre():
    torch.manual_seed(0)
    network = DetailNetwork((4, 6, 8))
    with torch.no_grad():
        network.up[-1].bias.fill_(50.0)
        found = network(torch.randn(2, 3, 8, 12))
    assert found.shape == (2, 1, 8, 12)
    assert float(found.max()) == 1.0


def test_features_of_the_encoder_are_added_to_the_decoder():
    network = DetailNetwork((1, 1, 1))
    with torch.no_grad():
        for layer in (*network.down, *network.up):
            layer.weight.zero_()
            layer.bias.zero_()
        network.down[0].bias.fill_(0.25)  # reaches the last layer by the addition alone
        network.up[-1].weight[0, 0, 1, 1] = 1.0
    found = network(torch.zeros(1, 3, 8, 8))
    torch.testing.assert_close(found, torch.full((1, 1, 8, 8), 0.25).tanh())


def test_a_chart_that_cannot_be_halved_is_refused():
    with pytest.raises(ShapeError, match="multiples of 4"):
        DetailNetwork((4, 6, 8))(torch.zeros(1, 3, 6, 8))


def test_files_tell_the_sizes_of_their_networks(tmp_path):
    coarse, fine = small_coarse(), DetailNetwork((4, 6, 8))
    torch.save({"state_dict": coarse.state_dict()}, tmp_path / "coarse.pt")
    torch.save(fine.state_dict(), tmp_path / "fine.pt")
    torch.save(coarse.encoder.state_dict(), tmp_path / "vgg.pt")
    crop = 255 * torch.rand(2, 3, 300, 300)
    read = load_coarse(tmp_path / "coarse.pt")
    assert read.layout == SMALL[0]
    with torch.no_grad():
        torch.testing.assert_close(read(crop).light, coarse(crop).light)
        assert (read(crop).pose != 0).any()
        small = torch.rand(1, 3, 32, 32)
        torch.testing.assert_close(load_vggface(tmp_path / "vgg.pt")(small), coarse.encoder(small))
        maps = torch.randn(1, 3, 8, 8)
        torch.testing.assert_close(load_detail(tmp_path / "fine.pt")(maps), fine(maps))


def test_a_file_of_another_network_is_refused(tmp_path):
    torch.save(DetailNetwork((4, 6, 8)).state_dict(), tmp_path / "fine.pt")
    with pytest.raises(CheckpointError, match=r"lacks heads.identity.weight"):
        load_coarse(tmp_path / "fine.pt")
    with pytest.raises(CheckpointError, match=r"lacks conv1_1.weight"):
        load_vggface(tmp_path / "fine.pt")
    torch.save(small_coarse().state_dict(), tmp_path / "coarse.pt")
    with pytest.raises(CheckpointError, match=r"lacks down.0.weight"):
        load_detail(tmp_path / "coarse.pt")
