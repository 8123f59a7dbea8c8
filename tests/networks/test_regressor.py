"""Coefficient regressors and the recognition network: keys, shapes and heads as published."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lib.errors import ConfigError
from lib.networks.arcface import ArcFace, load_arcface
from lib.networks.checkpoints import CheckpointError
from lib.networks.regressor import (
    PUBLISHED_LAYOUT,
    CodeLayout,
    CoefficientRegressor,
    load_regressor,
    split_code,
)

BACKBONES = ["resnet18", "resnet50", "mobilenet_v3"]
HEADS = (80, 64, 80, 3, 27, 2, 1)


def random_heads(network, seed=0):
    """The network with other heads than zero ones."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for head in network.final_layers:
            head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * 0.01)
            head.bias.copy_(torch.randn(head.bias.shape, generator=generator))
    return network.eval()


def resnet50_keys():
    """(key, shape) of the published checkpoint, from its description."""
    norm = ("weight", "bias", "running_mean", "running_var")
    keys = {"backbone.conv1.weight": (64, 3, 7, 7)}
    keys |= {f"backbone.bn1.{name}": (64,) for name in norm}
    before = 64
    for stage, (count, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512)), start=1):
        for block in range(count):
            at = f"backbone.layer{stage}.{block}"
            shapes = ((width, before, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1))
            for k, shape in enumerate(shapes, start=1):
                keys[f"{at}.conv{k}.weight"] = shape
                keys |= {f"{at}.bn{k}.{name}": (shape[0],) for name in norm}
            if block == 0:
                keys[f"{at}.downsample.0.weight"] = (4 * width, before, 1, 1)
                keys |= {f"{at}.downsample.1.{name}": (4 * width,) for name in norm}
            before = 4 * width
    for k, size in enumerate(HEADS):
        keys |= {f"final_layers.{k}.weight": (size, 2048, 1, 1), f"final_layers.{k}.bias": (size,)}
    return keys


