"""The UV network has the published sizes and key names, and critics judge as they should."""

import re

import numpy as np
import pytest
import torch

from lib.errors import MissingModelError, ShapeError
from lib.networks.arcface import ArcFace
from lib.networks.checkpoints import CheckpointError, count_parameters
from lib.networks.discriminators import PatchDiscriminator, gan_loss, gradient_penalty
from lib.networks.inception_resnet import InceptionResnetV1, load_recogniser
from lib.networks.uv_albedo import UVNet, UVNetOptions, load_uvnet, packed

SMALL = UVNetOptions(width=4, blocks=2)
NORM = r"\.(weight|bias|running_mean|running_var|num_batches_tracked)"
PUBLISHED_KEYS = (
    r"encoder\.network\.(0|3|6|9|12)\.weight",
    rf"encoder\.network\.(1|4|7|10|13){NORM}",
    rf"tex_decoder\.network\.(0|3|6|9)\.weight|tex_decoder\.network\.(1|4|7|10){NORM}",
    r"tex_decoder\.network\.12\.(weight|bias)",
    rf"light_decoder\.network\.(0|3|6|9)\.1\.weight|light_decoder\.network\.(1|4|7|10){NORM}",
    r"light_decoder\.network\.12\.(weight|bias)",
    rf"mid_res_block\.[0-5]\.conv_block\.([03]\.weight|[14]{NORM})",
)


@pytest.fixture(scope="module")
def full():
    with torch.device("meta"):
        return UVNet()


def test_the_network_has_as_many_parameters_as_published(full):
    parts = ("encoder", "mid_res_block", "tex_decoder", "light_decoder")
    counts = [count_parameters(getattr(full, part)) for part in parts]
    assert counts == [2_823_552, 28_323_840, 2_820_803, 1_601_755]
    assert count_parameters(full) == sum(counts) == 35_569_950


def test_the_network_has_the_published_keys_and_no_others(full):
    keys = full.state_dict().keys()
    patterns = re.compile("|".join(f"(?:{pattern})" for pattern in PUBLISHED_KEYS))
    assert [key for key in keys if not patterns.fullmatch(key)] == []
    weights = {key for key in keys if full.state_dict()[key].ndim == 4}
    assert len(weights) == 5 + 12 + 5 + 5 and len(keys) == 154
    shapes = {key: tuple(full.state_dict()[key].shape) for key in sorted(weights)}
    assert shapes["encoder.network.0.weight"] == (64, 6, 3, 3)
    assert shapes["encoder.network.12.weight"] == (512, 256, 4, 4)
    assert shapes["tex_decoder.network.0.weight"] == (512, 256, 4, 4)  # transposed: in, out
    assert shapes["light_decoder.network.9.1.weight"] == (64, 64, 3, 3)
    assert shapes["light_decoder.network.12.weight"] == (27, 64, 3, 3)


def test_albedo_lies_between_0_and_1_and_light_is_free():
    torch.manual_seed(0)
    with torch.no_grad():
        maps = UVNet(SMALL)(10 * torch.randn(2, 6, 32, 48))
    assert maps.albedo.shape == (2, 3, 32, 48) and maps.light.shape == (2, 27, 32, 48)
    assert 0 <= float(maps.albedo.min()) < 0.2 and 0.8 < float(maps.albedo.max()) <= 1
    assert float(maps.light.min()) < -0.5 and float(maps.light.max()) > 1


def test_input_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"maps has shape \(1, 6, 32, 40\).*multiples of 16"):
        UVNet(SMALL)(torch.zeros(1, 6, 32, 40))
    with pytest.raises(ShapeError, match=r"\(n, 6, h, w\)"):
        UVNet(SMALL)(torch.zeros(1, 3, 32, 32))


def test_published_files_and_ours_load_with_their_size(tmp_path):
    network = UVNet(SMALL).eval()
    published, ours = tmp_path / "ckp_0120_percep_epoch_6.pt", tmp_path / "albedo.pt"
    state = {f"module.{k}": v for k, v in network.state_dict().items()}
    torch.save({"generator": state, "epoch": 6}, published)
    torch.save(packed(network, "face", 64, "makehuman"), ours)
    told = [load_uvnet(path) for path in (published, ours)]
    assert [(one.chart, one.face_model) for one in told] == [
        ("published", ""),
        ("face", "makehuman"),
    ]
    planes = torch.randn(1, 6, 32, 32, generator=torch.Generator().manual_seed(1))
    for one in told:
        assert one.network.options == SMALL and not one.network.training
        assert torch.equal(one.network(planes).light, network(planes).light)


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(MissingModelError, match=r"gone\.pt is not there, expected weights of the"):
        load_uvnet(tmp_path / "gone.pt")
    torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt lacks generator: encoder\.network\.0"):
        load_uvnet(tmp_path / "other.pt")
    state = UVNet(SMALL).state_dict()
    state.pop("light_decoder.network.12.bias")
    torch.save({"generator": state}, tmp_path / "half.pt")
    with pytest.raises(CheckpointError, match=r"1 missing: light_decoder\.network\.12\.bias"):
        load_uvnet(tmp_path / "half.pt")


