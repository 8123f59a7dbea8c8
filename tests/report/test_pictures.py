import base64
import io

import numpy as np
import pytest
from PIL import Image

from lib.figures import NEEDS
from lib.imaging import save_png
from lib.report.page import STAGES
from lib.report.pictures import GAP, PAPER, card_uri, picture_uri
from lib.report.write import _numbers
from tests.synthetic_head import synthetic_case, synthetic_model

SIDE = 100
PANELS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))
VIEWS = tuple((40 * k + 20,) * 3 for k in range(5))


def opened(uri):
    head, data = uri.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)


def stripes(path, colours, height, width):
    rows = [np.full((height, width, 3), colour, np.uint8) for colour in colours]
    save_png(path, np.concatenate(rows, axis=1))
    return path


@pytest.fixture
def overlay(tmp_path):
    return stripes(tmp_path / "overlay.png", PANELS, 120, 60)  # a tall photo


def test_a_card_shows_the_panels_above_and_three_views_below(overlay, tmp_path):
    turntable = stripes(tmp_path / "turntable.png", VIEWS, 50, 50)
    card = opened(card_uri(overlay, turntable, 3 * SIDE))
    assert card.shape == (2 * SIDE, 3 * SIDE, 3)
    middles = card[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE]
    np.testing.assert_allclose(middles, [PANELS, VIEWS[2:]], atol=4)


def test_every_panel_stands_whole_in_the_middle_of_its_square(overlay, tmp_path):
    card = opened(card_uri(overlay, tmp_path / "none.png", 3 * SIDE))
    assert card.shape == (SIDE, 3 * SIDE, 3)
    red = np.abs(card[:, :SIDE] - PANELS[0]).max(axis=2) < 30
    rows, columns = np.nonzero(red)
    height = SIDE - GAP
    np.testing.assert_allclose([rows.min(), rows.max()], [GAP / 2, SIDE - GAP / 2 - 1], atol=1)
    assert abs(np.ptp(columns) + 1 - height / 2) <= 2
    assert abs(rows.mean() + 0.5 - SIDE / 2) <= 1 and abs(columns.mean() + 0.5 - SIDE / 2) <= 1
    np.testing.assert_allclose(card[0, 0], PAPER, atol=3)


def test_a_wide_picture_is_reduced_and_a_narrow_one_is_not(overlay):
    assert opened(picture_uri(overlay, 90)).shape[:2] == (60, 90)
    assert opened(picture_uri(overlay, 900)).shape[:2] == (120, 180)


def test_every_stage_with_a_sheet_is_on_the_page_in_the_order_of_the_line():
    shown = [stage for stage in STAGES if stage in NEEDS]
    assert shown == list(NEEDS)
    assert list(STAGES).index("texture") < list(STAGES).index("displacement")


def test_numbers_of_a_card_are_those_of_the_most_frontal_view():
    model = synthetic_model()
    case = synthetic_case(model, n_views=3)
    pose = case.fit.world_to_camera.copy()
    pose[0] = np.nan  # left out
    pose[1, 2, 2] = 0.1  # a profile
    error = case.fit.reprojection_px * [np.nan, 9, 1]
    fit = case.fit.replace(world_to_camera=pose, reprojection_px=error)
    numbers = dict(_numbers(model, case.capture, fit))
    assert numbers["reprojection"] == "2.0 % of the eye distance"
