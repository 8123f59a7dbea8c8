"""Sheets of what calibrated views made, and heat maps of a measured surface."""

import numpy as np
import pytest

from lib.artefacts import ARTEFACTS, BaseMesh, BatchWriter, Rig, Surface
from lib.errors import CaptureFailure
from lib.figures import (
    batches,
    contact_sheet,
    draw_base,
    draw_errors,
    draw_rig,
    draw_surface,
    preferred_alignment,
    shown_measure,
    stage_sheet,
)
from lib.figures.measured import FRONT, SIDE
from lib.figures.rigs import GOOD, OUT, view_error_px
from lib.figures.sheets import CARD, GAP_PX, LABEL_PX
from lib.geometry import project
from lib.uvspace.grid import chart_grid
from tests.synthetic_head import synthetic_case, synthetic_model

VIEWS, TEXELS = 3, 96
HEAD_TO_WORLD = np.column_stack([[[0, 0, 1], [0, 1, 0], [-1, 0, 0]], [50, 20, -10]]).astype(float)
WORLD_TO_HEAD = np.column_stack(
    [HEAD_TO_WORLD[:, :3].T, -HEAD_TO_WORLD[:, :3].T @ HEAD_TO_WORLD[:, 3]]
)


@pytest.fixture(scope="module")
def model():
    return synthetic_model()


@pytest.fixture(scope="module")
def case(model):
    return synthetic_case(model, n_views=VIEWS)


@pytest.fixture(scope="module")
def rig(case):
    """Three cameras beside each other; the last one is left out. Errors are 2 px."""
    n_points = case.landmarks.points_px.shape[1]
    points = np.random.default_rng(2).uniform(-60, 60, (n_points, 3))
    return Rig(
        source="file",
        method="",
        moved_px=np.zeros(3),
        scale_source="marker",
        scale=2.0,
        used=[1, 1, 0],
        reason=["", "", "it is black."],
        world_to_camera=case.fit.world_to_camera + np.eye(3, 4, 3) * np.arange(3)[:, None, None],
        focal_px=case.fit.focal_px,
        centre_px=case.fit.centre_px,
        scheme=case.landmarks.scheme,
        points_mm=points,
        covariance_mm2=np.zeros((n_points, 3, 3)),
        inlier=np.ones((VIEWS, n_points)),
        reprojection_px=np.full((VIEWS, n_points), 2.0),
    )


@pytest.fixture(scope="module")
def base(model):
    moved = np.zeros(model.n_vertices)
    moved[model.parts["face_mask"]] = 4.0
    return BaseMesh(
        model=model.name,
        source="views",
        vertices_mm=in_world(model.mean),
        head_to_world=HEAD_TO_WORLD,
        free_form_mm=moved,
        observed=np.ones(model.n_vertices),
    )


@pytest.fixture(scope="module")
def surface(model):
    grid = chart_grid(model, in_world(model.mean), TEXELS)
    return Surface(
        method="variational",
        head_to_world=HEAD_TO_WORLD,
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=np.zeros(grid.mask.shape),
        confidence=grid.mask,
        expression_share=np.zeros(grid.mask.shape),
    )


def in_world(points):
    return (points @ HEAD_TO_WORLD[:, :3].T + HEAD_TO_WORLD[:, 3]).astype(np.float32)


def in_head(points):
    return points @ WORLD_TO_HEAD[:, :3].T + WORLD_TO_HEAD[:, 3]


def near(picture, colour, reach=40):
    return (np.abs(picture.astype(int) - colour) < reach).all(axis=2)


def measured_at(case, rig):
    """Landmarks on the triangulated points, two px to the right."""
    points = [
        project(rig.points_mm, rig.world_to_camera[view], rig.focal_px[view], rig.centre_px[view])
        for view in range(VIEWS)
    ]
    return case.landmarks.replace(points_px=np.stack(points) + [2.0, 0.0])