def test_a_patch_critic_has_three_layers_and_the_global_one_is_its_mean():
    with torch.device("meta"):
        assert count_parameters(PatchDiscriminator()) == 2_765_633
        assert PatchDiscriminator()(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    patches, whole = PatchDiscriminator(3, 4), PatchDiscriminator(3, 4, "global")
    whole.load_state_dict(patches.state_dict())
    pictures = torch.randn(2, 3, 64, 64)
    expected = patches.eval()(pictures).mean((2, 3), keepdim=True)
    torch.testing.assert_close(whole.eval()(pictures), expected)
    widths = [m.out_channels for m in patches.modules() if isinstance(m, torch.nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 1]


def test_losses_of_the_game_are_those_of_their_papers():
    scores = torch.tensor([[0.5, -1.0]])
    assert float(gan_loss(scores, True, "lsgan")) == pytest.approx((0.25 + 4) / 2)
    assert float(gan_loss(scores, False, "lsgan")) == pytest.approx((0.25 + 1) / 2)
    real = np.log1p(np.exp([-0.5, 1.0])).mean()
    assert float(gan_loss(scores, True, "bce")) == pytest.approx(real, rel=1e-6)
    made = np.log1p(np.exp([0.5, -1.0])).mean()
    assert float(gan_loss(scores, False, "bce")) == pytest.approx(made, rel=1e-6)


def test_the_gradient_penalty_is_0_for_a_slope_of_1_and_teaches_the_critic():
    class Plane(torch.nn.Module):
        def __init__(self, slope):
            super().__init__()
            self.slope = torch.nn.Parameter(torch.tensor(slope))

        def forward(self, x):
            return self.slope * x.flatten(1)[:, :4].sum(1) / 2  # of length |slope|

    real, made, share = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4), torch.rand(3)
    flat = gradient_penalty(Plane(1.0), real, made, share).detach()
    assert float(flat) == pytest.approx(0, abs=1e-10)
    critic = Plane(3.0)
    penalty = gradient_penalty(critic, real, made, share, 10.0)
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(10 * 4)
    assert float(critic.slope.grad) == pytest.approx(10 * 2 * 2)


def test_the_recognition_network_has_the_published_layout(tmp_path):
    with torch.device("meta"):
        network = InceptionResnetV1()
    assert count_parameters(network) == 23_482_624
    state = {k: torch.zeros(v.shape, dtype=v.dtype) for k, v in network.state_dict().items()}
    for key in (
        "conv2d_4b.conv.weight", "repeat_1.4.branch2.2.conv.weight", "mixed_6a.branch1.2.bn.weight",
        "repeat_2.9.branch1.1.conv.weight", "mixed_7a.branch2.2.conv.weight",
        "repeat_3.4.conv2d.bias", "block8.branch0.conv.weight", "last_linear.weight",
        "last_bn.running_var",
    ):  # fmt: skip
        assert key in state
    assert state["repeat_2.9.branch1.1.conv.weight"].shape == (128, 128, 1, 7)
    state["last_bn.bias"][7] = 1.0  # all else is 0, so that this is the embedding
    state |= {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    torch.save(state, tmp_path / "vggface2.pt")
    found = load_recogniser(tmp_path / "vggface2.pt").train()
    assert found.side == 160 and not found.network.training
    assert not any(parameter.requires_grad for parameter in found.parameters())
    embedding = found(torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(embedding, torch.nn.functional.one_hot(torch.tensor([7]), 512) * 1.0)


def test_arcface_may_recognise_instead(tmp_path):
    torch.manual_seed(0)
    network = ArcFace("r18").eval()
    torch.save(network.state_dict(), tmp_path / "backbone.pth")
    found = load_recogniser(tmp_path / "backbone.pth")
    picture = torch.rand(1, 3, 112, 112)
    assert found.side == 112
    torch.testing.assert_close(found(picture), network(2 * picture - 1))
    state = network.state_dict()
    state.pop("fc.bias")
    torch.save(state, tmp_path / "half.pth")
    with pytest.raises(CheckpointError, match=r"1 missing: fc\.bias"):
        load_recogniser(tmp_path / "half.pth")
