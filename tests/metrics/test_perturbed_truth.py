"""A true head moved, turned, scaled, rippled or smoothed by known amounts scores as it should."""

import numpy as np
import pytest

from lib.geometry import vertex_normals
from lib.metrics import (
    NOW_POINTS,
    Mesh,
    MeshScoreOptions,
    MissingLandmarks,
    NothingToScore,
    Region,
    Similarity,
    Surface,
    cylinder_map,
    depth_shift,
    face_disc,
    model_regions,
    sample_surface,
    score_cylinder,
    score_head,
    score_now,
    score_regions,
    score_surface,
    summarise_now,
    vertex_errors,
)
from lib.metrics.surface import angle_normals
from tests.metrics.heads import MOVED, SCALED, TURNED, true_head

SIX = [36, 45, 30, 33, 48, 54]
MIDDLE = np.array([0.0, -30.0, -90.0])
ELSEWHERE = Similarity(0.01, TURNED.rotation, np.array([0.1, 2.0, 3.0]))
OPTIONS = MeshScoreOptions(points=20_000, detail_points=1500)


@pytest.fixture(scope="module")
def head():
    return true_head()


@pytest.fixture(scope="module")
def fine_head():
    return true_head(fine=True)


@pytest.fixture(scope="module")
def regions(head):
    return {
        name: head.model.mean[at].astype(float) for name, at in model_regions(head.model).items()
    }


def score(head, reconstruction, alignment="known", region=None, points=OPTIONS.points):
    options = MeshScoreOptions(alignment, points=points, detail_points=1500)
    return score_surface(reconstruction, head.mesh, region or head.face, options)


def now(head, reconstruction, metrical=False):
    return score_now(
        reconstruction.vertices,
        reconstruction.triangles,
        reconstruction.landmarks[NOW_POINTS],
        head.mesh.vertices,
        head.mesh.landmarks[NOW_POINTS],
        metrical,
    )


def facing(head):
    """Region of the face that looks forward, where x and y are lengths on the surface."""
    sample = head.along_normals(np.ones(len(head.mesh.vertices))).vertices - head.mesh.vertices
    return Region(vertices=head.face.vertices & (sample[:, 2] > 0.9))


def rms_on_surface(head, height, region):
    """Of heights (n_vertices,) over a region's area, as triangles interpolate them."""
    sample = sample_surface(head.mesh.vertices, head.mesh.triangles, OPTIONS.points)
    there = (height[head.mesh.triangles[sample.triangles]] * sample.barycentric).sum(axis=1)
    counts = region.holds(sample.points, sample.triangles, head.mesh.triangles)
    return np.sqrt((there[counts] ** 2).mean())


def _normals(head):
    return vertex_normals(head.mesh.vertices, head.mesh.triangles)


def test_the_truth_itself_has_no_error_in_any_score(head, regions):
    whole = score(head, head.mesh)
    assert whole.accuracy.rms < 1e-9
    assert whole.reverse.rms < 1e-9
    assert whole.completeness == (1.0, 1.0, 1.0)
    assert whole.normals.mean_deg < 1e-4
    assert whole.detail.rms_mm < 1e-9
    cylinder = score_cylinder(head.mesh, head.mesh, MIDDLE)
    assert (cylinder.chamfer_mm, cylinder.completeness, cylinder.normal_deg) < (1e-9, 1.1, 1e-4)
    assert cylinder.completeness == 1
    assert score_regions(head.mesh, regions, head.mesh.landmarks).mean_mm < 1e-9


def test_a_millimetre_out_of_the_face_is_a_millimetre_along_the_normals(head):
    result = score(head, head.under(MOVED))
    points = sample_surface(head.mesh.vertices, head.mesh.triangles, OPTIONS.points)
    counts = head.face.holds(points.points, points.triangles, head.mesh.triangles)
    expected = np.abs(points.normals[counts, 2])
    assert result.accuracy.mean == pytest.approx(expected.mean(), rel=0.01)
    assert result.accuracy.median == pytest.approx(np.median(expected), rel=0.02)
    assert result.accuracy.count == counts.sum()
    assert result.distance_mm.max() <= 1 + 1e-9
    assert result.completeness[2] == 1
    assert result.completeness[1] == pytest.approx((expected < 0.5).mean(), abs=0.02)


