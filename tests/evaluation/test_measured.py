"""A measured surface is scored beside the fitted head; views that were left out are no error."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from lib.artefacts import Surface
from lib.evaluation import CaptureTruth, EvaluationOptions, evaluate_capture
from lib.evaluation.heads import heads_of, known_placement
from lib.evaluation.measured import MOST_TEXELS, MeasuredSurface
from lib.metrics import Mesh
from lib.uvspace.grid import chart_grid
from tests.evaluation.captures import model, result, truth

FEW = EvaluationOptions(points=2_000)
TEXELS = 192
VIEWS = 3
HOME = np.eye(3, 4)


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    """Few points of protocols, and no baselines."""
    for name in ("MOST_POINTS", "MOST_HEAD_POINTS", "ALIGNMENT_POINTS"):
        monkeypatch.setattr(f"lib.evaluation.shape.{name}", 500)
    alone = "lib.evaluation.evaluate.heads_of"
    monkeypatch.setattr(alone, lambda model, fit: heads_of(model, fit)[:1])


@pytest.fixture(scope="module")
def grid():
    return chart_grid(model(), truth(VIEWS).vertices_mm, TEXELS)


@pytest.fixture(scope="module")
def scan(grid):
    """The texels themselves, so that a surface on them has no error."""
    whole = surface_of(grid)
    posed = truth(VIEWS).vertices_mm.astype(np.float64)
    mesh = MeasuredSurface.of(model(), whole, posed).mesh(model(), in_world=False)
    face = np.linalg.norm(mesh.vertices - posed[model().parts["face_mask"]].mean(axis=0), axis=1)
    points = model().landmarks["ibug68"].on(posed, model().triangles)
    return CaptureTruth("scans", "", Mesh(mesh.vertices, mesh.triangles, points), face < 60)


def surface_of(grid, distance_mm=0.0, head_to_world=HOME):
    """A surface that lies some mm outside of the true one, in some world."""
    turn, shift = head_to_world[:, :3], head_to_world[:, 3]
    return Surface(
        method="variational",
        head_to_world=head_to_world,
        position_mm=np.where(grid.mask[..., None], grid.position @ turn.T + shift, np.nan),
        normal=grid.normal @ turn.T,
        distance_mm=np.full(grid.mask.shape, distance_mm),
        confidence=grid.mask,
        expression_share=np.zeros(grid.mask.shape),
    )


def scored(scan, surface, made=None):
    made = made or result(truth(VIEWS), known=True)
    return evaluate_capture(model(), replace(made, surface=surface), scan, "scan.ply", FEW)


def value(scores, measure, who="surface"):
    rows = zip(scores.who, scores.measure, scores.value, strict=True)
    return next(number for *row, number in rows if tuple(row) == (who, measure))


def test_a_surface_on_the_truth_has_no_error_though_the_fit_has(grid, scan):
    wrong = result(truth(VIEWS), model().mean, known=True)
    scores = scored(scan, surface_of(grid), wrong)
    assert scores.alignment == ("known", "rigid", "similarity")
    for name in ("known.mean", "rigid.mean", "similarity.mean", "now.mean"):
        assert value(scores, name) < 0.02 < value(scores, name, "fit") / 10, name
    assert value(scores, "known.within_02") > 99.5
    assert np.nanpercentile(np.abs(scores.surface_error_mm), 99) < 0.02


def test_known_cameras_tell_how_far_outside_a_surface_lies(grid, scan):
    scores = scored(scan, surface_of(grid, 0.4))
    assert value(scores, "known.bias") == pytest.approx(0.4, abs=0.01)
    assert value(scores, "known.within_02") < 2
    error = scores.surface_error_mm[0].astype(np.float64)
    assert np.nanmedian(error) == pytest.approx(0.4, abs=0.01)
    assert scores.surface_mm.shape == (TEXELS, TEXELS, 3)


def test_a_missing_piece_counts_as_missing(grid, scan):
    kept = (np.arange(TEXELS) >= TEXELS // 2)[None, :, None]
    half = surface_of(grid)
    half = half.replace(position_mm=np.where(kept, half.position_mm, np.nan))
    assert 30 < value(scored(scan, half), "known.missing") < 60


def test_a_surface_in_a_turned_world_is_compared_there(grid, scan):
    """Cameras, surface and truth moved together: nothing changes but the frame."""
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    to_world = np.column_stack([turn, [300, -20, 70]])
    made = result(truth(VIEWS), known=True)
    cameras = np.stack([
        np.column_stack([pose[:, :3] @ turn.T, pose[:, 3] - pose[:, :3] @ turn.T @ to_world[:, 3]])
        for pose in made.fit.world_to_camera
    ])  # fmt: skip
    made = replace(made, capture=made.capture.replace(world_to_camera=cameras))
    moved = Mesh(
        scan.mesh.vertices @ turn.T + to_world[:, 3],
        scan.mesh.triangles,
        scan.mesh.landmarks @ turn.T + to_world[:, 3],
    )
    scores = scored(replace(scan, mesh=moved), surface_of(grid, 0.0, to_world), made)
    assert value(scores, "known.mean") < 0.02
    grid_mm = scores.surface_mm[grid.mask]
    np.testing.assert_allclose(grid_mm, grid.position[grid.mask], atol=1e-3)


def test_a_photo_in_the_batch_has_the_scores_of_a_photo(grid, scan):
    made = result(truth(1))
    plain = evaluate_capture(model(), made, scan, "scan.ply", FEW)
    beside = scored(scan, surface_of(grid).replace(method="none"), made)
    for field in fields(plain):
        np.testing.assert_array_equal(getattr(beside, field.name), getattr(plain, field.name))
    assert "surface" not in plain.who and plain.surface_mm.size == 0


def test_a_large_surface_is_thinned_for_heat_maps(grid):
    wide = np.zeros((2 * MOST_TEXELS + 2, 4, 3))
    assert MeasuredSurface(wide, np.zeros((1, 3)), np.eye(3, 4)).thinned.shape == (342, 2, 3)


def test_views_that_were_left_out_have_no_scores_and_spoil_none():
    shown = truth(VIEWS)
    made = result(shown, known=True)
    fit = made.fit

    def without_first(name):
        values = getattr(fit, name).astype(float).copy()
        values[0] = np.nan
        return values

    per_view = ("expression", "expression_sigma", "world_to_camera", "focal_px", "focal_sigma")
    per_view += ("centre_px", "light", "landmarks_px", "landmarks_mm", "reprojection_px")
    blind = replace(made, fit=fit.replace(**{name: without_first(name) for name in per_view}))
    of_truth = CaptureTruth(
        "synthetic",
        "makehuman",
        Mesh(shown.vertices_mm, model().triangles, shown.landmarks68_mm),
        np.isin(np.arange(model().n_vertices), model().parts["face_mask"]),
        synthetic=shown,
    )
    every, some = (evaluate_capture(model(), one, of_truth, "x#y", FEW) for one in (made, blind))
    known = set(zip(every.who, every.measure, every.view))
    left = set(zip(some.who, some.measure, some.view))
    lost = {measure for _, measure, view in known - left}
    assert lost and all(view == 0 for *_, view in known - left) and left <= known
    assert {"camera.rotation", "landmarks.fitted", "parts.mean"} <= lost
    assert not lost & {"landmarks.measured", "skin.mask"}
    assert value(some, "known.mean", "fit") == pytest.approx(value(every, "known.mean", "fit"))
    assert value(some, "rigid.mean", "fit") == pytest.approx(value(every, "rigid.mean", "fit"))


def test_a_world_without_a_unit_places_no_head():
    made = result(truth(VIEWS), known=True)
    assert known_placement(made.capture, made.fit) is not None
    assert known_placement(made.capture.replace(length_unit="unknown"), made.fit) is None
