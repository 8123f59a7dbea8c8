import cv2
import numpy as np
import pytest

from lib.artefacts import ARTEFACTS, BatchWriter, Outcome
from lib.errors import CaptureFailure, ConfigError
from lib.figures import (
    NEEDS,
    batches,
    contact_sheet,
    draw_detection,
    draw_fit,
    draw_landmarks,
    stage_sheet,
)
from lib.figures.sheets import (
    CARD,
    CARD_PX,
    CELL_PX,
    GAP_PX,
    LABEL_PX,
    font,
    shorten,
)
from lib.geometry import project
from lib.render.window import Window
from tests.synthetic_head import LINE, synthetic_case, synthetic_model

STEP = CELL_PX + GAP_PX


@pytest.fixture(scope="module")
def model():
    return synthetic_model()


@pytest.fixture(scope="module")
def case(model):
    return synthetic_case(model)


@pytest.fixture(scope="module")
def files(case, tmp_path_factory):
    """A batch of two captures with a result and one without a face."""
    folder = tmp_path_factory.mktemp("b0001")
    for name in (*LINE, "albedo", "parsing", "regression", "parts", "scores"):
        stage = "import" if name == "capture" else name
        with BatchWriter(folder / f"{name}.h5", ARTEFACTS[name], stage) as out:
            out.add("anna", getattr(case, name))
            if name == "capture":
                out.add("hill", case.capture)
            elif name == "faces":
                out.fail("hill", CaptureFailure("no_face", "No face above 0.5."))
            else:
                out.carry(Outcome("hill", "faces", "no_face", "No face above 0.5."))
            out.add("beth", getattr(case, name))
    return {
        name: folder / f"{name}.h5"
        for name in (*LINE, "albedo", "parsing", "regression", "parts", "scores")
    }


def test_pictures_stand_in_rows_and_keep_their_shape():
    red = np.full((40, 80, 3), (200, 10, 10), np.uint8)
    sheet = contact_sheet([("a", red, ""), ("b", red, ""), ("c", red, "")], 2)
    assert sheet.shape == (2 * (STEP + LABEL_PX) + GAP_PX, 2 * STEP + GAP_PX, 3)
    is_red = (sheet == (200, 10, 10)).all(axis=2)
    assert is_red.sum() == 3 * CELL_PX * CELL_PX // 2
    rows, columns = np.nonzero(is_red[: CELL_PX + GAP_PX, :STEP])
    assert np.ptp(rows) + 1 == CELL_PX // 2 and np.ptp(columns) + 1 == CELL_PX


def test_a_failed_capture_is_a_card_with_words_on_it():
    sheet = contact_sheet([("hill", None, "detect: no_face. Check the photo.")], 4)
    cell = sheet[GAP_PX : GAP_PX + CELL_PX, GAP_PX : GAP_PX + CELL_PX]
    card = (cell == CARD).all(axis=2)
    assert 0.9 < card.mean() < 0.995


def test_an_empty_batch_gives_an_empty_sheet():
    assert (contact_sheet([], 6) == contact_sheet([], 1)).all()


def test_long_words_are_cut_to_the_width():
    letters = font(14)
    cut = shorten("a-very-long-file-name-" * 9, 200, letters)
    assert letters.getlength(cut) <= 200 and cut.startswith("a-very") and "…" in cut


@pytest.mark.parametrize("stage", [stage for stage in NEEDS if stage not in batches.WIDE])
def test_every_stage_has_a_sheet_with_a_picture_per_result(stage, files, model):
    sheet = stage_sheet(stage, files, model)
    assert sheet.shape[1] == 3 * STEP + GAP_PX
    cards = [(sheet[200, x : x + CELL_PX] == CARD).all(axis=1).mean() for x in (10, 340, 670)]
    if stage == "import":
        assert max(cards) < 0.1
    else:
        assert cards[1] > 0.7 and cards[0] < 0.1 and cards[2] < 0.1
    np.testing.assert_array_equal(sheet[150:300, 10:330], sheet[150:300, 670:990])
    np.testing.assert_array_equal(sheet, stage_sheet(stage, files, model))


def test_the_heading_of_a_sheet_names_the_batch_and_counts_its_captures(files, monkeypatch):
    headings = []
    monkeypatch.setattr(
        batches, "contact_sheet", lambda pictures, columns, *words: headings.append(words)
    )
    for stage in ("import", "detect"):
        stage_sheet(stage, files)
    batch = files["faces"].parent.name
    assert headings == [
        ("Photos", f"{batch}: 3 captures"),
        ("Faces found", f"{batch}: 3 captures, 1 failed"),
    ]
    assert batches.counted("b0001", 1, 1) == "b0001: 1 capture, 1 failed"


def test_a_long_note_stays_on_the_sheet_and_behind_the_title():
    bare, long = (
        contact_sheet([], 1, "Landmarks", note) for note in ("", "b0001: " + 90 * "many ")
    )
    assert bare.shape == long.shape
    changed = np.flatnonzero((bare != long).any(axis=(0, 2)))
    title = GAP_PX + font(18, bold=True).getlength("Landmarks")
    assert title < changed.min() and changed.max() < bare.shape[1] - GAP_PX


def test_a_sheet_says_which_file_it_lacks(files, model):
    with pytest.raises(ConfigError, match="needs landmarks, capture, faces"):
        stage_sheet("landmarks", {}, model)
    with pytest.raises(ConfigError, match="head model"):
        stage_sheet("fit", files)
    with pytest.raises(ConfigError, match="'dance' has no contact sheet"):
        stage_sheet("dance", files)