@pytest.mark.parametrize("transform", [MOVED, TURNED], ids=["moved", "turned"])
@pytest.mark.parametrize("alignment", ["rigid", "similarity"])
def test_an_alignment_takes_a_rigid_motion_away(head, transform, alignment):
    result = score(head, head.under(transform), alignment)
    assert result.accuracy.p90 < 1e-6
    assert result.normals.mean_deg < 1e-3
    np.testing.assert_allclose(result.alignment.after(transform).rotation, np.eye(3), atol=1e-8)


def test_rigid_alignment_needs_no_landmarks_for_a_small_motion(head):
    moved = head.under(TURNED)
    assert score(head, Mesh(moved.vertices, moved.triangles), "rigid").accuracy.p90 < 1e-6


def test_a_turn_of_five_degrees_about_the_forehead_tilts_its_normals_by_five(head):
    above = head.mesh.landmarks[27] + [0, 40, 0]
    place = Surface.of(head.mesh.vertices, head.mesh.triangles).nearest(above[None])[0][0]
    turned = head.under(Similarity(1.0, TURNED.rotation, place - TURNED.rotation @ place))
    result = score(head, turned, region=Region(centre=place, radius_mm=8))
    normal = vertex_normals(head.mesh.vertices, head.mesh.triangles)
    normal = normal[np.linalg.norm(head.mesh.vertices - place, axis=1) < 8]
    tilt = np.degrees(np.arccos((normal * (normal @ TURNED.rotation.T)).sum(axis=1)))
    assert 4.7 < tilt.mean() < 5
    assert result.normals.mean_deg == pytest.approx(tilt.mean(), rel=0.02)
    assert result.accuracy.mean < 8 * np.sin(np.radians(5))
    assert score(head, turned).accuracy.mean > 1


def test_two_percent_of_scale_is_seen_by_all_but_similarity(head):
    scaled = head.under(SCALED)
    known, rigid = score(head, scaled), score(head, scaled, "rigid")
    similarity = score(head, scaled, "similarity")
    sample = sample_surface(head.mesh.vertices, head.mesh.triangles, OPTIONS.points)
    sample = sample.only(head.face.holds(sample.points, sample.triangles, head.mesh.triangles))
    along = np.abs((sample.points * sample.normals).sum(axis=1))
    assert known.accuracy.mean == pytest.approx(0.02 * along.mean(), rel=0.02)
    assert rigid.accuracy.mean > 0.3
    assert similarity.accuracy.p90 < 1e-6
    assert similarity.alignment.scale == pytest.approx(1 / 1.02, rel=1e-9)


@pytest.mark.slow
def test_a_fine_ripple_is_detail_and_a_broad_one_is_not(fine_head):
    x, y = fine_head.mesh.vertices[:, 0], fine_head.mesh.vertices[:, 1]
    region = facing(fine_head)
    ripple = 0.1 * np.sin(2 * np.pi * x / 8)
    fine = score(fine_head, fine_head.along_normals(ripple), region=region, points=120_000)
    rms = rms_on_surface(fine_head, ripple, region)
    assert fine.accuracy.rms == pytest.approx(rms, rel=0.03)
    assert fine.detail.rms_mm == pytest.approx(rms, rel=0.08)
    broad = score(
        fine_head, fine_head.along_normals(1.0 * np.cos(2 * np.pi * y / 400)), region=region
    )
    assert broad.accuracy.rms > 0.5
    assert broad.detail.rms_mm < 0.02 * broad.accuracy.rms


def test_a_smoothed_truth_misses_just_the_detail(fine_head):
    x = fine_head.mesh.vertices[:, 0]
    ripple = 0.2 * np.sin(2 * np.pi * x / 8)
    wrinkled = fine_head.along_normals(ripple)
    options = MeshScoreOptions(points=120_000, detail_points=1500)
    result = score_surface(fine_head.mesh, wrinkled, facing(fine_head), options)
    rms = rms_on_surface(fine_head, ripple, facing(fine_head))
    assert result.detail.rms_mm == pytest.approx(rms, rel=0.05)
    assert abs(result.signed_median_mm) < 0.01
    assert result.completeness[0] == pytest.approx(1, abs=0.02)
    assert result.normals.mean_deg > 3


