import numpy as np
import pytest

from lib.artefacts import BatchWriter, Displacement, Surface
from lib.errors import CaptureFailure
from lib.figures.relief import draw_relief, relief_sheet
from lib.figures.sheets import CELL_PX
from tests.displacement.conftest import SIDE, bumps, grey, patch


@pytest.fixture(scope="module")
def surface():
    flat = np.zeros((SIDE, SIDE))
    return patch(grey(flat), flat).surface


def displaced(height):
    return Displacement(method="highpass", height_mm=height, confidence=np.ones_like(height))


def test_relief_shows_on_the_right_and_only_there(surface):
    picture = draw_relief(surface, displaced(bumps(SIDE, 0.5, 1, 0.03)), 200)
    assert picture.shape == (200, 200, 3) and picture.dtype == np.uint8
    assert picture[:, 2:96].std() < 1
    assert picture[:, 104:].std() > 5


def test_light_comes_from_the_left_so_that_a_ridge_is_bright_there(surface):
    column = np.arange(SIDE)
    ridge = 0.4 * np.exp(-0.5 * ((column - 180) / 6) ** 2)
    picture = draw_relief(surface, displaced(np.repeat(ridge[None], SIDE, axis=0)), SIDE, 60.0)
    row = picture[SIDE // 2, :, 0].astype(float)
    assert row[172:178].mean() > row[140:150].mean() + 5 > row[182:188].mean() + 10


def test_the_sheet_has_a_picture_per_capture_and_a_card_per_failure(surface, tmp_path):
    below, over = tmp_path / "surface.h5", tmp_path / "displacement.h5"
    with BatchWriter(below, Surface, "surface") as writer:
        writer.add("anna", surface)
    with BatchWriter(over, Displacement, "displacement") as writer:
        writer.add("anna", displaced(bumps(SIDE, 0.5, 1, 0.03)))
        writer.fail("ben", CaptureFailure("no_surface", "Nothing has a place."))
    sheet = relief_sheet(below, over)
    assert sheet.shape[1] > 2 * CELL_PX and sheet.dtype == np.uint8
    assert sheet.std() > 5
