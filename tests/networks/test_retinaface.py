import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib.errors import MissingModelError
from lib.networks.checkpoints import CheckpointError
from lib.networks.retinaface import (
    SIDE,
    FaceFinder,
    RetinaFace,
    decode_boxes,
    decode_points,
    prepare,
    priors,
    to_photo,
)
from tests.networks.published_detectors import retinaface_shapes


@pytest.fixture(scope="module")
def state():
    """Weights of the published layout; as made, no place looks like a face."""
    torch.manual_seed(0)
    return RetinaFace().state_dict()


def silent(state):
    """All weights 0, so that every place says what the heads' biases say."""
    return {
        key: value if "running" in key or "tracked" in key else torch.zeros_like(value)
        for key, value in state.items()
    }


def finder(folder, state, batch=0):
    torch.save(state, folder / "retinaface.pth")
    return FaceFinder(folder / "retinaface.pth", batch=batch)


def test_keys_and_shapes_are_those_of_the_published_checkpoint(state):
    assert {key: tuple(value.shape) for key, value in state.items()} == retinaface_shapes()


def convolved(state, name, x, rectified=True):
    kernel = state[f"{name}.0.weight"]
    x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
    mean, spread = state[f"{name}.1.running_mean"], state[f"{name}.1.running_var"]
    x = (x - mean[:, None, None]) / (spread[:, None, None] + 1e-5).sqrt()
    x = x * state[f"{name}.1.weight"][:, None, None] + state[f"{name}.1.bias"][:, None, None]
    return x.clamp_min(0) if rectified else x


def twice(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_pyramid_and_context_are_those_of_the_written_out_network(state):
    torch.manual_seed(1)
    state = dict(state)
    for key in state:
        if key.endswith("running_mean"):
            state[key] = 0.1 * torch.randn(state[key].shape)
    network = RetinaFace().eval()
    network.load_state_dict(state)
    levels = [torch.randn(1, w, s, s) for w, s in ((512, 8), (1024, 4), (2048, 2))]
    one, two, three = (convolved(state, f"fpn.output{i + 1}", x) for i, x in enumerate(levels))
    two = convolved(state, "fpn.merge2", two + twice(three))
    one = convolved(state, "fpn.merge1", one + twice(two))
    with torch.no_grad():
        for found, expected in zip(network.fpn(levels), (one, two, three), strict=True):
            torch.testing.assert_close(found, expected)
        middle = convolved(state, "ssh1.conv5X5_1", one)
        seven = convolved(state, "ssh1.conv7X7_2", middle)
        parts = [
            convolved(state, "ssh1.conv3X3", one, False),
            convolved(state, "ssh1.conv5X5_2", middle, False),
            convolved(state, "ssh1.conv7x7_3", seven, False),
        ]
        torch.testing.assert_close(network.ssh1(one), torch.cat(parts, 1).clamp_min(0))


def test_priors_run_over_rows_then_columns_then_sizes():
    px = priors() * SIDE
    assert px.shape == (10752, 4)
    for row, expected in (
        (0, (4, 4, 16, 16)),
        (1, (4, 4, 32, 32)),
        (2, (12, 4, 16, 16)),
        (128, (4, 12, 16, 16)),
        (8192, (8, 8, 64, 64)),
        (10240, (16, 16, 256, 256)),
        (10751, (496, 496, 512, 512)),
    ):
        np.testing.assert_allclose(px[row], expected, rtol=1e-6)


def test_offsets_move_and_stretch_a_prior():
    prior = np.array([[0.5, 0.25, 0.2, 0.1]])
    offset = np.array([[1.0, -2.0, 5 * np.log(2), 0.0]])  # 0.2 * 5 log 2: twice as wide
    np.testing.assert_allclose(decode_boxes(offset, prior), [[0.32, 0.18, 0.72, 0.28]])
    points = decode_points(np.arange(10.0)[None], prior)[0]
    np.testing.assert_allclose(points[0], [0.5, 0.25 + 0.1 * 1 * 0.1])
    np.testing.assert_allclose(points[4], [0.5 + 0.1 * 8 * 0.2, 0.25 + 0.1 * 9 * 0.1])


def test_a_prior_that_fires_becomes_the_box_and_points_worked_out_by_hand(tmp_path, state):
    quiet = silent(state)
    for level in range(3):  # background everywhere, but for the priors of 256 px
        quiet[f"ClassHead.{level}.conv1x1.bias"] = torch.tensor([3.0, -3.0, 3.0, -3.0])
    quiet["ClassHead.2.conv1x1.bias"] = torch.tensor([-1.0, 1.0, 3.0, -3.0])
    quiet["BboxHead.2.conv1x1.bias"][:4] = torch.tensor([5.0, 5.0, -2.5, 0.0])
    quiet["LandmarkHead.2.conv1x1.bias"][:10] = torch.arange(10.0)
    (found,) = finder(tmp_path, quiet)([np.zeros((1024, 768, 3), np.uint8)], 0.7)
    # Prior (16, 16) of 256 px: centre 16 + 0.1 * 5 * 256 = 144, width 256 * exp(-0.5) = 155.27.
    # The photo is 384 px wide in the square, 64 px from its left, at half its size.
    np.testing.assert_array_equal(found.box_px[0], [2 * (66 - 64), 2 * 16, 2 * (221 - 64), 2 * 272])
    assert found.score[0] == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-6)
    xy = 16 + 0.1 * np.arange(10).reshape(5, 2) * 256 - [64, 0]
    np.testing.assert_allclose(found.points_px[0], 2 * xy, atol=1e-3)
    overlaps = found.box_px[1:] - found.box_px[0]
    assert len(found.box_px) < 40 and (np.abs(overlaps).max(1) > 0).all()


