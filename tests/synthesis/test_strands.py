"""Hair of the head as strands: where it grows, how it moves, and the strips that picture it."""

from dataclasses import replace

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry import SurfaceTree
from lib.synthesis.hair.catalogue import STYLES, style_named, varied
from lib.synthesis.hair.colour import draw_hair_colour
from lib.synthesis.hair.hairline import scalp_roots
from lib.synthesis.hair.strands import hull, resampled, ribbons
from lib.synthesis.hair.styles import draw_scalp_hair

COLOUR = np.array([0.05, 0.025, 0.012])
EYE = np.array([150.0, 40.0, 800.0])


@pytest.fixture(scope="module")
def model(studio):
    return studio.model


@pytest.fixture(scope="module")
def roots(model):
    return scalp_roots(model, 8000)


@pytest.fixture(scope="module")
def head(model):
    chance = np.random.default_rng(3)
    return model.vertices((0.8 * chance.standard_normal(model.n_identity)).astype(np.float32))


def hair(model, roots, head, name, n=1500, seed=4):
    chance = np.random.default_rng(seed)
    style = varied(style_named(name), chance, 30)
    return draw_scalp_hair(roots, model, head, chance, COLOUR, 30, n, style=style)


@pytest.fixture(scope="module")
def crop(model, roots, head):
    return hair(model, roots, head, "short crop")


def test_roots_lie_inside_the_hairline_and_off_face_and_ears(model, roots, crop):
    mask = np.zeros(model.n_vertices, bool)
    mask[model.parts["face_mask"]] = True
    mask |= roots.ears.on
    deep = roots.triangle[roots.inside_mm > 0]
    on_mask = mask[model.triangles[deep]].all(axis=1)
    assert on_mask.mean() < 0.08  # the mask takes a strip of the temples and of the forehead
    assert not roots.ears.on[model.triangles[roots.triangle]].any()
    assert (model.region("skin")[crop.root_triangle]).all()


def test_any_first_part_of_the_roots_is_spread_evenly(roots):
    from scipy.spatial import cKDTree

    for n in (200, 1000, 4000):
        gap = cKDTree(roots.place[:n]).query(roots.place[:n], k=2)[0][:, 1]
        assert gap.min() > 0.55 * np.sqrt(roots.area_mm2 / n)


def test_strands_that_nothing_moved_stay_bit_for_bit(model, head, crop):
    np.testing.assert_array_equal(crop.carried(head, head.copy(), model.triangles), crop.points)


def test_strands_follow_a_rigid_motion(model, head, crop):
    angle = 0.4
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    moved = head.astype(np.float64) @ turn.T + [10, -20, 5]
    expected = crop.points.astype(np.float64) @ turn.T + [10, -20, 5]
    carried = crop.carried(head.astype(np.float64), moved, model.triangles)
    np.testing.assert_allclose(carried, expected, atol=2e-4)


def test_strips_face_the_eye_and_have_the_width_that_was_asked_for(crop):
    vertices, triangles, tangents = ribbons(crop.points, crop.radius_mm, EYE)
    n, k = crop.points.shape[:2]
    assert len(vertices) == len(tangents) == n * k * 2
    left, right = vertices.reshape(n, k, 2, 3).transpose(2, 0, 1, 3)
    middle = (left + right) / 2
    np.testing.assert_allclose(middle, crop.points, atol=1e-3)
    across = right - left
    view = EYE - crop.points
    view = view / np.linalg.norm(view, axis=2, keepdims=True)
    np.testing.assert_allclose((across * view).sum(axis=2), 0, atol=1e-3)
    width = np.linalg.norm(across[:, 0], axis=1)
    np.testing.assert_allclose(width, 2 * crop.radius_mm, rtol=1e-3)
    corners = vertices[triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = (normal * (EYE - corners.mean(axis=1))).sum(axis=1)
    assert (facing > 0).mean() > 0.97


def test_no_strip_is_narrower_than_the_least_width(crop):
    vertices, _, _ = ribbons(crop.points, crop.radius_mm, EYE, min_width_mm=1.5)
    pairs = vertices.reshape(-1, 2, 3)
    assert np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=1).min() > 1.499


def test_points_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"points has shape \(4, 3\)"):
        ribbons(np.zeros((4, 3)), np.ones(4), EYE)


