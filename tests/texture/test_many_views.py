"""Textures of many calibrated views: exposures, outliers, seams, visibility, both methods."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest

from lib.artefacts import BaseMesh, Rig, Surface, digest
from lib.errors import CaptureFailure, ShapeError
from lib.geometry import vertex_normals
from lib.imaging import save_png, srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.render import interpolate, uv_buffers
from lib.texture import Measured, TextureOptions, blend_texture, prepare_chart, relocate
from lib.texture.bands import BandBlender
from lib.texture.consensus import weighted_median
from lib.texture.harmony import usable_views, view_gains
from lib.texture.measured import cut, measured_head
from tests.texture.conftest import Scene, make_scene

SIZE = 192
OPTIONS = TextureOptions(uv_size=SIZE)
YAWS = (-50.0, -25.0, 0.0, 25.0, 50.0)
WAVE_MM = 2.0
GAINS = np.array([[0.8, 0.8, 0.84], [1.2, 1.16, 1.2], [1, 1, 1], [0.85, 0.9, 0.85], [1.15] * 3])


@dataclass(frozen=True)
class Studio:
    """A head before five cameras.

    Args:
        scene: photos of equal exposure; its fit is exact.
        measured: true cameras, a base that is some millimetres off, and the exact surface.
    """

    scene: Scene
    measured: Measured


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Studio:
    scene = make_scene(tmp_path_factory.mktemp("studio"), YAWS, (1.0,) * len(YAWS))
    return Studio(scene, _measured(scene))


@pytest.fixture(scope="module")
def chart(studio):
    return prepare_chart(studio.scene.model, SIZE)


@pytest.fixture(scope="module")
def clean(studio, chart):
    return blend(studio, chart)


@pytest.fixture(scope="module")
def uneven(studio, chart, tmp_path_factory):
    """Texture of photos whose exposures and whites differ by up to a fifth."""

    def change(view, photo):
        return linear_to_srgb8(np.clip(srgb_to_linear(photo) * GAINS[view], 0, 1))

    return blend(repainted(studio, tmp_path_factory.mktemp("uneven"), change), chart)


def _measured(scene: Scene) -> Measured:
    """The true shape as a surface over a wavy base."""
    model, n = scene.model, len(scene.fit.focal_px)
    normals = vertex_normals(model.mean, model.triangles)
    wave = WAVE_MM * np.sin(model.mean[:, 1] / 20)
    vertices = model.mean + normals * wave[:, None]
    buffers = uv_buffers(model.uv, model.uv_triangles, (SIZE, SIZE))
    base = interpolate(buffers, vertices, model.triangles)
    step = interpolate(buffers, model.mean, model.triangles) - base
    length = np.linalg.norm(step, axis=2)
    pose = np.eye(4)[:3]
    rig = Rig(
        source="file",
        method="",
        moved_px=np.zeros(n),
        scale_source="file",
        scale=1.0,
        used=np.ones(n),
        reason=("",) * n,
        world_to_camera=scene.fit.world_to_camera,
        focal_px=scene.fit.focal_px,
        centre_px=scene.fit.centre_px,
        scheme="ibug68",
        points_mm=np.zeros((68, 3)),
        covariance_mm2=np.zeros((68, 3, 3)),
        inlier=np.zeros((n, 68)),
        reprojection_px=np.zeros((n, 68)),
    )
    surface = Surface(
        method="truth",
        head_to_world=pose,
        position_mm=np.where(buffers.mask[..., None], base, np.nan),
        normal=step / np.maximum(length, 1e-9)[..., None],
        distance_mm=length,
        confidence=buffers.mask.astype(np.float32),
        expression_share=np.zeros(buffers.mask.shape),
    )
    zeros = np.zeros(model.n_vertices)
    mesh = BaseMesh("egg", "views", vertices, pose, zeros, zeros)
    return Measured(rig, mesh, surface)


def repainted(studio: Studio, folder, change) -> Studio:
    """The same head with photos changed: `change(view, (h, w, 3) uint8 photo) -> photo`."""
    capture = studio.scene.capture
    photos = [change(view, photo.copy()) for view, photo in enumerate(capture.image)]
    paths = tuple(str(folder / f"{view}.png") for view in range(len(photos)))
    for path, photo in zip(paths, photos, strict=True):
        save_png(path, photo)
    hashes = tuple(digest(path) for path in paths)
    capture = capture.replace(path=paths, sha256=hashes, image=tuple(photos))
    scene = Scene(
        studio.scene.model, capture, studio.scene.faces, studio.scene.fit, studio.scene.truth
    )
    return Studio(scene, studio.measured)


def blend(studio: Studio, chart, options: TextureOptions = OPTIONS, measured=True):
    scene = studio.scene
    return blend_texture(
        *(scene.model, scene.capture, scene.faces, scene.fit, None, options),
        chart=chart,
        measured=studio.measured if measured is True else measured,
    )


def log_error(texture, scene: Scene, least_weight: float = 0.9) -> np.ndarray:
    """(k, 3) log ratio of texture and truth where it was seen, less its median."""
    seen = texture.weight.astype(np.float32) > least_weight
    truth = cv2.resize(scene.truth, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    ratio = np.log(texture.rgb.astype(np.float32)[seen] / truth[seen])
    return ratio - np.median(ratio, axis=0)


def test_the_measured_surface_is_what_views_are_projected_on(studio, chart, clean):
    """The base alone is off by millimetres; with the surface freckles of views coincide."""
    head = measured_head(studio.scene.model, studio.measured.base, studio.measured.surface)
    points = head.texels(chart, np.arange(len(chart.texel)))[0]
    true = chart.spread(studio.scene.model.mean)
    assert np.quantile(np.linalg.norm(points - true, axis=1), 0.99) < 0.05
    off = np.linalg.norm(chart.spread(studio.measured.base.vertices_mm) - true, axis=1)
    assert np.quantile(off, 0.9) > 1.5
    assert np.sqrt((log_error(clean, studio.scene) ** 2).mean()) < 0.015


def test_exposure_and_white_of_each_view_leave_no_trace(clean, uneven):
    both = (clean.weight > 0.5) & (uneven.weight > 0.5)
    ratio = np.log(uneven.rgb[both].astype(np.float32) / clean.rgb[both].astype(np.float32))
    assert np.quantile(np.abs(ratio - np.median(ratio, axis=0)), 0.99) < 0.02
    assert np.abs(np.median(ratio, axis=0) - np.log(GAINS).mean(axis=0)).max() < 0.02


def test_a_black_view_changes_nothing_where_others_see(studio, chart, clean, tmp_path):
    texture = blend(
        repainted(studio, tmp_path, lambda view, photo: photo * (0 if view == 1 else 1)), chart
    )
    both = (clean.weight > 0.9) & (texture.weight > 0.9)
    assert both.mean() > 0.3
    ratio = np.log(texture.rgb[both].astype(np.float32) / clean.rgb[both].astype(np.float32))
    assert np.quantile(np.abs(ratio), 0.99) < 0.03


def _hand_and_highlight(view, photo):
    """A blue hand in the middle view; a white spot wanders over the forehead with the camera."""
    if view == 2:
        cv2.ellipse(photo, (215, 300), (26, 34), 20, 0, 360, (40, 70, 160), -1)
    spot = np.zeros(photo.shape[:2], np.float32)
    cv2.circle(spot, (170 + 15 * view, 160), 14, 1, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), 4)[..., None]
    return linear_to_srgb8(np.clip(srgb_to_linear(photo) + 0.5 * spot, 0, 1))


def test_what_one_view_alone_shows_does_not_reach_the_texture(studio, chart, clean, tmp_path):
    covered = repainted(studio, tmp_path, _hand_and_highlight)
    seen = clean.weight > 0.9

    def worst(options):
        changed = blend(covered, chart, options).rgb.astype(np.float32)
        return np.quantile(np.abs(np.log(changed / clean.rgb.astype(np.float32)))[seen], 0.999)

    assert worst(OPTIONS) < 0.06
    assert worst(TextureOptions(method="mvfr", uv_size=SIZE)) > 0.25


def test_no_background_and_no_step_between_views(studio, chart, uneven):
    rgb = uneven.rgb.astype(np.float32)
    assert (rgb[..., 1] / rgb[..., 0]).max() < 0.8  # the background is green
    error = chart.picture(np.zeros((len(chart.texel), 3)))
    seen = cv2.erode((uneven.weight > 0.9).astype(np.uint8), np.ones((3, 3))) > 0
    truth = cv2.resize(studio.scene.truth, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    error[seen] = np.log(rgb[seen] / truth[seen])
    step = np.abs(np.diff(error, axis=1))[seen[:, 1:] & seen[:, :-1]]
    assert np.quantile(step, 0.999) < 0.03


def test_a_mask_of_the_user_is_kept_to(studio, chart, tmp_path):
    def paint(view, photo):
        photo[:, :200] = (40, 70, 160)
        return photo

    painted = repainted(studio, tmp_path, paint)
    mask = np.full((480, 400), 255, np.uint8)
    mask[:, :204] = 0
    capture = painted.scene.capture.replace(mask=(mask,) * len(YAWS))
    scene = Scene(
        painted.scene.model, capture, painted.scene.faces, painted.scene.fit, painted.scene.truth
    )
    rgb = blend(Studio(scene, studio.measured), chart).rgb.astype(np.float32)
    assert (rgb[..., 2] / rgb[..., 0]).max() < 0.75


def test_without_cameras_or_confidence_the_fit_is_used(studio, chart):
    rig, base, surface = (getattr(studio.measured, name) for name in ("rig", "base", "surface"))
    nothing = surface.replace(confidence=np.zeros((SIZE, SIZE)))
    assert studio.measured.found
    assert not Measured(rig, base, nothing).found
    assert not Measured(rig.replace(used=np.zeros(len(YAWS))), base, surface).found
    lost = Measured(rig.replace(source="none"), base, surface)
    on_fit = blend(studio, chart, measured=None)
    assert blend(studio, chart, measured=lost).rgb.tobytes() == on_fit.rgb.tobytes()


def test_views_that_the_rig_leaves_out_are_not_opened(studio, chart, clean):
    scene = studio.scene
    capture = scene.capture.replace(path=("gone.png", *scene.capture.path[1:]))
    lost = Scene(scene.model, capture, scene.faces, scene.fit, scene.truth)
    rig = studio.measured.rig.replace(used=np.array([0, 1, 1, 1, 1]))
    measured = Measured(rig, studio.measured.base, studio.measured.surface)
    texture = blend(Studio(lost, measured), chart)
    assert 0.6 < (texture.weight > 0.9).mean() / (clean.weight > 0.9).mean() < 1
    with pytest.raises(CaptureFailure, match=r"original_missing: gone\.png"):
        blend(Studio(lost, studio.measured), chart, TextureOptions(method="mvfr", uv_size=SIZE))


@pytest.mark.parametrize("unfitted", [0, 2])
def test_views_without_a_fit_are_left_out_of_a_texture_on_the_fit(studio, chart, unfitted):
    poses = studio.scene.fit.world_to_camera.copy()
    poses[unfitted] = np.nan
    fit = studio.scene.fit.replace(world_to_camera=poses)
    scene = studio.scene
    texture = blend_texture(
        scene.model, scene.capture, scene.faces, fit, None, OPTIONS, chart=chart
    )
    assert np.isfinite(texture.rgb).all() and (texture.weight > 0.9).mean() > 0.2


def test_rigs_whose_views_miss_the_head_say_so(studio, chart):
    rig = studio.measured.rig.replace(centre_px=studio.measured.rig.centre_px + 5000)
    measured = Measured(rig, studio.measured.base, studio.measured.surface)
    for method in ("blend", "mvfr"):
        with pytest.raises(CaptureFailure, match="no_view: None of"):
            blend(studio, chart, TextureOptions(method=method, uv_size=SIZE), measured)


def test_a_base_of_another_model_is_refused(studio):
    zeros = np.zeros(3)
    base = BaseMesh("other", "views", np.zeros((3, 3)), np.eye(4)[:3], zeros, zeros)
    with pytest.raises(ShapeError, match=r"base.vertices_mm has shape \(3, 3\)"):
        measured_head(studio.scene.model, base, studio.measured.surface)


def test_the_same_photos_give_the_same_bytes(studio, chart, clean):
    again = blend(studio, chart)
    assert again.rgb.tobytes() == clean.rgb.tobytes()
    assert again.weight.tobytes() == clean.weight.tobytes()


def test_a_large_chart_is_weighed_on_a_small_one(studio, chart, clean, monkeypatch):
    monkeypatch.setattr("lib.texture.many.COARSE_SIDE", SIZE // 2)
    texture = blend(studio, chart)
    both = (clean.weight > 0.9) & (texture.weight > 0.9)
    ratio = np.log(texture.rgb[both].astype(np.float32) / clean.rgb[both].astype(np.float32))
    assert np.quantile(np.abs(ratio), 0.99) < 0.03


def test_mvfr_is_the_mean_by_cosine_of_what_is_not_black(studio, chart, tmp_path):
    """Each photo has one colour, and one is black: means are known texel by texel."""
    levels = np.array([60, 0, 120, 180, 240])
    plain = repainted(studio, tmp_path, lambda view, photo: np.full_like(photo, levels[view]))
    texture = blend(plain, chart, TextureOptions(method="mvfr", uv_size=SIZE))
    seen = texture.weight == 1
    found = linear_to_srgb8(texture.rgb.astype(np.float32)).astype(float)
    normals = chart.picture(_unit(chart, studio.scene.model))
    points = chart.picture(chart.spread(studio.scene.model.mean))
    total, weight = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    for pose, level in zip(studio.measured.rig.world_to_camera, levels, strict=True):
        towards = -pose[:, :3].T @ pose[:, 3] - points
        towards /= np.linalg.norm(towards, axis=2, keepdims=True)
        cosine = np.maximum((towards * normals).sum(axis=2), 0) * (level > 0)
        total, weight = total + cosine * level, weight + cosine
    inner = seen & (weight > 0.3)
    assert inner.mean() > 0.4
    assert np.quantile(np.abs(found[inner, 0] - total[inner] / weight[inner]), 0.99) < 3


def _unit(chart, model) -> np.ndarray:
    normals = chart.spread(vertex_normals(model.mean, model.triangles))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_relocated_crops_are_the_published_rows_and_columns():
    """Rows 12..962 and columns 38..988 of the core at 1024 texels, at twice that resolution."""
    rows, columns = np.mgrid[:2048, :2048].astype(np.float32)
    crop = relocate(np.stack([rows, columns], axis=2))
    assert crop.shape == (1024, 1024, 2)
    core = np.stack([rows, columns], axis=2)[288:1312, 512:1536]  # 72..328, 128..384 of 512
    expected = cv2.resize(core[12:962, 38:988], (1024, 1024), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(crop[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.05)
    with pytest.raises(ShapeError, match=r"texture has shape \(4, 5, 3\)"):
        relocate(np.zeros((4, 5, 3), np.float32))


def test_gains_come_from_pairs_that_agree():
    chance = np.random.default_rng(3)
    skin = chance.uniform(0.1, 0.5, (4000, 3)).astype(np.float32)
    true = chance.uniform(-0.3, 0.3, (5, 3))
    rgb = [skin * np.exp(-gain).astype(np.float32) for gain in true]
    trust = [np.ones(4000, np.float32) for _ in true]
    trust[4][500:] = 0  # sees a part only, and half of that is covered
    rgb[4][:200] *= 3
    found = view_gains(rgb, trust)
    np.testing.assert_allclose(found, true - true.mean(axis=0), atol=1e-4)


def test_a_view_apart_keeps_its_exposure():
    skin = np.full((2000, 3), 0.3, np.float32)
    trust = [np.zeros(2000, np.float32) for _ in range(3)]
    trust[0][:1000], trust[1][:1000], trust[2][1000:] = 1, 1, 1
    gains = view_gains([skin, skin * 0.5, skin * 0.2], trust)
    np.testing.assert_allclose(gains[:, 0], [-np.log(2) / 2, np.log(2) / 2, 0], atol=1e-6)


@pytest.mark.parametrize("levels", [[1, 0.01, 1], [0.01, 1, 0.8, 0.01], [1.2, 0.9, 30, 1]])
def test_views_far_darker_or_brighter_than_most_are_left_out(levels):
    skin = np.full((2000, 3), 0.02, np.float32)
    found = usable_views([skin * level for level in levels], [np.ones(2000)] * len(levels))
    assert found.tolist() == [0.5 < level < 2 for level in levels]


def test_weighted_medians_ignore_the_few():
    values = np.array([1.0, 2.0, 3.0, 100.0], np.float32)[:, None, None] * np.ones((4, 5, 2))
    weight = np.array([1.0, 1.0, 1.0, 0.2])[:, None] * np.ones((4, 5))
    np.testing.assert_allclose(weighted_median(values, weight), 2, atol=0.2)
    assert (weighted_median(values, np.zeros((4, 5))) == 0).all()


def test_bands_give_a_picture_back_and_join_two_without_a_step():
    chance = np.random.default_rng(5)
    picture = chance.normal(0, 1, (96, 80, 3)).astype(np.float32)
    blender = BandBlender((96, 80), 3)
    blender.add(picture.copy(), np.ones((96, 80), np.float32))
    np.testing.assert_allclose(blender.collapse(), picture, atol=1e-5)

    left = np.zeros((96, 80), np.float32)
    left[:, :40] = 1
    blender = BandBlender((96, 80), 4)
    blender.add(np.ones((96, 80, 3), np.float32), left)
    blender.add(np.zeros((96, 80, 3), np.float32), 1 - left)
    line = blender.collapse()[48, :, 0]
    assert line[0] > 0.95 and line[-1] < 0.05
    assert np.abs(np.diff(line)).max() < 0.1


def test_a_window_of_a_picture_is_that_picture_with_zeros_around():
    chance = np.random.default_rng(6)
    picture, weight = np.zeros((96, 80, 3), np.float32), np.zeros((96, 80), np.float32)
    picture[40:50, 32:44] = chance.normal(0, 1, (10, 12, 3))
    weight[40:50, 32:44] = 1
    whole, part = BandBlender((96, 80), 2), BandBlender((96, 80), 2)
    whole.add(picture.copy(), weight)
    part.add(picture[28:64, 20:60].copy(), weight[28:64, 20:60], (28, 20))
    np.testing.assert_allclose(part.collapse(), whole.collapse(), atol=1e-5)


def test_cut_triangles_cover_the_same_area_in_order():
    points = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [4, 4, 0]])
    triangles, values = cut(np.array([[0, 1, 2], [1, 3, 2]]), points)
    assert len(triangles) == 8 and len(values) == 9
    corner = values[triangles]
    area = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2] / 2
    np.testing.assert_allclose(area, 2)
    middle = corner.mean(axis=1)
    assert ((middle[:, :2].sum(axis=1) < 4) == np.repeat([True, False], 4)).all()
    assert all(a != b for a, b in pairwise(map(tuple, triangles)))
