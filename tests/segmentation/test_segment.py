"""Parts and dense landmarks of a head whose pose is known."""

import numpy as np
import pytest

from lib.artefacts import Parts
from lib.errors import ShapeError
from lib.facemodel import PARTS, part_of_triangles
from lib.geometry import SurfaceTree
from lib.segmentation import SegmentationOptions, part_surfaces, segment_parts
from lib.segmentation.segment import bits
from tests.posed_head import make_case

SKIN = PARTS.index("skin") + 1
PUBLISHED = SegmentationOptions(method="3ddfa_v3")


def of_part(full, name):
    return (full >> PARTS.index(name)) & 1 == 1


@pytest.fixture(scope="module", params=[0.0, 55.0], ids=["frontal", "turned"])
def case(request, model):
    return make_case(model, request.param, jaw_open=0.6)


@pytest.fixture(scope="module")
def parts(case, surfaces):
    return segment_parts(surfaces, case.capture, case.fit)


def test_each_pixel_has_the_part_that_its_ray_meets_first(parts, case, model):
    """Rays know nothing of the rasteriser."""
    rng = np.random.default_rng(0)
    label, fit = parts.visible[0], case.fit
    height, width = label.shape
    pixels = np.column_stack([rng.integers(0, width, 3000), rng.integers(0, height, 3000)])
    posed = model.vertices(None, fit.expression[0]).astype(np.float64)
    rotation, shift = fit.world_to_camera[0, :, :3], fit.world_to_camera[0, :, 3]
    rays = np.column_stack([(pixels - fit.centre_px[0]) / fit.focal_px[0], np.ones(len(pixels))])
    rays = rays @ rotation / np.linalg.norm(rays, axis=1, keepdims=True)
    eye = np.tile(-rotation.T @ shift, (len(pixels), 1))
    hits = SurfaceTree(posed, model.triangles).along(eye, rays)
    of_triangle = part_of_triangles(model)
    of_triangle[of_triangle > len(PARTS)] = 0
    expected = np.where(hits.triangles >= 0, of_triangle[np.maximum(hits.triangles, 0)], 0)
    found = label[pixels[:, 1], pixels[:, 0]]
    assert set(expected) >= {0, SKIN, PARTS.index("nose") + 1}
    assert (found == expected).mean() > 0.999  # positions are rounded to 1/256 px


def test_a_whole_part_covers_what_is_seen_of_it(parts):
    label, full = parts.visible[0], parts.full[0]
    assert (full & bits(label) == bits(label)).all()
    for index, name in enumerate(PARTS):
        assert (label == index + 1).sum() > 10, name


def test_the_nose_hides_an_eye_but_does_not_shorten_it(model, surfaces):
    case = make_case(model, yaw_deg=55.0)
    parts = segment_parts(surfaces, case.capture, case.fit)
    hidden, near = ("right_eye", "left_eye")
    seen = {name: (parts.visible[0] == PARTS.index(name) + 1).sum() for name in (hidden, near)}
    whole = {name: of_part(parts.full[0], name).sum() for name in (hidden, near)}
    if seen[hidden] > seen[near]:
        hidden, near = near, hidden
    assert whole[hidden] > 1.5 * seen[hidden]
    assert whole[near] < 1.05 * seen[near]


def test_eyeballs_end_at_the_lids(model, surfaces):
    case = make_case(model)
    full = segment_parts(surfaces, case.capture, case.fit).full[0]
    ring = case.fit.landmarks_px[0][36:42]
    rows, columns = np.nonzero(of_part(full, "right_eye"))
    assert abs(np.ptp(columns) - np.ptp(ring[:, 0])) < 4
    assert abs(np.ptp(rows) - np.ptp(ring[:, 1])) < 4


@pytest.mark.parametrize("options", [None, PUBLISHED], ids=["raster", "published"])
def test_a_model_without_eyeballs_has_all_parts_and_points(skin_alone, options):
    case = make_case(skin_alone, yaw_deg=20.0)
    parts = segment_parts(part_surfaces(skin_alone), case.capture, case.fit, options)
    assert set(np.unique(parts.visible[0])) == set(range(9))
    assert all(of_part(parts.full[0], name).sum() > 10 for name in PARTS)
    for name in ("ibug68", "ldm106", "ldm106_2d", "ldm134"):
        assert np.isfinite(getattr(parts, f"{name}_px")).all(), name


def test_only_the_contour_slides_and_it_lies_on_the_outline(model, surfaces):
    case = make_case(model, yaw_deg=35.0)
    parts = segment_parts(surfaces, case.capture, case.fit)
    np.testing.assert_array_equal(parts.ldm106_px[0, 33:], parts.ldm106_2d_px[0, 33:])
    fixed, shown = parts.ldm106_seen[0, :33].sum(), parts.ldm106_2d_seen[0, :33].sum()
    assert shown > fixed + 3
    moved = np.linalg.norm(parts.ldm106_px[0] - parts.ldm106_2d_px[0], axis=1)[:33]
    assert moved.max() > 5 and moved[16] < 3


def test_points_are_where_the_model_projects_and_know_what_hides_them(model, surfaces):
    case = make_case(model, yaw_deg=80.0)
    parts = segment_parts(surfaces, case.capture, case.fit)
    np.testing.assert_allclose(parts.ibug68_px, case.fit.landmarks_px, atol=1e-3)
    brows = parts.ibug68_seen[0, 17:22].mean(), parts.ibug68_seen[0, 22:27].mean()
    assert min(brows) < 0.5 and max(brows) == 1


def test_the_published_rule_agrees_inside_parts_and_is_coarser_at_their_borders(
    parts, case, surfaces
):
    published = segment_parts(surfaces, case.capture, case.fit, PUBLISHED)
    label, theirs = parts.visible[0], published.visible[0]
    face = (label > 0) | (theirs > 0)
    agree = (label == theirs)[face].mean()
    assert 0.85 < agree < 0.995
    assert published.method == "3ddfa_v3"


def test_a_view_without_a_fit_is_empty(model, surfaces):
    case = make_case(model, views=2, unfitted=[1])
    parts = segment_parts(surfaces, case.capture, case.fit)
    assert not parts.visible[1].any() and not parts.full[1].any()
    assert np.isnan(parts.ldm106_px[1]).all() and not parts.ldm106_seen[1].any()
    assert parts.visible[0].any() and np.isfinite(parts.ldm134_px[0]).all()


def test_a_fit_of_another_model_is_refused(model, surfaces):
    case = make_case(model)
    wrong = case.fit.replace(vertices=np.zeros((5, 3)), vertex_sigma_mm=np.zeros(5))
    with pytest.raises(ShapeError, match=r"fit\.vertices has shape \(5, 3\)"):
        segment_parts(surfaces, case.capture, wrong)


@pytest.mark.parametrize(
    ("yaw_deg", "pixels"),
    [
        (0.0, [45007, 324, 324, 466, 466, 2087, 523, 774, 28029]),
        (55.0, [50968, 173, 99, 441, 77, 1303, 254, 378, 24307]),
    ],
)
def test_numbers_of_version_one(yaw_deg, pixels, model, surfaces):
    """Raise `Parts.version` with these."""
    case = make_case(model, yaw_deg, jaw_open=0.6)
    label = segment_parts(surfaces, case.capture, case.fit).visible[0]
    assert Parts.version == 1
    np.testing.assert_allclose(np.bincount(label.ravel(), minlength=9), pixels, atol=3)
