"""The sheet of a synthetic shard: every capture, and the layers of the first one."""

from itertools import combinations

import numpy as np
import pytest

from lib.artefacts import PART_LABELS, BatchWriter, Truth
from lib.facemodel import load_face_model
from lib.figures import synthetic_sheet, truth_layers
from lib.figures.sheets import CELL_PX, GAP_PX, LABEL_PX, PAPER
from lib.figures.synthetic import LABEL_COLOURS, MOST
from lib.synthesis import draw_capture, open_studio
from tests.synthesis.worlds import TINY

HEADING_PX = 40
N_LAYERS = 6


@pytest.fixture(scope="module")
def truth():
    return draw_capture(open_studio(load_face_model("makehuman")), TINY, 4).truth


@pytest.fixture
def shard(truth, tmp_path):
    def written(count):
        with BatchWriter(tmp_path / "shard_0007.h5", Truth, "synthesise") as out:
            for index in range(count):
                out.add(f"photo_{index:06d}", truth)
        return tmp_path / "shard_0007.h5"

    return written


def cell(sheet, index, columns):
    row, column = divmod(index, columns)
    top = HEADING_PX + GAP_PX + row * (CELL_PX + LABEL_PX + GAP_PX)
    left = GAP_PX + column * (CELL_PX + GAP_PX)
    return sheet[top : top + CELL_PX, left : left + CELL_PX]


@pytest.mark.parametrize(("captures", "columns", "rows"), [(1, 4, 2), (3, 8, 2), (2, 8, 1)])
def test_a_sheet_has_a_place_for_every_capture_and_layer(shard, captures, columns, rows):
    sheet = synthetic_sheet(shard(captures), columns)
    height = HEADING_PX + rows * (CELL_PX + LABEL_PX + GAP_PX) + GAP_PX
    assert sheet.shape == (height, columns * (CELL_PX + GAP_PX) + GAP_PX, 3)
    assert sheet.dtype == np.uint8
    drawn = [
        (cell(sheet, index, columns) != PAPER).any(axis=2).mean() > 0.9
        for index in range(rows * columns)
    ]
    filled = captures + N_LAYERS
    assert drawn == [True] * filled + [False] * (rows * columns - filled)


def test_a_sheet_of_a_large_shard_shows_its_first_captures(shard):
    sheet = synthetic_sheet(shard(MOST + 3), 9)
    rows = -(-(MOST + N_LAYERS) // 9)
    assert sheet.shape[0] == HEADING_PX + rows * (CELL_PX + LABEL_PX + GAP_PX) + GAP_PX


def test_every_layer_shows_something_else(truth):
    layers = truth_layers(truth)
    assert len(layers) == N_LAYERS == len({name for name, _, _ in layers})
    for _, picture, _ in layers:
        assert picture.shape == truth.image[0].shape and picture.dtype == np.uint8
        assert np.ptp(picture) > 30
    head = np.isfinite(truth.depth_mm[0])
    assert head.sum() > 100
    for (one, first, _), (other, second, _) in combinations(layers, 2):
        assert (first != second).any(axis=2)[head].mean() > 0.9, f"{one} is {other}"


def test_near_is_bright_and_what_is_no_head_is_black(truth):
    depth = truth.depth_mm[0]
    picture = next(image for name, image, _ in truth_layers(truth) if name == "depth")
    seen = np.isfinite(depth)
    assert not picture[~seen].any()
    order = np.argsort(depth[seen])
    assert (np.diff(picture[seen][order, 0].astype(int)) <= 0).all()


def test_every_part_has_its_colour(truth):
    assert len(np.unique(LABEL_COLOURS, axis=0)) == len(PART_LABELS)
    picture = next(image for name, image, _ in truth_layers(truth) if name == "parts")
    np.testing.assert_array_equal(picture, LABEL_COLOURS[truth.part[0]])