def test_the_hull_has_two_crossed_strips_for_each_strand(crop):
    vertices, triangles = hull(crop.points, 100, 4.0)
    k = crop.points.shape[1]
    assert vertices.shape == (100 * k * 4, 3)
    assert triangles.shape == (100 * (k - 1) * 4, 3)
    assert triangles.max() == len(vertices) - 1


def test_fewer_strands_cover_as_much(crop):
    few = resampled(crop, 300)
    assert len(few) == 300
    full, less = crop.radius_mm.astype(np.float64), few.radius_mm.astype(np.float64)
    assert less.sum() == pytest.approx(full.sum(), rel=0.05)


def test_the_same_seed_gives_the_same_bytes(model, roots, head):
    one, two = (hair(model, roots, head, "curly") for _ in range(2))
    for name in ("points", "radius_mm", "colour", "shade", "scalp_cover"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    other = hair(model, roots, head, "curly", seed=5)
    assert one.points.tobytes() != other.points.tobytes()


@pytest.mark.parametrize("name", [style.name for style in STYLES if style.name != "bald"])
def test_strands_stay_outside_of_the_head(model, roots, head, name):
    strands = hair(model, roots, head, name, n=600)
    rows = np.flatnonzero(model.region("skin"))
    tree = SurfaceTree(head, model.triangles[rows], backend="numba")
    points = strands.points[::3].reshape(-1, 3)
    points = points[points[:, 1] > -60]  # the neck is open below
    distance = tree.nearest(points, signed=True).distance_mm
    assert np.isfinite(strands.points).all()
    assert (distance > -0.5).mean() > 0.9


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("buzz", 1, 9), ("short crop", 5, 45), ("side part", 15, 140), ("long straight", 180, 520)],
)
def test_lengths_are_those_of_the_style(model, roots, head, name, low, high):
    points = hair(model, roots, head, name).points
    length = np.linalg.norm(np.diff(points, axis=1), axis=2).sum(axis=1)
    assert low < np.median(length) < high


@pytest.mark.parametrize("name", ["medium wavy", "long straight", "long wavy", "bob", "swept back"])
def test_long_hair_leaves_the_face_free(model, roots, head, name):
    marks = model.landmarks["ibug68"].on(head, model.triangles)
    chance = np.random.default_rng(4)
    style = replace(varied(style_named(name), chance, 30), fringe_deep=0.0)
    points = draw_scalp_hair(roots, model, head, chance, COLOUR, 30, 1500, style=style).points
    across = np.abs(points[..., 0]) < 45
    high = (points[..., 1] < marks[19, 1]) & (points[..., 1] > marks[8, 1])
    assert (across & high & (points[..., 2] > 0)).mean() < 0.002


def test_the_scalp_is_dark_under_hair_and_the_face_is_not(model, roots, crop):
    cover = crop.scalp_cover
    assert cover.min() == 0
    assert 0.8 < cover.max() <= 1
    for part in ("skin_smooth", "nose", "upper_lip", "right_eye"):
        assert (cover[model.parts[part]] > 0.3).mean() < 0.02
    assert cover[model.mean[:, 1] > model.mean[:, 1].max() - 5].min() > 0.7


def test_age_takes_hair_from_the_crown(model, roots, head):
    full = style_named("short crop")
    bald = replace(full, balding=0.95)
    heads = [
        draw_scalp_hair(roots, model, head, np.random.default_rng(1), COLOUR, 60, 2000, style=style)
        for style in (full, bald)
    ]
    crown = [(s.points[:, 0, 1] > head[:, 1].max() - 12).mean() for s in heads]
    assert crown[1] < 0.3 * crown[0]


def test_the_bald_style_has_no_strands(model, roots, head):
    chance = np.random.default_rng(1)
    bald = style_named("bald")
    assert draw_scalp_hair(roots, model, head, chance, COLOUR, 60, 100, style=bald) is None


def test_fewer_strands_are_drawn_wider(model, roots, head):
    many, few = (hair(model, roots, head, "long straight", n=n) for n in (6000, 1500))
    assert 1.5 < np.median(few.radius_mm) / np.median(many.radius_mm) < 4


@pytest.mark.parametrize("seed", range(6))
def test_dark_skin_has_dark_grey_or_dyed_hair(seed):
    chance = np.random.default_rng(seed)
    colours = np.array([draw_hair_colour(-40.0, 25.0, chance) for _ in range(40)])
    assert (colours.max(axis=1) < 0.08).mean() > 0.9
    old = np.array([draw_hair_colour(-40.0, 80.0, chance) for _ in range(40)])
    assert np.median(old.max(axis=1)) > 0.15
