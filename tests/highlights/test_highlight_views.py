"""Highlights that move from view to view are told by all views together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from lib.artefacts import Highlights
from lib.highlights import remove_highlights
from lib.highlights.face import face_photo
from lib.highlights.separator import FacePhoto
from lib.highlights.views import MatteChart, ViewComparison
from lib.imaging import srgb_to_linear
from lib.render import Camera, render_buffers
from lib.uvspace.measured import Measured
from tests.highlights.conftest import Glossy, gloss, measured_of
from tests.texture.conftest import make_scene, normals_of, true_albedo

YAWS = (-60.0, -22.0, 0.0, 22.0, 60.0)


@dataclass(frozen=True)
class Walk:
    """A glossy head from five sides.

    Args:
        measured: the true cameras and surface.
        alone: each view's (h, w, 3) linear picture without highlights, told by itself.
        together: the same, told by all views.
    """

    case: Glossy
    measured: Measured
    alone: list[np.ndarray]
    together: list[np.ndarray]


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Walk:
    """Skin whose colour does not tell highlights: pale spots lack as much of it."""
    v, u = np.mgrid[:512, :512] / 512
    pale = 0.5 * np.clip(np.sin(2 * np.pi * 26 * u) * np.sin(2 * np.pi * 17 * v) - 0.3, 0, 1)
    albedo = true_albedo() + pale[..., None] * (0.5 - true_albedo())
    folder = tmp_path_factory.mktemp("walk")
    scene = make_scene(folder, YAWS, (1.0,) * 5, albedo=albedo.astype(np.float32))
    case = gloss(scene)
    measured = measured_of(case)
    return Walk(case, measured, matte(case, None), matte(case, measured))


def matte(case: Glossy, measured: Measured | None) -> list[np.ndarray]:
    """Each view's (h, w, 3) linear picture without highlights."""
    seen = case.model, case.capture, case.fit, case.skin
    found = remove_highlights(*seen, measured=measured)
    return [srgb_to_linear(picture) for picture in found.diffuse]


def rms(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(np.sqrt(np.mean((picture - truth)[where] ** 2)))


def cosine_to(case: Glossy, view: int, towards: int) -> np.ndarray:
    """(h, w) cosine of the head's normals, as one view shows it, to the axis of another view."""
    poses = case.fit.world_to_camera
    camera = Camera(poses[view], float(case.fit.focal_px[view]), case.fit.centre_px[view])
    buffers = render_buffers(case.model.mean, case.model.triangles, *camera, size=(480, 400))
    cosine = normals_of(case.model, buffers) @ -poses[towards][2, :3]
    return np.where(buffers.mask, cosine, np.nan)


def photos_of(case: Glossy, views: range) -> dict[int, FacePhoto]:
    return {v: face_photo(case.model, case.capture, case.fit, case.skin, v) for v in views}


def compare(measured: Measured, photos: dict[int, FacePhoto]) -> MatteChart | None:
    comparison = ViewComparison(measured)
    for view, photo in photos.items():
        comparison.add(view, photo)
    return comparison.chart()


def test_where_highlights_move_all_views_tell_the_skin_better_than_each_alone(walk):
    alone, together = walk.alone, walk.together
    for view, (diffuse, lobe, head) in enumerate(walk.case.views):
        lit, dull = lobe > 0.08, (lobe < 0.005) & head
        assert lit.sum() > 500
        assert rms(together[view], diffuse, lit) < 0.5 * rms(alone[view], diffuse, lit)
        assert rms(together[view], diffuse, dull) < rms(alone[view], diffuse, dull)


def test_a_darker_exposure_is_not_taken_for_less_mirrored_light(walk):
    photos = photos_of(walk.case, range(5))
    photos[3] = replace(photos[3], rgb=photos[3].rgb * np.float32(0.8))
    gain = compare(walk.measured, photos).gain
    assert gain[3] == pytest.approx(0.8, rel=0.02)
    assert [gain[view] for view in (0, 1, 2, 4)] == pytest.approx([1] * 4, rel=0.02)


def test_what_fewer_than_three_views_see_is_told_by_each_view_alone(walk):
    """Views 0, 2 and 4 take part: of what lies to the right in view 4, view 0 sees nothing."""
    case = walk.case
    rig = walk.measured.rig.replace(used=[True, False, True, False, True])
    measured = replace(walk.measured, rig=rig)
    alone, together = walk.alone, matte(case, measured)
    for view in (1, 3):
        np.testing.assert_array_equal(together[view], alone[view])
    hidden = cosine_to(case, 4, towards=0) < 0.1
    assert (hidden & (case.views[4][1] > 0.05)).sum() > 100
    np.testing.assert_array_equal(together[4][hidden], alone[4][hidden])
    shared = (cosine_to(case, 2, towards=0) > 0.45) & (cosine_to(case, 2, towards=4) > 0.45)
    assert shared.sum() > 300
    assert (together[2] != alone[2]).any(axis=2)[shared].mean() > 0.5


def test_two_views_are_not_compared(walk):
    rig = walk.measured.rig.replace(used=[True] * 2 + [False] * 3)
    measured = replace(walk.measured, rig=rig)
    assert compare(measured, photos_of(walk.case, range(5))) is None
    for found, alone in zip(matte(walk.case, measured), walk.alone, strict=True):
        np.testing.assert_array_equal(found, alone)


def test_the_numbers_of_many_views_are_those_of_the_version(walk):
    """Golden numbers: another result on the same photos raises the artefact's version."""
    assert Highlights.version == 3
    found = [
        float(picture[lobe > 0.08].mean())
        for picture, (_, lobe, _) in zip(walk.together, walk.case.views, strict=True)
    ]
    np.testing.assert_allclose(found, GOLDEN, rtol=2e-3)


GOLDEN = [0.237667, 0.281858, 0.301310, 0.322738, 0.341700]