@pytest.mark.slow
def test_smoothing_is_measured_along_the_normals(head):
    smooth = head.smoothed(10)
    way = ((smooth.vertices - head.mesh.vertices) * _normals(head)).sum(axis=1)
    sample = sample_surface(head.mesh.vertices, head.mesh.triangles, OPTIONS.points)
    sample = sample.only(head.face.holds(sample.points, sample.triangles, head.mesh.triangles))
    there = (way[head.mesh.triangles[sample.triangles]] * sample.barycentric).sum(axis=1)
    result = score(head, smooth)
    assert result.signed_median_mm == pytest.approx(np.median(there), abs=0.002)
    assert result.accuracy.median == pytest.approx(np.median(np.abs(there)), rel=0.05)
    assert result.accuracy.median < 0.25 * score(head, head.smoothed(80)).accuracy.median
    assert result.detail.rms_mm < score(head, head.smoothed(80)).detail.rms_mm


def test_a_face_pushed_out_is_positive_and_pushed_in_negative(head):
    out = head.along_normals(np.full(len(head.mesh.vertices), 0.5))
    inwards = head.along_normals(np.full(len(head.mesh.vertices), -0.5))
    assert score(head, out).signed_median_mm == pytest.approx(0.5, abs=1e-3)
    assert score(head, inwards).signed_median_mm == pytest.approx(-0.5, abs=1e-3)


def test_a_mesh_inside_out_has_the_same_angles_and_says_so(head):
    inside_out = Mesh(head.mesh.vertices, head.mesh.triangles[:, ::-1], head.mesh.landmarks)
    normals = score(head, inside_out).normals
    assert normals.flipped
    assert normals.mean_deg < 1e-4


def test_normals_do_not_depend_on_how_a_square_is_cut():
    corner = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    cube = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2]])
    vertices = np.concatenate([corner, [[0.5, 0.5, 0]]])
    cut = np.array([[0, 4, 1], [0, 2, 4], [0, 1, 3], [0, 3, 2]])
    for triangles in (cube, cut):
        normal = angle_normals(vertices, triangles)[0]
        np.testing.assert_allclose(normal, -np.ones(3) / np.sqrt(3), atol=1e-12)


def test_half_a_face_lowers_completeness_and_not_the_reverse(head):
    middle = head.mesh.vertices[head.mesh.triangles].mean(axis=1)
    half = Mesh(head.mesh.vertices, head.mesh.triangles[middle[:, 0] > 0])
    result = score(head, half)
    assert result.completeness[0] == pytest.approx(0.5, abs=0.02)
    assert result.missing == pytest.approx(0.46, abs=0.04)
    assert result.reverse.rms < 1e-9


def test_the_ball_of_a_region_is_in_millimetres_of_the_truth(head):
    nose = Region(centre=head.mesh.landmarks[30], radius_mm=20)
    result = score(head, head.mesh, region=nose)
    assert np.linalg.norm(result.points - head.mesh.landmarks[30], axis=1).max() < 20
    with pytest.raises(NothingToScore, match="expected some"):
        score(head, head.mesh, region=Region(centre=np.full(3, 1e4)))


def test_similarity_without_landmarks_says_what_is_missing(head):
    bare = Mesh(head.mesh.vertices, head.mesh.triangles)
    with pytest.raises(MissingLandmarks, match="68 iBUG"):
        score(head, bare, "similarity")


def test_vertices_without_triangles_may_be_in_a_region(head):
    loose = np.append(head.face.vertices, [True, True])
    bare = score(head, head.under(MOVED)).distance_mm
    also = score(head, head.under(MOVED), region=Region(vertices=loose)).distance_mm
    np.testing.assert_array_equal(bare, also)


# NoW


