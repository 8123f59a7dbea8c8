"""The network that takes highlights off: published layout, composition, any size, tiles."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.errors import ConfigError, MissingModelError
from lib.networks.checkpoints import CheckpointError
from lib.networks.highlight_tiles import _spans, remove_by_tiles
from lib.networks.highlight_unet import (
    SMALL,
    HighlightNetwork,
    HighlightNetworkOptions,
    composed,
    load_highlight_network,
    packed,
)
from lib.networks.swin import PatchMerging, SwinDown, WindowAttention, mirrored

TINY = HighlightNetworkOptions(
    detection=(2, 3, 4, 5, 5),
    removal=(2, 3, 4, 5, 5),
    blocks=(2, 2, 4, 2),
    heads=(1, 2, 1, 1),
    head_dim=3,
    window=2,
)


def network(seed=0, **changes):
    """A tiny network whose answers differ from place to place."""
    torch.manual_seed(seed)
    made = HighlightNetwork(replace(TINY, **changes))
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.2, 0.6)
        made.revomal.outc.conv.weight.normal_()
    return made.eval()


def picture(h, w, seed=0):
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(seed))


def double(before, middle, after):
    return (9 * before + 3) * middle + (9 * middle + 3) * after


def expected_counts():
    """Trainable numbers of both parts, and of the masks, by hand."""
    widths = [64, 128, 256, 512, 512]
    up = [(1024, 256), (512, 128), (256, 64), (128, 64)]
    decoder = sum(double(a, a // 2, b) for a, b in up)
    enter = double(3, 64, 64)
    steps = list(itertools.pairwise(widths))
    detection = enter + sum(double(a, b, b) for a, b in steps) + decoder + 65
    removal = enter + decoder + 3 * 65
    for (before, after), blocks, heads in zip(steps, (2, 2, 6, 2), (3, 6, 12, 24)):
        inner = 32 * heads
        attention = 2 * after + 3 * inner * after + 15 * 15 + (inner + 1) * after
        mlp = 2 * after + (after + 1) * 4 * after + (4 * after + 1) * after
        removal += (4 * before + 1) * after + blocks * (attention + mlp)
    return detection, removal, 6 * 2 * 64**2


def test_the_published_network_has_the_published_number_of_weights():
    with torch.device("meta"):
        made = HighlightNetwork()
    detection, removal, masks = expected_counts()
    parts = [
        sum(p.numel() for p in part.parameters() if p.requires_grad)
        for part in (made.detection, made.revomal)
    ]
    fixed = [p.numel() for p in made.parameters() if not p.requires_grad]
    assert parts == [detection, removal] == [17_267_393, 36_128_847]
    assert sum(fixed) == masks


def test_the_small_network_fits_into_the_project():
    with torch.device("meta"):
        made = HighlightNetwork(SMALL)
    assert sum(p.numel() for p in made.parameters()) < 4e6


def test_keys_are_those_of_published_files():
    with torch.device("meta"):
        keys = set(HighlightNetwork().state_dict())
    double_conv = [f"double_conv.{k}" for k in (0, 1, 3, 4)]
    decoders = [f"up{k}.conv.{conv}" for k in range(1, 5) for conv in double_conv]
    own = [f"inc.{conv}" for conv in double_conv] + decoders + ["outc.conv"]
    wanted = [f"{part}.{name}.weight" for part in ("detection", "revomal") for name in own]
    wanted += [
        f"detection.down{k}.maxpool_conv.1.{c}.bias" for k in range(1, 5) for c in double_conv
    ]
    for k, blocks in zip(range(1, 5), (2, 2, 6, 2)):
        stage = f"revomal.down{k}.stage"
        wanted.append(f"{stage}.patch_partition.linear.weight")
        for pair in range(blocks // 2):
            for shifted in (0, 1):
                at = f"{stage}.layers.{pair}.{shifted}"
                inside = ["to_qkv.weight", "to_out.weight", "to_out.bias", "pos_embedding"]
                inside += ["upper_lower_mask", "left_right_mask"] * shifted
                wanted += [f"{at}.attention_block.fn.fn.{name}" for name in inside]
                wanted.append(f"{at}.attention_block.fn.norm.weight")
                wanted += [
                    f"{at}.mlp_block.fn.{n}"
                    for n in ("norm.bias", "fn.net.0.bias", "fn.net.2.bias")
                ]
    wanted += [
        f"{part}.{name}" for part in ("detection", "revomal") for name in ("x_mean", "x_std")
    ]
    assert set(wanted) <= keys
    rest = {key for key in keys if "attention" in key} - set(wanted)
    assert {key.rsplit(".", 2)[-2] + key[-5:] for key in rest} == {"norm.bias"}
    assert not any("to_qkv.bias" in key or "away" in key for key in keys)


def test_the_composition_is_the_mean_with_the_picture_outside_highlights():
    photo, coarse = torch.full((1, 3, 1, 3), 0.8), torch.full((1, 3, 1, 3), 0.2)
    probability = torch.tensor([0.2, 0.5, 0.9]).view(1, 1, 1, 3)
    found = composed(photo, coarse, probability)
    assert torch.allclose(found[0, :, 0], torch.tensor([0.5, 0.2, 0.2]).expand(3, 3))


def test_the_remover_sees_the_picture_without_its_highlights():
    made, photo = network(), picture(32, 48)
    with torch.no_grad():
        found = made(photo)
        probability = made.detection(photo).sigmoid()
        coarse = made.revomal(photo * (1 - probability)).sigmoid()
    assert torch.equal(found.probability, probability) and torch.equal(found.coarse, coarse)
    assert torch.equal(found.diffuse, composed(photo, coarse, probability))
    assert torch.equal(found.label, probability > 0.5)


def test_the_small_network_only_takes_light_away_and_hardly_any_before_it_learnt():
    torch.manual_seed(0)
    made = HighlightNetwork(replace(TINY, composition="share")).eval().requires_grad_(False)
    photo = picture(32, 32)
    share = 1 - made(photo).diffuse / photo
    assert float(share.min()) > 0.04 and float(share.max()) < 0.06
    learnt = network(composition="share").requires_grad_(False)
    assert float((learnt(photo).diffuse - photo).max()) <= 0


@pytest.mark.parametrize("size", [(200, 200), (37, 90), (16, 250), (5, 64), (1, 1)])
@pytest.mark.parametrize("composition", ["published", "share"])
def test_pictures_of_any_size_keep_it(size, composition):
    with torch.no_grad():
        found = network(composition=composition)(picture(*size))
    assert found.diffuse.shape[2:] == found.coarse.shape[2:] == found.probability.shape[2:] == size
    assert (
        torch.isfinite(found.diffuse).all() and 0 <= found.diffuse.min() <= found.diffuse.max() <= 1
    )


def test_sizes_of_the_stages_are_the_published_ones():
    sizes = []
    x = torch.rand(1, 1, 200, 200)
    for _ in range(4):
        padded = mirrored(x, 16)
        sizes.append((x.shape[2], padded.shape[2]))
        x = SwinDown(1, 1, 0, 1, 1, 8)(x)
    assert sizes == [(200, 208), (100, 112), (50, 64), (25, 32)] and x.shape[2:] == (12, 12)


def test_padding_mirrors_as_often_as_it_must():
    row = torch.arange(3.0).view(1, 1, 1, 3)
    assert mirrored(row, 8)[0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert mirrored(row, 8).shape == (1, 1, 8, 8)
    long = torch.arange(10.0).view(1, 1, 1, 10).expand(1, 1, 10, 10)
    assert mirrored(long, 8)[0, 0, 0].tolist() == [*range(10), 8, 7, 6, 5, 4, 3]


def test_four_places_become_one_channel_by_channel():
    merging = PatchMerging(2, 8)
    with torch.no_grad():
        merging.linear.weight.copy_(torch.eye(8))
        merging.linear.bias.zero_()
    x = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)
    unfolded = torch.nn.functional.unfold(x, 2, stride=2).view(1, 8, 2, 3)
    assert torch.equal(merging(x), unfolded.permute(0, 2, 3, 1))


@pytest.mark.parametrize("shifted", [False, True])
def test_attention_is_that_of_each_window_and_piece(shifted):
    torch.manual_seed(1)
    size, heads, dim, h, w = 4, 2, 3, 8, 12
    attention = WindowAttention(5, heads, dim, size, shifted).double()
    x = torch.randn(1, h, w, 5, dtype=torch.float64)
    qkv = attention.to_qkv(x)[0].view(h, w, 3, heads, dim)
    shift = size // 2 if shifted else 0
    wanted = torch.zeros(h, w, heads, dim, dtype=torch.float64)

    def group(row, col):  # rolled place of the window, and which piece of the picture it shows
        row, col = (row - shift) % h, (col - shift) % w
        return (row // size, col // size, row >= h - shift, col >= w - shift), (row, col)

    for row, col in np.ndindex(h, w):
        own, at = group(row, col)
        keys = [(r, c) for r, c in np.ndindex(h, w) if group(r, c)[0] == own]
        away = [np.subtract(group(*key)[1], at) + size - 1 for key in keys]
        bias = torch.stack([attention.pos_embedding[a[0], a[1]] for a in away])
        for head in range(heads):
            key, value = (torch.stack([qkv[r, c, k, head] for r, c in keys]) for k in (1, 2))
            score = key @ qkv[row, col, 0, head] * dim**-0.5 + bias
            wanted[row, col, head] = score.softmax(0) @ value
    assert torch.allclose(attention(x)[0], attention.to_out(wanted.flatten(2)), atol=1e-12)


def test_a_published_checkpoint_loads_and_says_the_same(tmp_path):
    made = network()
    state = made.state_dict()
    state["detection.x_mean"] = state["detection.x_mean"].view(3)
    state |= {key: state[key].flatten() for key in ("revomal.x_mean", "revomal.x_std")}
    sizes = packed(made, 0, 0)["sizes"]
    torch.save({"model": state, "epoch": 60, "iter": 1000, "sizes": sizes}, tmp_path / "unet.pt")
    found = load_highlight_network(tmp_path / "unet.pt")
    photo = picture(40, 40)
    assert found.options == TINY
    assert torch.equal(found(photo).diffuse, made(photo).diffuse)


def test_a_checkpoint_without_sizes_is_the_published_one():
    with torch.device("meta"):
        assert "sizes" not in packed(HighlightNetwork(), 1, 1)
        assert packed(HighlightNetwork(SMALL), 1, 1)["sizes"]["composition"] == "share"


def test_files_that_are_no_such_network_are_told(tmp_path):
    with pytest.raises(MissingModelError, match=r"gone\.pt is not there"):
        load_highlight_network(tmp_path / "gone.pt")
    content = packed(network(), 1, 1)
    lost = dict(content, model=dict(list(content["model"].items())[3:]))
    torch.save(lost, tmp_path / "lost.pt")
    with pytest.raises(CheckpointError, match="3 missing"):
        load_highlight_network(tmp_path / "lost.pt")
    torch.save(dict(content, sizes={"depth": 3}), tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="its `sizes` are not those"):
        load_highlight_network(tmp_path / "other.pt")
    with pytest.raises(ConfigError, match="expected 5 widths twice, 4 even blocks"):
        replace(TINY, blocks=(2, 2, 3, 2))


@pytest.mark.parametrize("size", [10, 64, 65, 150, 300])
def test_weights_of_tiles_sum_to_one_and_begin_where_windows_do(size):
    total, spans = torch.zeros(size), _spans(size, 64, 32)
    for start, end, weight in spans:
        assert start % 32 == 0 and end - start <= 64
        total[start:end] += weight
    assert torch.allclose(total, torch.ones(size), atol=1e-6)
    assert spans[-1][1] == size and [s[0] for s in spans] == list(range(0, len(spans) * 32, 32))


def test_a_picture_up_to_a_tile_is_shown_whole():
    made, photo = network(), picture(70, 96)
    assert torch.equal(remove_by_tiles(made, photo, 96, 32).diffuse, made(photo).diffuse)


def test_tiles_say_what_the_whole_picture_does_where_the_overlap_is_wide():
    made, photo = network(composition="share"), picture(256, 544)
    with torch.no_grad():
        whole = made(photo).diffuse

    def error(tile_px, overlap_px):
        return float(
            (remove_by_tiles(made, photo, tile_px, overlap_px).diffuse - whole).abs().max()
        )

    assert error(384, 256) < 2e-6 < 2e-5 < error(64, 32)


def test_seams_are_smooth_and_tiles_do_not_depend_on_where_they_lie():
    made, photo = network().requires_grad_(False), torch.full((1, 3, 64, 352), 0.4)
    found = remove_by_tiles(made, photo, 96, 32).diffuse[0, 0]
    middle = found[:, 96:256]  # of tiles that begin at 64, 128, 192
    assert float((middle[:, :64] - middle[:, 64:128]).abs().max()) < 1e-6
    steps = found[:, 64:288].diff(dim=1).abs().amax(0)
    inside = made(photo[..., :96]).diffuse[0, 0].diff(dim=1).abs().amax(0)
    assert float(steps.max()) <= float(inside.max()) + 0.05
