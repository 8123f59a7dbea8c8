"""The square chart of the face, on any head model and as published."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from lib.albedo.face_chart import face_chart, published_uv
from lib.albedo.prior import Prior, network_input, whole_face
from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from tests.synthetic_head import synthetic_model

SIDE = 128


@pytest.fixture(scope="module")
def chart():
    return face_chart(load_face_model("makehuman"), SIDE)


def test_the_face_fills_the_square_and_is_mirrored_about_its_middle(chart):
    rows, columns = np.nonzero(chart.mask)
    assert rows.min() <= 2 and rows.max() >= SIDE - 4 and columns.min() <= 3
    assert (chart.mask != chart.mask[:, ::-1]).mean() < 0.01
    assert 0.6 < chart.mask.mean() < 0.9
    model = chart.model
    height = chart.drawn(model.mean)[..., 1]
    assert height[5, SIDE // 2] > height[-10, SIDE // 2] + 100  # mm: the forehead is on top
    left = chart.drawn(model.mean)[SIDE // 2, SIDE - 20, 0]
    assert left > 40  # the subject's left is on the right


def test_eyes_count_as_none_of_the_skin_and_more_in_the_weights(chart):
    assert chart.eyes.any() and not (chart.skin & chart.eyes).any()
    assert (chart.skin | (chart.eyes & chart.mask) == chart.mask).all()
    found = np.unique(255 * chart.importance)
    np.testing.assert_allclose(found, [0, 48, 64], atol=1e-4)
    assert not chart.importance[~chart.mask].any()


def test_a_smooth_map_survives_the_way_to_the_head_and_back(chart):
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE
    smooth = np.stack([np.sin(4 * row), np.cos(5 * column), row * column], axis=2)
    smooth = (smooth * chart.mask[..., None]).astype(np.float32)
    head = chart.to_head(smooth, 512)
    assert np.array_equal(head.any(axis=2), chart.head_mask(512))
    back = chart.from_head(head)
    inner = chart.mask.copy()
    for shift in (-3, 3):
        inner &= np.roll(chart.mask, shift, 0) & np.roll(chart.mask, shift, 1)
    np.testing.assert_allclose(back[inner], smooth[inner], atol=0.01)


def write_published(folder, uv, chosen):
    scipy.io.savemat(folder / "BFM_UV.mat", {"UV": uv})
    scipy.io.savemat(folder / "select_vertex_id.mat", {"select_id": chosen[:, None]})
    return folder / "BFM_UV.mat"


def test_the_published_chart_has_texel_centres_at_whole_numbers(tmp_path):
    model = synthetic_model()
    rng = np.random.default_rng(0)
    whole = rng.uniform(0, 1, (2 * model.n_vertices, 3))
    chosen = rng.permutation(len(whole))[: model.n_vertices] + 1
    path = write_published(tmp_path, whole, chosen)
    uv = published_uv(path, model, 256)
    u, v = whole[chosen - 1, :2].T
    np.testing.assert_allclose(uv[:, 0] * 256 - 0.5, 255 * u, atol=1e-3)
    np.testing.assert_allclose((1 - uv[:, 1]) * 256 - 0.5, 255 - 255 * v, atol=1e-3)


def test_the_published_chart_serves_a_model_with_its_vertices(tmp_path):
    model = synthetic_model()
    place = np.zeros((model.n_vertices, 2))
    place[model.triangles] = model.uv[model.uv_triangles]
    path = write_published(tmp_path, place, np.arange(len(place)) + 1)
    chart = face_chart(model, 256, str(path))
    assert chart.kind == "published" and chart.mask.sum() > 500
    x = chart.drawn(model.mean)[..., 0]
    again = chart.from_head(chart.to_head(x[..., None], 1024))[..., 0]
    inner = chart.mask & np.roll(chart.mask, 2, 0) & np.roll(chart.mask, -2, 0)
    inner &= np.roll(chart.mask, 2, 1) & np.roll(chart.mask, -2, 1)
    assert inner.sum() > 200 and np.abs(again - x)[inner].max() < 1.5


def test_missing_and_wrong_chart_files_are_explained(tmp_path):
    model = synthetic_model()
    with pytest.raises(MissingModelError, match=r"BFM_UV\.mat is not there\. BFM_UV\.mat and"):
        face_chart(model, 64, str(tmp_path / "BFM_UV.mat"))
    path = write_published(tmp_path, np.zeros((9, 2)), np.arange(5) + 1)
    with pytest.raises(ConfigError, match=r"5 vertices, the head model 'synthetic' has \d+"):
        face_chart(model, 64, str(path))
    scipy.io.savemat(path, {"other": np.zeros(3)})
    with pytest.raises(ConfigError, match="cannot be read as the key UV, with select_id in"):
        face_chart(model, 64, str(path))


def test_holes_of_lips_are_closed_and_large_ones_are_not():
    skin = np.zeros((200, 200), np.uint8)
    skin[20:180, 20:180] = 255
    skin[120:135, 70:130] = 0  # lips
    skin[40:100, 40:160] = 0  # glasses
    closed = whole_face(skin, 90.0)
    assert closed[127, 100] > 200 and closed[70, 100] == 0 and closed[5, 5] == 0
    assert (closed >= skin).all()


def test_noise_fills_what_is_not_seen_as_published():
    rng = np.random.default_rng(0)
    photo, coarse = rng.uniform(0.1, 1, (2, 64, 64, 3)).astype(np.float32)
    mask = np.ones((64, 64), bool)
    mask[:, :8] = False
    photo[:32] = 0
    prior = Prior(photo, photo[..., 0], coarse * mask[..., None], photo, np.zeros(27))
    found = network_input(prior, mask, 1)
    assert found.shape == (6, 64, 64) and (found[:, :, :8] == -1).all()
    np.testing.assert_allclose(found[3:, :, 8:], 2 * coarse.transpose(2, 0, 1)[:, :, 8:] - 1)
    np.testing.assert_allclose(found[:3, 32:, 8:], 2 * photo.transpose(2, 0, 1)[:, 32:, 8:] - 1)
    noise = (found[:3, :32, 8:] + 1) / 2
    assert abs(noise.mean()) < 0.05 and abs(noise.std() - 1) < 0.05
    assert np.array_equal(network_input(prior, mask, 1), found)
    other = network_input(replace(prior), mask, 2)
    assert not np.array_equal(other[:3, :32], found[:3, :32])
    assert np.array_equal(other[:, 32:], found[:, 32:])
