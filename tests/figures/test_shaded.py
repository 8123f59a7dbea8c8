"""The sheet of relief from shading: photo, grey head, grey head with relief."""

import numpy as np
import pytest

from lib.artefacts import BatchWriter, Capture, FaceFit, Faces, Surface
from lib.errors import CaptureFailure
from lib.figures import stage_sheet
from lib.figures.shaded import draw_shaded
from lib.render.window import Window
from lib.uvspace.grey import grey_head, relief_tilt, view_camera
from lib.uvspace.grid import chart_grid
from lib.uvspace.shown import posed_vertices
from tests.synthetic_head import synthetic_case, synthetic_model

SIDE = 160


@pytest.fixture(scope="module")
def model():
    return synthetic_model()


@pytest.fixture(scope="module")
def case(model):
    return synthetic_case(model)


@pytest.fixture(scope="module")
def grid(model, case):
    return chart_grid(model, posed_vertices(model, case.fit, 0), 256)


def surface_of(grid, distance):
    return Surface(
        method="shading:optimise",
        head_to_world=np.eye(3, 4),
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=distance * grid.mask,
        confidence=grid.mask,
        expression_share=np.zeros(grid.mask.shape),
    )


def waves(grid):
    return 0.5 * np.sin(grid.position[..., 0] / 2)


def test_only_the_third_picture_shows_the_relief(model, case, grid):
    plain, rough = (
        draw_shaded(model, case.capture, case.fit, surface_of(grid, height), SIDE)
        for height in (np.zeros(grid.mask.shape), waves(grid))
    )
    assert plain.shape == (SIDE, 3 * SIDE, 3)
    np.testing.assert_array_equal(plain[:, : 2 * SIDE], rough[:, : 2 * SIDE])
    np.testing.assert_array_equal(plain[:, SIDE : 2 * SIDE], plain[:, 2 * SIDE :])
    assert (plain[:, 2 * SIDE :] != rough[:, 2 * SIDE :]).mean() > 0.2


def test_a_slope_towards_the_light_is_brighter(model, case, grid):
    """The light stands on the left: skin that rises to the right looks at it."""
    posed, camera = posed_vertices(model, case.fit, 0), view_camera(case.fit, 0)
    size = case.capture.image[0].shape[:2]
    window = Window((0, 0), size, size)
    towards = np.sign(camera.world_to_camera[0, 0])  # of x of the head on the picture
    plain, rising = (
        grey_head(model, posed, window, camera, relief_tilt(grid, slope * grid.position[..., 0]))
        for slope in (0.0, 0.3 * towards)
    )
    head = plain[..., 0] < 240
    inner = head & np.roll(head, 8, 1) & np.roll(head, -8, 1)
    assert (rising[inner].astype(int) - plain[inner]).mean() > 5


def test_the_sheet_tells_the_size_of_the_relief_and_why_one_failed(model, case, grid, tmp_path):
    given = {
        "capture": (Capture, case.capture),
        "faces": (Faces, case.faces),
        "fit": (FaceFit, case.fit),
    }
    files = {}
    for name, (kind, artefact) in given.items():
        files[name] = tmp_path / "b0001" / f"{name}.h5"
        with BatchWriter(files[name], kind, name) as writer:
            writer.add(case.faces.photo, artefact)
    files["surface"] = tmp_path / "b0001" / "surface.h5"
    with BatchWriter(files["surface"], Surface, "shade") as writer:
        writer.add(case.faces.photo, surface_of(grid, waves(grid)))
        writer.fail("lost", CaptureFailure("original_missing", "It is gone."))
    sheet = stage_sheet("shade", files, model)
    assert sheet.shape[1] > 1500 and len(np.unique(sheet.reshape(-1, 3), axis=0)) > 200