def test_the_box_is_drawn_where_the_face_is(case):
    upright = case.faces.replace(roll_rad=np.zeros(1))
    picture = draw_detection(case.capture, upright).astype(int)
    green = (picture[..., 1] > picture[..., 0] + 60) & (picture[..., 1] > picture[..., 2] + 60)
    columns = np.flatnonzero(green.any(axis=0))
    scale = picture.shape[1] / 200  # the box with its margin fills the photo's width
    np.testing.assert_allclose(columns.min() / scale, 50, atol=2)
    np.testing.assert_allclose(columns.max() / scale, 150, atol=2)


def test_missing_landmarks_are_left_out(case):
    nothing = np.full((1, 68, 2), np.nan)
    empty = case.landmarks.replace(
        ibug68_px=nothing, ibug68_sigma_px=np.ones((1, 68)), points_px=np.full((1, 40, 2), np.nan)
    )
    picture = draw_landmarks(case.capture, empty)
    assert np.ptp(picture.astype(int), axis=2).max() == 0  # the photo is grey and nothing is on it


@pytest.fixture(scope="module")
def blind(model, tmp_path_factory):
    """A batch of one capture of three views; the first shows nothing."""
    case = synthetic_case(model, n_views=3)

    def without_first(artefact, **values):
        changed = {name: getattr(artefact, name).copy() for name in values}
        for name, value in values.items():
            changed[name][0] = value
        return artefact.replace(**changed)

    nan = np.nan
    found = {
        "capture": case.capture.replace(left_out=("09",), left_out_reason=("too_small: x",)),
        "faces": without_first(case.faces, box_px=nan, points_px=nan, roll_rad=nan, score=0),
        "landmarks": without_first(
            case.landmarks,
            **dict.fromkeys(("points_px", "sigma_px", "depth_px"), nan),
            **dict.fromkeys(("ibug68_px", "ibug68_sigma_px"), nan),
            presence=0,
        ),
        "skin": case.skin.replace(
            probability=[case.skin.probability[0] * 0, *case.skin.probability[1:]]
        ),
        "fit": without_first(case.fit, world_to_camera=nan, landmarks_px=nan, reprojection_px=nan),
    }
    folder = tmp_path_factory.mktemp("b0001")
    for name, artefact in found.items():
        with BatchWriter(folder / f"{name}.h5", ARTEFACTS[name], name) as out:
            out.add("anna", artefact)
    return {name: folder / f"{name}.h5" for name in found}


@pytest.mark.parametrize("stage", ["import", "detect", "landmarks", "skin", "fit"])
def test_a_view_that_shows_nothing_does_not_spoil_the_sheet(blind, model, stage, monkeypatch):
    shown = []

    def spy(pictures, *rest):
        shown.extend(pictures)
        return contact_sheet(pictures, *rest)

    monkeypatch.setattr(batches, "contact_sheet", spy)
    stage_sheet(stage, blind, model)
    ((_, picture, note),) = shown
    assert picture.std() > 1
    expected = "1 left out; 3 views" if stage == "import" else "2 of 3 views; 01: "
    assert note.startswith(expected) and "nan" not in note


def test_the_clay_covers_the_projected_head(model, case):
    fit, image = case.fit, case.capture.image[0]
    vertices = model.vertices(fit.identity, fit.expression[0])
    outline = project(vertices, fit.world_to_camera[0], fit.focal_px[0], fit.centre_px[0])
    window = Window.around(outline, image.shape[:2], 320, 0.05)
    expected = np.zeros(window.size, np.uint8)
    hull = cv2.convexHull(np.rint(window.points(outline)).astype(np.int32))
    cv2.fillConvexPoly(expected, hull, 1)
    picture = draw_fit(model, case.capture, fit).astype(int)
    covered = (np.abs(picture - window.cut(image)) > 1).any(axis=2)
    free = np.ones(window.size, bool)
    free[: window.size[0] // 3 + 3, : window.size[1] // 3 + 3] = False  # the small photo
    both, either = (covered & (expected > 0))[free].sum(), (covered | (expected > 0))[free].sum()
    assert both / either > 0.95


def test_the_photo_shines_through_the_clay(model, case):
    first, second = (
        draw_fit(model, case.capture.replace(image=(case.capture.image[0] // 2 + more,)), case.fit)
        for more in (0, 100)
    )
    change = second[:, :, 0].astype(int) - first[:, :, 0]
    height, width = change.shape
    face = change[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    assert (change[-1, -1], np.median(face)) == (100, 40)


@pytest.mark.parametrize(("shift", "column"), [(-400, -108), (400, 107)])
def test_the_small_photo_stands_on_the_side_away_from_the_face(model, case, shift, column):
    fit = case.fit.replace(landmarks_px=case.fit.landmarks_px + np.float32([shift, 0]))
    picture = draw_fit(model, case.capture, fit)
    frame = (picture[:100] == 255).all(axis=(0, 2))
    assert frame[column] and frame.sum() == 2


def test_cards_in_a_column_of_large_pictures_are_low():
    picture = np.full((540, 1080, 3), 90, np.uint8)
    failed = ("lost", None, "detect: no_face. Nobody is there.")
    sheet = contact_sheet([("a", picture, ""), failed, ("b", picture, "")], 1, cell_px=(540, 1080))
    assert sheet.shape[0] == 2 * (540 + 56) + CARD_PX + 56 + 10
    assert (sheet[10 + 540 + 56 + 20, 600] == CARD).all()
    assert (sheet[-10 - 46 - 100, 600] == 90).all()