def test_the_resnet_has_the_published_keys_and_shapes():
    own = {
        key: tuple(value.shape)
        for key, value in CoefficientRegressor("resnet50").state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert own == resnet50_keys()


def test_the_mobile_network_has_the_published_keys_and_shapes():
    state = CoefficientRegressor("mobilenet_v3").state_dict()
    expected = {
        "backbone.features.0.0.weight": (16, 3, 3, 3),
        "backbone.features.1.conv.0.weight": (16, 1, 3, 3),  # no widening: depthwise first
        "backbone.features.1.conv.4.weight": (16, 16, 1, 1),
        "backbone.features.2.conv.0.weight": (64, 16, 1, 1),
        "backbone.features.2.conv.3.weight": (64, 1, 3, 3),
        "backbone.features.2.conv.7.weight": (24, 64, 1, 1),
        "backbone.features.4.conv.3.weight": (72, 1, 5, 5),
        "backbone.features.4.conv.5.fc.0.weight": (24, 72),  # attention before the activation
        "backbone.features.4.conv.5.fc.2.weight": (72, 24),
        "backbone.features.8.conv.0.weight": (200, 80, 1, 1),  # 2.5 x 80
        "backbone.features.9.conv.0.weight": (184, 80, 1, 1),  # 2.3 x 80
        "backbone.features.15.conv.7.weight": (160, 960, 1, 1),
        "backbone.conv.0.weight": (960, 160, 1, 1),
        "backbone.conv.1.running_var": (960,),
        "final_layers.6.bias": (1,),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected
    assert not [key for key in state if key.startswith("backbone.features.16")]


def test_the_last_layers_follow_the_published_order():
    network = CoefficientRegressor("resnet18").eval()
    with torch.no_grad():
        for k, head in enumerate(network.final_layers):
            head.bias.fill_(k)
        code = split_code(network(torch.zeros(2, 3, 64, 64)), PUBLISHED_LAYOUT)
    assert code.identity.shape == (2, 80) and (code.identity == 0).all()
    assert code.expression.shape == (2, 64) and (code.expression == 1).all()
    assert code.albedo.shape == (2, 80) and (code.albedo == 2).all()
    assert code.angles.shape == (2, 3) and (code.angles == 3).all()
    assert code.light.shape == (2, 27) and (code.light == 4).all()
    assert code.translation.tolist() == [[5.0, 5.0, 6.0]] * 2


def test_a_new_network_says_the_mean_face():
    code = CoefficientRegressor("mobilenet_v3").eval()(torch.rand(1, 3, 224, 224))
    assert code.shape == (1, 257) and (code == 0).all()


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("layout", [PUBLISHED_LAYOUT, CodeLayout(12, 5, 7)])
def test_a_checkpoint_with_its_optimiser_gives_the_network_back(tmp_path, backbone, layout):
    network = random_heads(CoefficientRegressor(backbone, layout))
    optimiser = torch.optim.Adam(network.parameters())
    path = tmp_path / "epoch_20.pth"
    torch.save({"net_recon": network.state_dict(), "opt_00": optimiser.state_dict()}, path)
    again = load_regressor(path)
    image = torch.rand(2, 3, 96, 96)
    assert again.layout == layout and not again.training
    with torch.no_grad():
        torch.testing.assert_close(again(image), network(image), rtol=0, atol=0)


def test_a_checkpoint_of_the_single_head_is_known(tmp_path):
    network = CoefficientRegressor("resnet50", single_head=True).eval()
    torch.nn.init.normal_(network.backbone.fc.bias)
    torch.save({"net_recon": network.state_dict()}, tmp_path / "w.pth")
    with torch.no_grad():
        code = load_regressor(tmp_path / "w.pth")(torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(code[0], network.backbone.fc.bias)


def test_a_batch_gives_what_single_pictures_give():
    network = random_heads(CoefficientRegressor("mobilenet_v3"))
    images = torch.rand(3, 3, 96, 96)
    with torch.no_grad():
        singly = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(network(images), singly, rtol=1e-4, atol=1e-5)


def test_files_of_other_networks_are_refused_by_name(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"net_recon": {"conv.weight": torch.zeros(3)}}, path)
    with pytest.raises(CheckpointError, match="neither a ResNet nor a MobileNet-V3"):
        load_regressor(path)
    state = CoefficientRegressor("resnet18").state_dict()
    torch.save({k: v for k, v in state.items() if "final" not in k}, path)
    with pytest.raises(CheckpointError, match="lacks the heads"):
        load_regressor(path)
    torch.save({k: v for k, v in state.items() if "layer3.1" not in k}, path)
    with pytest.raises(CheckpointError, match=r"missing: backbone\.layer3\.1"):
        load_regressor(path)


def test_a_code_of_another_head_model_is_refused():
    with pytest.raises(ConfigError, match="gives 200 coefficients, the head model asks for 257"):
        split_code(torch.zeros(1, 200), PUBLISHED_LAYOUT)


def test_the_recognition_network_has_the_published_keys_and_shapes():
    state = ArcFace("r50").state_dict()
    expected = {
        "conv1.weight": (64, 3, 3, 3),
        "prelu.weight": (64,),
        "layer1.0.conv2.weight": (64, 64, 3, 3),
        "layer1.0.downsample.0.weight": (64, 64, 1, 1),
        "layer2.3.bn3.running_mean": (128,),
        "layer3.0.conv1.weight": (256, 128, 3, 3),
        "layer3.0.bn1.weight": (128,),
        "layer3.13.prelu.weight": (256,),
        "layer4.2.conv2.weight": (512, 512, 3, 3),
        "bn2.weight": (512,),
        "fc.weight": (512, 25088),
        "features.running_var": (512,),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected
    assert "layer3.14.bn1.weight" not in state and "layer1.1.downsample.0.weight" not in state


def test_recognition_embeddings_have_length_one_and_no_trainable_weight(tmp_path):
    network = ArcFace("r18")
    torch.save(network.state_dict(), tmp_path / "backbone.pth")
    again = load_arcface(tmp_path / "backbone.pth")
    assert not [p for p in again.parameters() if p.requires_grad]
    found = again(torch.rand(2, 3, 112, 112) * 2 - 1)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    assert isinstance(again.layer1[0].prelu, nn.PReLU)
