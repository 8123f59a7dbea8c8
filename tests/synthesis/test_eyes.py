"""Eyeballs fill their openings and stay behind the lids; lashes grow on the right lid."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lib.artefacts import PART_LABELS
from lib.facemodel import read_face_model, write_face_model
from lib.facemodel.ict import ict_model, read_ict_development_copy
from lib.synthesis import draw_capture, open_studio
from tests.synthesis.worlds import PHOTOS, TINY_RIG

LIDS = ((0, 1, 36), (2, 3, 42))  # upper and lower, and the first landmark of the eye
CORNER_MM = 1.2  # where two lids meet, their lines may cross by this
BEYOND_MM = 2.5  # the red of the lids' rims lies outside their landmarks


@pytest.fixture(scope="module")
def ict(tmp_path_factory):
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        pytest.skip("needs the development copy of ICT-FaceKit: set VISAGRAPH_DATA")
    file = tmp_path_factory.mktemp("ict") / "ict.h5"
    source = Path(data) / "models" / "ict_facekit_skin.h5"
    write_face_model(file, ict_model(read_ict_development_copy(source)))
    return open_studio(read_face_model(file))


def check_lashes(studio):
    model = studio.model
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    for upper, lower, first in LIDS:
        lids = [studio.facial_roots.lids[row] for row in (upper, lower)]
        assert [lid.upper for lid in lids] == [True, False]
        above, below = (
            (model.mean[model.triangles[lid.triangle]] * lid.barycentric[..., None]).sum(axis=1)
            for lid in lids
        )
        across = np.linalg.norm(marks[first] - marks[first + 3])
        assert (above[:, 1] > below[:, 1] - CORNER_MM).all()
        assert 0.8 * across < np.ptp(above[:, 0]) < 1.1 * across


def test_lashes_of_upper_lids_grow_above_those_of_lower_ones(studio):
    check_lashes(studio)


def test_eyeballs_give_way_behind_lids_and_nowhere_else(studio):
    model = studio.model
    blink = np.array([n.startswith("eyeSquint") for n in model.expression_names], np.float32)
    posed = model.vertices(None, blink)
    tucked = studio.lids.tucked(model, posed)
    moved = np.linalg.norm(tucked - posed, axis=1)
    balls = np.concatenate(studio.lids.eyeballs)
    assert 1.0 < moved.max() < 1.51
    assert not np.delete(moved, balls).any()
    marks = model.landmarks["ibug68"].on(posed, model.triangles)
    for ball, (_, _, first) in zip(studio.lids.eyeballs, LIDS):
        opening = marks[first : first + 6, :2].astype(np.float32)
        front = ball[posed[ball, 2] > posed[ball, 2].mean()]
        inside = np.array([
            cv2.pointPolygonTest(opening, tuple(map(float, posed[v, :2])), False) > 0
            for v in front
        ])  # fmt: skip
        assert inside.sum() > 20 and not moved[front[inside]].any()


@pytest.mark.slow
def test_ict_lashes_grow_on_their_lids(ict):
    check_lashes(ict)


@pytest.mark.slow
def test_captures_of_ict_have_a_finite_truth_and_closed_lids(ict):
    rig = replace(TINY_RIG, height_px=256, width_px=192)
    for options, index in ((PHOTOS, 0), (PHOTOS, 4), (rig, 0)):
        truth = draw_capture(ict, options, index).truth
        for name, spec in truth.specs().items():
            value = getattr(truth, name)
            if name in ("uv", "depth_mm", "light_distance_mm") or isinstance(value, str):
                continue  # NaN and infinite where nothing is
            for part in value if isinstance(value, tuple) else (value,):
                assert np.isfinite(np.asarray(part, np.float64)).all(), (name, spec)
        assert truth.face_model == "ict"
    seen = np.isfinite(truth.depth_mm[1])
    assert seen.mean() > 0.2 and np.isfinite(truth.uv[1][seen]).all()
    labels = {name: row for row, name in enumerate(PART_LABELS)}
    scale = truth.focal_px[1] / np.median(truth.depth_mm[1][seen])  # px per mm
    for first, name in ((36, "right_eye"), (42, "left_eye")):
        lids = truth.landmarks68_px[1][first : first + 6].astype(np.float32)
        eye = np.argwhere(truth.part[1] == labels[name])[:, ::-1]
        inside = [cv2.pointPolygonTest(lids, tuple(map(float, at)), True) for at in eye]
        assert len(eye) > 10 and min(inside) > -BEYOND_MM * scale - 1


@pytest.mark.slow
def test_no_eyeball_comes_through_a_lid_of_ict(ict):
    rig = replace(TINY_RIG, height_px=384, width_px=288, captures_per_subject=1)
    for index in (0, 1, 5):
        truth = draw_capture(ict, rig, index).truth
        on_ball = np.isin(truth.part[1], [1, 2])
        pieces, _, area, _ = cv2.connectedComponentsWithStats(on_ball.astype(np.uint8))
        assert pieces - 1 == 2, f"capture {index}: {area[1:]}"