def test_faces_that_lie_beside_the_photo_are_none(tmp_path, state):
    quiet = silent(state)
    for level in range(3):
        quiet[f"ClassHead.{level}.conv1x1.bias"] = torch.tensor([3.0, -3.0, 3.0, -3.0])
    quiet["ClassHead.1.conv1x1.bias"] = torch.tensor([3.0, -3.0, -1.0, 1.0])  # 128 px
    (found,) = finder(tmp_path, quiet)([np.zeros((128, 1024, 3), np.uint8)], 0.7)
    # The photo is 64 px high in the square, from 224 on, at half its size.
    assert len(found.box_px) > 4
    assert (found.box_px[:, 1] < 127).all() and (found.box_px[:, 3] > 0).all()
    assert (found.box_px[:, 1] < 0).any() and (found.box_px[:, 3] > 128).any()


@pytest.mark.parametrize(
    ("size", "small", "pad"),
    [
        ((300, 200), (512, 341), (85, 0)),
        ((200, 301), (340, 512), (0, 86)),
        ((48, 64), (384, 512), (0, 64)),
        ((512, 512), (512, 512), (0, 0)),
        ((1, 2000), (1, 512), (0, 255)),
    ],
)
def test_a_photo_is_scaled_to_512_px_normalised_and_centred(size, small, pad):
    square, place = prepare(np.full((*size, 3), (255, 0, 128), np.uint8))
    assert place.pad_px == pad and place.scale == max(size) / 512
    inside = np.zeros((512, 512), bool)
    inside[pad[1] : pad[1] + small[0], pad[0] : pad[0] + small[1]] = True
    expected = (np.array([1.0, 0.0, 128 / 255]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    for channel, value in zip(square, expected, strict=True):
        np.testing.assert_allclose(channel[inside], value, rtol=1e-5)
        assert (channel[~inside] == 0).all()


@pytest.mark.parametrize("size", [(700, 410), (90, 333), (1200, 1200)])
def test_what_is_drawn_on_a_photo_is_found_back_at_its_place(size):
    image = np.zeros((*size, 3), np.uint8)
    y, x = size[0] // 3, size[1] // 2
    radius = max(size) // 60
    image[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    square, place = prepare(image)
    weight = np.maximum(square[0] - square[0].min() * (square[0] < 0), 0)
    weight = weight * (square[0] > 0)
    seen = np.array([(weight.sum(i) * np.arange(512)).sum() / weight.sum() for i in (0, 1)])
    points = np.tile(seen, (1, 5, 1))
    _, back = to_photo(np.zeros((1, 4)), points, place)
    # The published mapping counts corners of pixels as their centres: half a pixel of the larger.
    np.testing.assert_allclose(back[0, 0], [x, y], atol=0.5 * max(1, max(size) / 512) + 0.6)


def test_boxes_lose_their_fractions_towards_zero_as_published():
    _, place = prepare(np.zeros((1024, 1024, 3), np.uint8))
    boxes, _ = to_photo(np.array([[-3.7, 10.9, 100.2, 99.99]]), np.zeros((1, 5, 2)), place)
    np.testing.assert_array_equal(boxes, [[-6, 20, 200, 198]])


@pytest.mark.slow
def test_a_batch_finds_what_single_photos_find(tmp_path, state):
    torch.manual_seed(2)
    lively = dict(state)
    for level in range(3):  # scores that differ from place to place
        shape = state[f"ClassHead.{level}.conv1x1.weight"].shape
        lively[f"ClassHead.{level}.conv1x1.weight"] = torch.randn(shape)
    find, find_two = (finder(tmp_path, lively, batch) for batch in (1, 2))
    chance = np.random.default_rng(0)
    photos = [chance.integers(0, 255, (h, w, 3), np.uint8) for h, w in ((60, 80), (90, 50))]
    together = find_two(photos, 0.995)
    for photo, found in zip(photos, together, strict=True):
        (alone,) = find([photo], 0.995)
        assert len(found.score) > 3
        np.testing.assert_array_equal(found.box_px, alone.box_px)
        np.testing.assert_allclose(found.points_px, alone.points_px, atol=1e-2)
        assert (np.diff(found.score) <= 0).all()
    assert find([], 0.7) == []


def test_weights_of_another_network_are_refused_by_key(tmp_path, state):
    wrong = {key.replace("conv7x7_3", "conv7X7_3"): value for key, value in state.items()}
    with pytest.raises(CheckpointError, match=r"18 missing: ssh1\.conv7x7_3"):
        finder(tmp_path, wrong)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(MissingModelError, match=r"no\.pth is not there, expected weights of Ret"):
        FaceFinder(tmp_path / "no.pth")