@pytest.mark.parametrize("transform", [MOVED, TURNED, SCALED, ELSEWHERE])
def test_now_sees_no_similarity(head, transform):
    assert now(head, head.under(transform)).distances.p90 < 1e-6


def test_now_metrical_sees_scale(head):
    assert now(head, head.under(SCALED), metrical=True).distances.mean > 0.2
    assert now(head, head.under(TURNED), metrical=True).distances.p90 < 1e-6


def test_now_disc_is_between_nose_and_bridge(head):
    points = head.mesh.landmarks[NOW_POINTS]
    disc = face_disc(points)
    bridge = (points[1] + points[2]) / 2
    np.testing.assert_allclose(disc.centre, 0.7 * points[4] + 0.3 * bridge)
    eyes, nose = np.linalg.norm(points[0] - points[3]), np.linalg.norm(bridge - points[4])
    assert disc.radius_mm == pytest.approx(0.7 * (eyes + nose))
    inside = now(head, head.mesh).scan_vertices
    away = np.linalg.norm(head.mesh.vertices - disc.centre, axis=1)
    np.testing.assert_array_equal(inside, np.flatnonzero(away <= disc.radius_mm))


def test_now_pools_all_distances_of_all_images(head):
    none, some = now(head, head.mesh), now(head, head.under(SCALED), metrical=True)
    summary = summarise_now([none, some], n_missing=3)
    pooled = np.concatenate([none.distance_mm, some.distance_mm])
    assert summary.distances.mean == pytest.approx(pooled.mean())
    assert (summary.n_images, summary.n_missing) == (2, 3)
    assert summary.curve.share[-1] == 1
    assert summary.curve.threshold[-1] == 8
    at = np.searchsorted(summary.curve.threshold, 0.3)
    expected = (pooled <= summary.curve.threshold[at]).mean()
    assert summary.curve.share[at] == pytest.approx(expected)


# Regions


def test_the_regions_share_the_face_and_lie_where_they_are_called(head):
    found = model_regions(head.model)
    together = np.concatenate(list(found.values()))
    np.testing.assert_array_equal(np.sort(together), np.sort(head.model.parts["face_mask"]))
    height = {name: head.model.mean[at, 1].mean() for name, at in found.items()}
    assert height["forehead"] > height["nose"] > height["mouth"]


@pytest.mark.parametrize("transform", [MOVED, TURNED, SCALED, ELSEWHERE])
def test_regions_see_no_similarity(head, regions, transform):
    found = score_regions(head.under(transform), regions, head.mesh.landmarks)
    assert max(one.distances.p90 for one in found.regions.values()) < 1e-5


def test_an_error_of_the_nose_stays_in_the_nose(head, regions):
    x, y, z = head.mesh.vertices.T
    tip = head.mesh.landmarks[30]
    near = np.exp(-((x - tip[0]) ** 2 + (y - tip[1]) ** 2) / (2 * 6**2)) * (z > tip[2] - 30)
    bent = head.mesh.with_vertices(
        head.mesh.vertices + near[:, None] * [3.0, 0, 0], head.mesh.landmarks
    )
    found = score_regions(bent, regions, head.mesh.landmarks).regions
    assert found["nose"].distances.mean > 0.15
    others = [found[name].distances.mean for name in ("mouth", "forehead", "cheek")]
    assert max(others) < 0.1 * found["nose"].distances.mean


def test_a_region_of_another_name_is_told(head):
    with pytest.raises(NothingToScore, match=r"\['ear'\], expected some of"):
        score_regions(head.mesh, {"ear": head.mesh.vertices}, head.mesh.landmarks)


# Cylinder, full head, heat map


def test_depth_shift_brings_a_moved_head_back(head):
    assert depth_shift(head.under(MOVED), head.mesh, step_mm=3) == pytest.approx(-1, abs=1e-9)


