import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib.networks.checkpoints import CheckpointError
from lib.networks.points106 import (
    BORDER,
    PointFinder,
    Points106,
    Square,
    cut_square,
    soft_argmax,
    square_about,
    two_passes,
)
from tests.networks.published_detectors import points106_shapes, points106_weights


@pytest.fixture(scope="module")
def state():
    return points106_weights()


def finder(folder, state):
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, folder / "base.pth")
    return PointFinder(folder / "base.pth")


def photo(height=160, width=200):
    rough = np.random.default_rng(3).integers(0, 255, (10, 12, 3), np.uint8)
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)


def test_keys_and_shapes_are_those_of_the_published_checkpoint(state):
    assert {key: tuple(value.shape) for key, value in state.items()} == points106_shapes()


def layer(state, conv, norm, x, stride=1, prelu=None):
    kernel = state[f"{conv}.weight"]
    groups = x.shape[1] // kernel.shape[1]
    x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
    mean, spread = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
    x = (x - mean[:, None, None]) / (spread[:, None, None] + 1e-5).sqrt()
    x = x * state[f"{norm}.weight"][:, None, None] + state[f"{norm}.bias"][:, None, None]
    return (
        x if prelu is None else torch.where(x < 0, state[f"{prelu}.weight"][:, None, None] * x, x)
    )


def test_the_network_is_the_written_out_one(state):
    added, halved = {4, 5, 6, 7, 10, 11, 12, 13, 14}, {3, 8, 16}
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    x = layer(state, "block1.0", "block1.1", image, 2, "block1.2")
    for number in range(2, 18):
        p = f"block{number}.conv"
        y = layer(state, f"{p}.0", f"{p}.1", x, 1, f"{p}.2")
        y = layer(state, f"{p}.3", f"{p}.4", y, 2 if number in halved else 1, f"{p}.5")
        y = layer(state, f"{p}.6", f"{p}.7", y)
        x = x + y if number in added else y
    x = layer(state, "block18.0", "block18.1", x, 1, "block18.2")
    maps = F.conv2d(x, state["block19.weight"], padding=1)
    assert maps.shape == (1, 106, 14, 14)
    network = Points106().eval()
    network.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(network(image), soft_argmax(maps), atol=1e-5, rtol=1e-4)


def test_x_is_the_row_of_a_peak_and_y_its_column():
    maps = torch.zeros(1, 2, 14, 14)
    maps[0, 0, 3, 10] = maps[0, 1, 0, 13] = 60.0
    expected = [[[3 / 14, 10 / 14], [0, 13 / 14]]]
    torch.testing.assert_close(soft_argmax(maps), torch.tensor(expected), atol=1e-6, rtol=0)


def test_the_square_of_a_box_is_worked_out_by_hand():
    square = square_about(np.array([10, 20]), np.array([109, 219]))  # 100 x 200 px
    assert square.side_px == pytest.approx(270)
    np.testing.assert_allclose(square.corner_px, [59.5 - 135, 119.5 - 135])


def test_a_square_inside_the_photo_is_a_scaled_part_of_it():
    image = photo()
    found = cut_square(image, Square(np.array([20.6, 30.2]), 50.5))
    expected = cv2.resize(image[30:80, 20:71], (224, 224), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(found, expected)


def test_beyond_the_photo_lies_the_mean_colour():
    image = np.full((100, 100, 3), 255, np.uint8)
    crop = cut_square(image, Square(np.array([-50.0, 50.0]), 100.0))
    assert (crop[:110, :110] == BORDER).all() and (crop[:110, 114:] == 255).all()
    assert (crop[114:] == BORDER).all()
    assert (cut_square(image, Square(np.array([300.0, 0.0]), 50.0)) == BORDER).all()


class Told(torch.nn.Module):
    """A network that always gives the same point, and keeps what it saw."""

    def forward(self, crops):
        self.crops = crops
        return torch.tensor([0.25, 0.5]).expand(len(crops), 106, 2)


@pytest.fixture
def told(tmp_path, state):
    find = finder(tmp_path, state)
    find._network = Told()
    return find


def test_crops_lose_the_means_in_the_published_order(told):
    image = np.full((100, 100, 3), (200, 100, 50), np.uint8)
    told([image], [Square(np.array([10.0, 10.0]), 50.0)])
    expected = (np.array([200, 100, 50]) - [103.94, 116.78, 123.68]) / 255
    np.testing.assert_allclose(told._network.crops[0, :, 100, 100], expected, rtol=1e-5)


def test_points_go_back_to_the_photo_also_from_a_mirrored_crop(told):
    squares = [Square(np.array([-20.0, 10.0]), 112.0)]
    straight = told([photo()], squares)
    np.testing.assert_allclose(straight[0], np.tile([-20 + 28, 10 + 56], (106, 1)))
    first = told._network.crops.clone()
    mirrored = told([photo()], squares, mirrored=True)
    torch.testing.assert_close(told._network.crops, first.flip(3))
    # Column 56 of the mirrored crop is column 223 - 56 of the crop.
    np.testing.assert_allclose(mirrored[0], np.tile([-20 + 167 / 2, 66], (106, 1)), atol=1e-5)


def test_maps_without_a_peak_give_the_mean_of_all_places_twice(tmp_path, state):
    flat = state | {"block19.weight": torch.zeros(106, 256, 3, 3)}
    first, second, squares = two_passes(
        finder(tmp_path, flat), [photo()], np.array([[20.0, 30.0, 119.0, 129.0]])
    )
    expected = np.array([69.5, 79.5]) - 67.5 + 135 * 6.5 / 14
    np.testing.assert_allclose(first[0], np.tile(expected, (106, 1)), atol=1e-4)
    assert squares[0].side_px == pytest.approx(1.35, abs=1e-3)
    again = expected + 1.35 * (6.5 / 14 - 0.5)
    np.testing.assert_allclose(second[0], np.tile(again, (106, 1)), atol=1e-3)


def test_a_batch_gives_what_single_photos_give(tmp_path, state):
    find = finder(tmp_path, state)
    photos = [photo(), photo(120, 90), photo(300, 333)]
    boxes = np.array([[20, 30, 119, 129], [-10, 5, 60, 99], [100, 100, 260, 280]], float)
    together = two_passes(find, photos, boxes)[:2]
    for row, (image, box) in enumerate(zip(photos, boxes, strict=True)):
        alone = two_passes(find, [image], box[None])[:2]
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], many[row], atol=2e-2)
        assert np.ptp(alone[1][0], axis=0).min() > 5  # the points lie apart


def test_entries_beside_the_network_are_told_and_missing_ones_refused(tmp_path, state, caplog):
    finder(tmp_path, state | {"loss.centre": torch.zeros(3)})
    assert "1 entries are not used: loss.centre" in caplog.text
    fewer = {key: value for key, value in state.items() if not key.endswith("tracked")}
    finder(tmp_path, fewer)
    fewer.pop("block19.weight")
    with pytest.raises(CheckpointError, match=r"1 missing: block19\.weight"):
        finder(tmp_path, fewer)