def test_views_of_a_rig_show_its_points_and_a_left_out_view_is_grey(case, rig):
    colourful = [np.dstack([image[..., 0], image[..., 0] // 2, image[..., 0] // 4])
                 for image in case.capture.image]  # fmt: skip
    picture = draw_rig(case.capture.replace(image=colourful), measured_at(case, rig), rig)
    first, last = picture[:240, :248], picture[275:510, :248]  # 2 x 2 places
    assert near(first, GOOD).sum() > 100
    assert not near(last, GOOD).any()
    words = last[:40]
    assert words.max() == 255, "no reason"
    assert np.ptp(last[120:, 10:240].astype(int), axis=2).max() == 0, "not grey"


def test_the_plan_shows_a_left_out_camera_in_red(case, rig):
    landmarks = measured_at(case, rig)
    plan = draw_rig(case.capture, landmarks, rig)[:, 740:]
    everything = draw_rig(case.capture, landmarks, rig.replace(used=[1, 1, 1]))[:, 740:]
    assert near(plan, OUT).sum() > 10 > near(everything, OUT).sum()


def test_the_error_of_a_view_is_that_of_believed_points(rig):
    error, inlier = rig.reprojection_px.copy(), rig.inlier.copy()
    error[0, :30], inlier[0, :30] = 90, 0
    error[1] = np.nan
    found = rig.replace(reprojection_px=error, inlier=inlier)
    assert [view_error_px(found, view) for view in (0, 2)] == [2, 2]
    assert np.isnan(view_error_px(found, 1))


def test_pictures_do_not_depend_on_where_the_world_is(model, base, surface):
    picture = draw_base(model, base)
    home = base.replace(vertices_mm=in_head(base.vertices_mm), head_to_world=np.eye(3, 4))
    assert (np.abs(picture.astype(int) - draw_base(model, home)) > 12).mean() < 1e-3
    picture = draw_surface(model, surface)
    home = surface.replace(
        position_mm=in_head(surface.position_mm),
        normal=surface.normal @ HEAD_TO_WORLD[:, :3],
        head_to_world=np.eye(3, 4),
    )
    assert (np.abs(picture.astype(int) - draw_surface(model, home)) > 12).mean() < 1e-3


def test_only_one_panel_is_coloured_and_it_follows_the_values(model, surface):
    def colours(picture):
        return np.ptp(picture[SIDE[0] + 5 : -40, FRONT[1] + 5 : FRONT[1] + SIDE[1] - 5], axis=2)

    sure = draw_surface(model, surface)
    unsure = draw_surface(model, surface.replace(confidence=0 * surface.confidence))
    assert np.percentile(colours(sure), 90) > 60
    same = (sure == unsure).all(axis=2)
    same[SIDE[0] :, FRONT[1] : FRONT[1] + SIDE[1]] = True
    assert same.all()
    assert (colours(sure) != colours(unsure)).mean() > 0.1


@pytest.fixture(scope="module")
def files(model, case, rig, base, surface, tmp_path_factory):
    """A batch with a capture of three views, a single photo and one that failed."""
    folder = tmp_path_factory.mktemp("b0001")
    alone = synthetic_case(model)
    unknown = rig.replace(
        source="none",
        moved_px=[0],
        used=[1],
        reason=[""],
        points_mm=np.full_like(rig.points_mm, np.nan),
        **{
            name: getattr(rig, name)[:1] * np.nan
            for name in ("world_to_camera", "focal_px", "centre_px", "reprojection_px")
        },
        inlier=0 * rig.inlier[:1],
    )
    found = {
        "capture": (case.capture, alone.capture),
        "faces": (case.faces, alone.faces.replace(photo="beth")),
        "landmarks": (measured_at(case, rig), alone.landmarks),
        "rig": (rig, unknown),
        "base": (base, base.replace(source="fit", free_form_mm=0 * base.free_form_mm)),
        "surface": (
            surface,
            surface.replace(method="none", confidence=0 * surface.confidence),
        ),
    }
    for name, (many, one) in found.items():
        with BatchWriter(folder / f"{name}.h5", ARTEFACTS[name], name) as out:
            out.add("anna", many)
            out.add("beth", one)
            if name != "capture":
                out.fail("carl", CaptureFailure("views_disagree", "The views do not agree."))
    return {name: folder / f"{name}.h5" for name in found}


@pytest.mark.parametrize(
    ("stage", "notes"),
    [
        ("rig", ("2 of 3 views used; cameras: file, millimetres: marker; 40 points, "
                 "reprojection 2.0 px", "one view: no camera is known")),
        ("base", ("fitted to calibrated views; free-form layer of the face: median 4.0 mm, "
                  "largest 4.0 mm", "the fit of a single photo; free-form layer of the face: "
                  "median 0.0 mm, largest 0.0 mm")),
        ("surface", ("variational, 96 texels a side; of the face, median confidence 1.00, "
                     "0.00 mm from the base mesh", "nothing was measured: the fitted head")),
    ],
)  # fmt: skip
def test_a_batch_of_captures_and_photos_has_wide_pictures_and_a_card(
    files, model, stage, notes, monkeypatch
):
    shown = []

    def spy(pictures, *rest):
        shown.extend(pictures)
        return contact_sheet(pictures, *rest)

    monkeypatch.setattr(batches, "contact_sheet", spy)
    sheet = stage_sheet(stage, files, model)
    assert tuple(note for _, _, note in shown[:2]) == notes
    assert all(picture.std() > 5 for _, picture, _ in shown[:2])
    (_, wide), columns = batches.WIDE[stage]
    assert columns == 1 and sheet.shape[1] == wide + 20
    assert (sheet[-LABEL_PX - GAP_PX - 20, 15 : wide // 2] == CARD).all()


def test_a_heat_map_is_of_the_measured_surface_where_there_is_one(model, case, surface):
    grid = in_head(surface.points_mm)
    error = np.sign(grid[None, ..., 1] + 20)
    fit = case.scores
    both = fit.replace(
        surface_mm=grid, surface_error_mm=error, vertex_error_mm=0 * fit.vertex_error_mm
    )
    picture = draw_errors(model, both).astype(int)
    reddish = picture[:550, :390, 0] - picture[:550, :390, 2] > 60
    bluish = picture[:550, :390, 2] - picture[:550, :390, 0] > 60
    assert reddish[:250].sum() > 20 * reddish[300:].sum() > -1
    assert bluish[300:].sum() > 20 * bluish[:250].sum() > -1
    assert min(reddish.mean(), bluish.mean()) > 0.1
    assert (shown_measure(fit), shown_measure(both)) == ("rigid.mean", "rigid.median")


def test_a_surface_beside_the_truth_is_shown_after_a_rigid_alignment(case, surface):
    grid = in_head(surface.points_mm)
    near_by = np.full((2, *grid.shape[:2]), 0.1)
    scores = case.scores.replace(
        alignment=("known", "rigid"),
        vertex_error_mm=np.full((2, len(case.scores.posed_mm)), 0.1),
        surface_mm=grid,
        surface_error_mm=near_by,
    )
    assert preferred_alignment(scores) == "known"
    away = scores.replace(surface_error_mm=near_by * np.array([5, 1])[:, None, None])
    assert preferred_alignment(away) == "rigid"
