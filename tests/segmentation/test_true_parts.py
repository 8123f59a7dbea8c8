"""Parts and points of an exact fit against a synthetic photo whose truth is known."""

import numpy as np
import pytest

from lib.artefacts import PART_LABELS
from lib.facemodel import PARTS
from lib.metrics import score_parts
from lib.metrics.parts import IGNORED
from lib.segmentation import SegmentationOptions, segment_parts
from lib.synthesis import SynthesisOptions, draw_capture, open_studio
from tests.posed_head import make_case

OPTIONS = SynthesisOptions(
    height_px=384, width_px=384, texture_px=256, maps_px=64, things=0.0, yaw_deg=40.0
)
HAIR = PART_LABELS.index("hair")


@pytest.fixture(scope="module")
def truth(model):
    return draw_capture(open_studio(model), OPTIONS, 0).truth


def found(truth, model, surfaces, method):
    case = make_case(model)
    fit = case.fit.replace(
        vertices=truth.vertices_mm,
        **{name: getattr(truth, name) for name in ("world_to_camera", "focal_px", "centre_px")},
        landmarks_px=truth.landmarks68_px,
    )
    capture = case.capture.replace(image=truth.image)
    return segment_parts(surfaces, capture, fit, SegmentationOptions(method=method))


@pytest.mark.slow
def test_parts_of_the_true_head_are_the_true_parts_and_published_ones_are_coarser(
    truth, model, surfaces
):
    judged = truth.part[0].astype(int)
    judged = np.where(judged >= HAIR, IGNORED, np.where(judged > len(PARTS), 0, judged))
    overlap = {
        method: score_parts(
            found(truth, model, surfaces, method).visible[0], judged, PART_LABELS[:9]
        ).iou[1:]
        for method in ("raster", "3ddfa_v3")
    }
    assert np.nanmean(overlap["raster"]) > 0.99
    assert 0.75 < np.nanmean(overlap["3ddfa_v3"]) < 0.95


@pytest.mark.slow
def test_points_of_the_true_head_are_the_true_points(truth, model, surfaces):
    parts = found(truth, model, surfaces, "raster")
    for ours, theirs in (("ibug68", "68"), ("ldm106", "106"), ("ldm134", "134")):
        px = getattr(truth, f"landmarks{theirs}_px")
        np.testing.assert_allclose(getattr(parts, f"{ours}_px"), px, atol=1e-2)
        seen = getattr(truth, f"landmarks{theirs}_seen")
        assert (getattr(parts, f"{ours}_seen") == seen).mean() > 0.95
