"""Heads whose error is known have the scores that geometry says."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from lib.artefacts import BatchReader, BatchWriter, Outcome, Scores, Truth
from lib.errors import ArtefactError, CaptureFailure, ConfigError
from lib.evaluation import (
    MEASURES,
    EvaluationOptions,
    evaluate_batch,
    evaluate_capture,
    failed_scores,
    read_truth,
    rows_of_scores,
    scoreboard,
    write_scoreboard,
)
from lib.evaluation.heads import OuterSurface, heads_of
from lib.figures import preferred_alignment
from lib.geometry import vertex_normals
from lib.metrics import NOW_POINTS
from tests.evaluation.captures import SIGMA_MM, identity, model, result, truth

FEW = EvaluationOptions(points=4_000)


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    """Protocols on a few points of the truth, which here is smooth."""
    monkeypatch.setattr("lib.evaluation.shape.MOST_POINTS", 1_000)


@pytest.fixture
def fit_alone(monkeypatch):
    """No baselines: for tests that do not look at them."""
    alone = "lib.evaluation.evaluate.heads_of"
    monkeypatch.setattr(alone, lambda model, fit: heads_of(model, fit)[:1])


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    path = tmp_path_factory.mktemp("shards") / "shard_0000.h5"
    with BatchWriter(path, Truth, "synthesise") as writer:
        writer.add("one", truth())
        writer.add("many", truth(3))
        writer.add("free", truth(span=""))
    return path


def scored(shard, name, made):
    reference = f"{shard}#{name}"
    return evaluate_capture(model(), made, read_truth(reference, model()), reference, FEW)


def value(scores, measure, who="fit"):
    rows = zip(scores.who, scores.measure, scores.value, strict=True)
    found = [
        number for row_who, row_measure, number in rows if (row_who, row_measure) == (who, measure)
    ]
    assert found, f"no {measure} of {who}"
    return float(np.mean(found))


@pytest.fixture(scope="module")
def perfect(shard):
    """Scores of the truth itself, with baselines."""
    return scored(shard, "many", result(truth(3), known=True))


def test_the_truth_itself_has_no_error(perfect):
    for measure in set(perfect.measure):
        best = {"low": 0, "0": 0}.get(MEASURES[measure].best)
        best = 100 if MEASURES[measure].unit == "%" and MEASURES[measure].best == "high" else best
        if best is not None and not measure.startswith("albedo"):
            assert value(perfect, measure) == pytest.approx(best, abs=1e-3), measure
    assert np.nanmax(np.abs(perfect.vertex_error_mm)) < 1e-3
    assert perfect.alignment == ("known", "rigid", "similarity")


def test_baselines_stand_beside_every_shape(perfect):
    shapes = {name for name in perfect.measure if MEASURES[name].aspect == "shape"}
    rows = set(zip(perfect.who, perfect.measure))
    wanted = {(who, name) for who in ("fit", "average_person", "mean_face") for name in shapes}
    assert {row for row in rows if row[1] in shapes} == wanted - {
        row for row in wanted if row[1].startswith("sigma")
    }
    assert value(perfect, "rigid.mean", "mean_face") > 0.5
    assert value(perfect, "rigid.mean", "average_person") > 0.5


def test_units_are_those_of_the_measures(perfect):
    assert perfect.unit == tuple(MEASURES[name].unit for name in perfect.measure)


def test_a_millimetre_off_is_seen_by_known_cameras_alone(shard, fit_alone):
    moved = result(truth(3), truth(3).vertices_mm + np.float32([0, 0, 1]), known=True)
    scores = scored(shard, "many", moved)
    # of a surface moved along z, a point is about as far as its normal looks along z
    assert 0.3 < value(scores, "known.mean") < 0.8
    assert value(scores, "known.bias") > 0.2
    for name in ("rigid.mean", "similarity.mean", "now.mean", "head.all"):
        assert value(scores, name) < 1e-3, name
    face = model().parts["face_mask"]
    known = scores.vertex_error_mm[0, face]
    assert np.nanmax(known) == pytest.approx(1, abs=0.01)


def test_a_larger_head_is_an_error_unless_scale_is_free(shard, fit_alone):
    scores = scored(shard, "one", result(truth(), 1.03 * truth().vertices_mm))
    assert scores.alignment == ("rigid", "similarity")
    assert value(scores, "rigid.mean") > 0.3
    assert value(scores, "similarity.mean") < 1e-3
    assert value(scores, "now.mean") < 1e-3


def test_a_smoothed_head_lacks_detail(shard, fit_alone):
    edges = model().triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    count = np.maximum(np.bincount(edges[:, 0], minlength=model().n_vertices), 1)[:, None]
    smooth = truth().vertices_mm.astype(float)
    for _ in range(10):
        sums = [
            np.bincount(edges[:, 0], smooth[edges[:, 1], k], model().n_vertices) for k in range(3)
        ]
        smooth = np.stack(sums, axis=1) / count
    scores = scored(shard, "one", result(truth(), smooth))
    assert 0.02 < value(scores, "rigid.detail") < value(scores, "rigid.mean") < 1.0
    assert value(scores, "rigid.normals") > 1


def test_a_wrong_pose_is_told_in_degrees_and_does_not_spoil_the_shape(shard, fit_alone):
    scores = scored(shard, "one", result(truth(), turn_deg=4))
    assert value(scores, "camera.rotation") == pytest.approx(4, abs=0.01)
    assert value(scores, "camera.focal") == pytest.approx(0, abs=1e-6)
    assert value(scores, "rigid.mean") < 1e-3
    assert value(scores, "landmarks.measured") < 1e-3 < value(scores, "landmarks.fitted")
    assert value(scores, "parts.mean") < 95


def test_sigma_covers_errors_as_large_as_it_says(shard, fit_alone):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, SIGMA_MM / np.sqrt(3), (model().n_vertices, 3))
    scores = scored(shard, "one", result(truth(), truth().vertices_mm + noise))
    covered = [value(scores, f"sigma.within_{level}") for level in (50, 80, 95)]
    assert covered == sorted(covered)
    assert 50 <= covered[0] < 95 <= covered[2]  # the nearest point is nearer than the vertex's own


def test_errors_drawn_from_sigma_are_covered_as_often_as_it_says(shard, fit_alone):
    true, normal_sigma = (
        truth(),
        0.05,
    )  # far below an edge's length: the nearest point is straight on
    drawn = np.random.default_rng(1).normal(0, normal_sigma, (model().n_vertices, 1))
    fitted = true.vertices_mm + drawn * vertex_normals(true.vertices_mm, model().triangles)
    made = result(true, fitted)
    sigma = np.full(model().n_vertices, np.sqrt(3) * normal_sigma)
    made = replace(made, fit=made.fit.replace(vertex_sigma_mm=sigma))
    scores = scored(shard, "one", made)
    covered = [value(scores, f"sigma.within_{level}") for level in (50, 80, 95)]
    np.testing.assert_allclose(covered, [50, 80, 95], atol=3)


@pytest.mark.parametrize(
    ("change", "known_mm", "rigid_mm", "similarity_mm"),
    [
        ("none", (0, 1e-3), (0, 1e-3), (0, 1e-3)),
        ("moved by 1 mm", (0.45, 0.65), (0, 1e-3), (0, 1e-3)),
        ("turned by 5 degrees", (1.0, 5.0), (0, 1e-3), (0, 1e-3)),
        ("scaled by 2 %", (0.8, 2.0), (0.4, 0.8), (0, 1e-3)),
    ],
)
def test_a_changed_truth_has_in_the_table_what_geometry_says(
    shard, tmp_path, change, known_mm, rigid_mm, similarity_mm
):
    true = truth(3)
    vertices = {
        "moved by 1 mm": true.vertices_mm + np.float32([0, 0, 1]),
        "scaled by 2 %": 1.02 * true.vertices_mm,
    }.get(change)
    turn_deg = 5.0 if change.startswith("turned") else 0.0
    scores = scored(shard, "many", result(true, vertices, known=True, turn_deg=turn_deg))
    write_scoreboard(tmp_path / "scoreboard.tsv", scoreboard(rows_of_scores("anna", scores)))
    with open(tmp_path / "scoreboard.tsv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    means = {(line["measure"], line["who"]): line["mean"] for line in lines}
    for name, (low, high) in zip(
        ("known", "rigid", "similarity"), (known_mm, rigid_mm, similarity_mm), strict=True
    ):
        assert low <= float(means[f"{name}.mean", "fit"]) <= high, name
        for who in ("average_person", "mean_face"):
            assert float(means[f"{name}.mean", who]) > 0.5
    if turn_deg:
        assert preferred_alignment(scores) == "rigid"


def test_scores_are_the_same_for_any_number_of_threads(shard):
    reference = f"{shard}#one"
    true = read_truth(reference, model())
    few, many = (
        evaluate_capture(model(), result(truth()), true, reference, FEW, threads=threads)
        for threads in (1, 4)
    )
    assert (few.who, few.measure) == (many.who, many.measure)
    np.testing.assert_array_equal(few.value, many.value)
    np.testing.assert_array_equal(few.vertex_error_mm, many.vertex_error_mm)


def test_a_shape_of_the_fitted_model_is_in_model_and_a_free_one_is_not(shard):
    for name, span in (("one", "in_model"), ("free", "out_of_model")):
        true = read_truth(f"{shard}#{name}", model())
        failure = CaptureFailure("no_face", "A cup.")
        assert failed_scores(model(), true, "", 1, failure).span == span


def test_pictures_of_another_size_leave_scores_of_pictures_out(shard, fit_alone):
    made = result(truth())
    other = made.capture.replace(original_size=2 * made.capture.original_size)
    scores = scored(shard, "one", type(made)(other, made.landmarks, made.skin, made.fit))
    assert {MEASURES[name].aspect for name in scores.measure} == {"shape", "sigma"}


def test_a_failed_capture_counts_and_one_without_truth_does_not(shard, fit_alone, tmp_path):
    outcomes = (
        Outcome("good", "texture", "ok"),
        Outcome("lost", "detect", "no_face", "A cup."),
        Outcome("untold", "texture", "ok"),
        Outcome("broken", "texture", "ok"),
    )

    def read(name):
        if name == "broken":
            raise RuntimeError("a defect")
        return result(truth())

    truths = dict.fromkeys(("good", "lost", "broken"), (f"{shard}#one", 1))
    evaluate_batch(model(), outcomes, truths, read, tmp_path / "scores.h5", FEW)
    with BatchReader(tmp_path / "scores.h5", Scores) as made:
        found = dict(made.items())
    assert {name: one.outcome for name, one in found.items()} == {
        "good": "ok",
        "lost": "no_face",
        "broken": "crashed",
    }
    board = scoreboard([row for item in found.items() for row in rows_of_scores(*item)])
    write_scoreboard(tmp_path / "scoreboard.tsv", board)
    lines = (tmp_path / "scoreboard.tsv").read_text().splitlines()
    (line,) = [line.split("\t") for line in lines if "\trigid.mean\tmm\tfit\t" in line]
    assert line[7:10] == ["1", "2", "1"]
    assert float(line[-2]) == pytest.approx(value(found["good"], "rigid.mean"), rel=1e-5)
    assert found["lost"].reason == "A cup."
    assert found["lost"].span == found["good"].span == "in_model"
    assert not found["lost"].who and len(found["good"].who) > 50


def test_an_item_that_the_shard_lacks_is_an_error(shard):
    with pytest.raises(ArtefactError, match="no capture 'gone'"):
        read_truth(f"{shard}#gone", model())


def test_a_scanner_does_not_see_into_the_mouth(shard):
    outer = OuterSurface.of(model())
    seen = read_truth(f"{shard}#one", model()).mesh
    assert 0.98 < len(seen.triangles) / len(outer.triangles) <= 1
    assert len(seen.triangles) < 0.8 * len(model().triangles)


# scans


def scan_of(folder, points, unit=None, scale=1.0):
    outer = OuterSurface.of(model())
    mesh = outer.mesh(model().vertices(identity()))
    path = folder / "anna.ply"
    trimesh.Trimesh(scale * mesh.vertices, mesh.triangles, process=False).export(path)
    marks = scale * mesh.landmarks[points]
    content = marks.tolist() if unit is None else {"units": unit, "points": marks.tolist()}
    (folder / "anna.landmarks.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("points", "unit", "scale"),
    [(slice(None), None, 1.0), (NOW_POINTS, "mm", 1.0), (slice(None), "m", 0.001)],
)
def test_a_scan_with_68_or_7_points_is_a_truth_out_of_the_model(
    fit_alone, tmp_path, points, unit, scale
):
    path = scan_of(tmp_path, points, unit, scale)
    scan = read_truth(str(path), model())
    made = evaluate_capture(model(), result(truth()), scan, str(path), FEW)
    assert (made.dataset, made.span) == ("scans", "out_of_model")
    assert value(made, "rigid.mean") < 1e-2
    assert ("region.mean" in made.measure) == (len(scan.mesh.landmarks[points]) == 68)
    face = model().vertices(identity())[model().parts["face_mask"]]
    counted = scan.mesh.vertices[scan.face]
    assert np.abs(counted.min(axis=0) - face.min(axis=0)).max() < 12
    assert np.abs(counted.max(axis=0) - face.max(axis=0)).max() < 12


@pytest.mark.parametrize("as_bool", [False, True])
def test_a_file_beside_a_scan_says_what_of_it_counts(tmp_path, as_bool):
    path = scan_of(tmp_path, slice(None))
    vertices = OuterSurface.of(model()).mesh(model().vertices(identity())).vertices
    nose = np.linalg.norm(vertices - vertices[vertices[:, 2].argmax()], axis=1) < 20
    np.save(tmp_path / "anna.face.npy", nose if as_bool else np.flatnonzero(nose))
    scan = read_truth(str(path), model())
    found = np.unique(scan.mesh.vertices[scan.face], axis=0)
    np.testing.assert_allclose(found, np.unique(vertices[nose].astype(np.float32), axis=0))


@pytest.mark.parametrize("named", [np.array([1, 10**7]), np.ones(5, bool), np.array([], int)])
def test_a_file_that_names_no_vertices_of_the_scan_says_so(tmp_path, named):
    path = scan_of(tmp_path, slice(None))
    np.save(tmp_path / "anna.face.npy", named)
    with pytest.raises(ConfigError, match=r"anna\.face\.npy .* expected indices of the scan's"):
        read_truth(str(path), model())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([[0, 0, 0]] * 5, r"shape \(5, 3\), expected \(68, 3\)"),
        ({"points": [[0, 0, 0]] * 7, "units": "inch"}, "one of mm, cm, m"),
        ({"marks": []}, "no file of landmarks"),
        ([[1000.0 * k, 900, 5000] for k in range(7)], "no point of the scan lies within 15 mm"),
    ],
)
def test_landmarks_of_another_form_say_so(tmp_path, content, message):
    path = scan_of(tmp_path, slice(None))
    (tmp_path / "anna.landmarks.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=message):
        read_truth(str(path), model())
