import json

import numpy as np
import pytest

from lib.displacement.chart import Metric
from lib.displacement.write import (
    coded,
    decoded_mm,
    normal_map,
    save_height_exr,
    save_height_png,
    save_normal_png,
)
from lib.errors import ShapeError
from lib.imaging import read_exr, read_png16

SIDE = 300


def metric(across=0.2, down=0.2, side=SIDE):
    return Metric(
        np.full((side, side), across, np.float32), np.full((side, side), down, np.float32)
    )


def test_pixels_code_mm_to_half_a_step_and_cut_off_what_is_beyond():
    height = np.random.default_rng(0).uniform(-0.3, 0.3, (8, 8)).astype(np.float32)
    np.testing.assert_allclose(decoded_mm(coded(height, 1.0), 1.0), height, atol=0.51 / 32768)
    assert coded(np.array([0.0, 5.0, -5.0]), 1.0).tolist() == [32768, 65535, 0]


def test_a_png_with_its_sidecar_gives_the_heights_back(tmp_path):
    height = np.random.default_rng(1).normal(0, 0.05, (SIDE, SIDE)).astype(np.float32)
    save_height_png(tmp_path / "d.png", height, SIDE, 0.5)
    told = json.loads((tmp_path / "d.json").read_text())
    back = (read_png16(tmp_path / "d.png").astype(float) - told["zero"]) / 32768 * told["range_mm"]
    np.testing.assert_allclose(back, height, atol=0.51 * 0.5 / 32768)


def test_an_exr_holds_the_heights_bit_by_bit(tmp_path):
    height = np.random.default_rng(2).normal(0, 0.05, (SIDE, SIDE)).astype(np.float32)
    save_height_exr(tmp_path / "d.exr", height, SIDE)
    np.testing.assert_array_equal(np.squeeze(read_exr(tmp_path / "d.exr").pixels), height)


def test_a_plane_has_the_normal_of_its_slopes_in_mm():
    column, row = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    height = 0.1 * 0.2 * column - 0.3 * 0.5 * row  # rises 0.1 mm per mm along u, 0.3 along v
    pixels = normal_map(height.astype(np.float32), metric(0.2, 0.5), SIDE)
    normal = pixels[2:-2, 2:-2].astype(float) / 65535 * 2 - 1
    expected = np.array([-0.1, -0.3, 1.0]) / np.linalg.norm([0.1, 0.3, 1.0])
    np.testing.assert_allclose(normal, np.broadcast_to(expected, normal.shape), atol=3e-4)


def test_strips_leave_no_seams_and_other_sizes_keep_the_slopes():
    x = np.linspace(0, 6 * np.pi, SIDE, endpoint=False)
    height = (0.05 * np.sin(x)[None] * np.cos(x)[:, None]).astype(np.float32)
    same = normal_map(height, metric(), SIDE).astype(float)
    twice = normal_map(height, metric(), 2 * SIDE).astype(float)
    reduced = twice.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    assert np.abs(reduced - same)[3:-3, 3:-3].max() < 0.004 * 65535
    step = np.abs(np.diff(twice, axis=0))
    assert step[255].max() <= step[200:320].max() and step[255].max() < 800


def test_a_flat_map_is_blue(tmp_path):
    save_normal_png(tmp_path / "n.png", np.zeros((64, 64), np.float32), metric(side=32), 64)
    pixels = read_png16(tmp_path / "n.png")
    assert (pixels == [32768, 32768, 65535]).all()


def test_a_map_that_is_not_square_is_refused():
    with pytest.raises(ShapeError, match=r"map has shape \(4, 5\)"):
        normal_map(np.zeros((4, 5), np.float32), metric(), 8)