def test_the_cylinder_map_of_a_tube_is_its_radius():
    angle = np.linspace(0, 2 * np.pi, 721)[:-1]
    ring = np.stack([70 * np.sin(angle), 0 * angle, 70 * np.cos(angle)], axis=1)
    vertices = np.concatenate([ring - [0, 100, 0], ring + [0, 100, 0]])
    here, there = np.arange(720), np.roll(np.arange(720), -1)
    triangles = np.concatenate(
        [np.stack([here, there, here + 720], 1), np.stack([there, there + 720, here + 720], 1)]
    )
    unrolled = cylinder_map(vertices, triangles)
    rows = np.abs(np.linspace(150, -150, 256)) < 100
    np.testing.assert_array_equal(unrolled.covered, np.repeat(rows[:, None], 256, axis=1))
    np.testing.assert_allclose(unrolled.radius_mm[rows], 70, atol=1e-3)
    wider = Mesh(vertices * [1.02, 1, 1.02], triangles)
    result = score_cylinder(wider, Mesh(vertices, triangles), np.zeros(3))
    assert result.chamfer_mm == pytest.approx(1.4, abs=0.02)
    assert result.normal_deg < 0.01
    shorter = score_cylinder(
        Mesh(vertices * [1, 0.5, 1], triangles), Mesh(vertices, triangles), np.zeros(3)
    )
    assert shorter.completeness == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
def test_the_cylinder_sees_a_turn_about_its_axis_as_five_degrees(head):
    turned = Similarity(1.0, TURNED.rotation, MIDDLE - TURNED.rotation @ MIDDLE)
    result = score_cylinder(head.under(turned), head.mesh, MIDDLE)
    assert result.completeness > 0.98
    assert result.published_normal_rad < np.radians(result.normal_deg)
    back = score_cylinder(head.under(turned), head.under(turned), MIDDLE, TURNED.rotation)
    assert back.chamfer_mm < 1e-9


def test_a_full_head_elsewhere_has_no_error(head):
    placed = head.under(ELSEWHERE)
    marks = head.mesh.landmarks
    result = score_head(placed, head.mesh, placed.landmarks[SIX], marks[SIX], marks[30])
    assert max(result.head.p90, result.reverse.p90, result.published_head_mm) < 1e-6
    assert result.alignment.scale == pytest.approx(100, rel=1e-9)


def test_an_error_behind_is_in_the_head_and_not_in_the_face(head):
    behind = np.clip((-120 - head.mesh.vertices[:, 2]) / 20, 0, 1)
    bent = head.along_normals(3 * behind)
    marks = head.mesh.landmarks
    result = score_head(bent, head.mesh, marks[SIX], marks[SIX], marks[30])
    assert result.head.mean > 0.1
    assert result.face.mean < 1e-6
    assert result.published_head_mm > result.head.mean


def test_the_heat_map_has_the_sign_and_size_of_the_error(head):
    height = 0.5 * np.sin(head.mesh.vertices[:, 1] / 30)
    found = vertex_errors(head.along_normals(height).vertices, head.mesh)
    seen = found.comparable & head.face.vertices
    assert seen[head.face.vertices].mean() > 0.98
    assert np.median(np.abs(found.signed_mm[seen] - height[seen])) < 2e-3
    assert np.isnan(found.signed_mm[~found.comparable]).all()


def test_vertices_beyond_the_rim_of_a_scan_are_not_comparable(head):
    middle = head.mesh.vertices[head.mesh.triangles].mean(axis=1)
    front = head.mesh.triangles[middle[:, 2] > -40]
    found = vertex_errors(head.mesh.vertices, Mesh(head.mesh.vertices, front))
    behind = head.mesh.vertices[:, 2] < -60
    assert not found.comparable[behind].any()
    inside = head.mesh.vertices[:, 2] > -20
    assert np.nanmax(np.abs(found.signed_mm[inside])) < 1e-9


def test_scores_do_not_depend_on_how_triangles_are_ordered(head):
    order = np.random.default_rng(0).permutation(len(head.mesh.triangles))
    moved = head.under(MOVED)
    shuffled = Mesh(moved.vertices, moved.triangles[order], moved.landmarks)
    first, second = score(head, moved), score(head, shuffled)
    np.testing.assert_allclose(first.distance_mm, second.distance_mm, atol=1e-12)
