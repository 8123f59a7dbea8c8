"""Scores on a page: groups apart, baselines beside them, failures counted, nothing from outside."""

import re

import numpy as np
import pytest

from lib.artefacts import BatchWriter, Scores
from lib.errors import ConfigError
from lib.evaluation import EvaluationOptions, ScoreRow, write_rows
from lib.figures import draw_errors, preferred_alignment
from lib.figures.heat import COLOURS, error_colours, error_limit
from lib.report import collect_scores, write_report, write_scoreboard_page
from tests.synthetic_head import synthetic_case


@pytest.fixture(scope="module")
def scores(model):
    return synthetic_case(model).scores


@pytest.fixture(scope="module")
def file(scores, tmp_path_factory):
    """Three captures of one group with different errors, one of another, one that failed."""
    path = tmp_path_factory.mktemp("run") / "b0001" / "scores.h5"
    lost = scores.replace(
        outcome="no_face",
        reason="A <cup>.",
        who=(),
        measure=(),
        unit=(),
        view=[],
        value=[],
        alignment=(),
        vertex_error_mm=np.empty((0, 0)),
        posed_mm=np.empty((0, 3)),
    )
    with BatchWriter(path, Scores, "evaluate") as writer:
        for name, mean in (("good", 1.0), ("worst", 3.0), ("middle", 2.0)):
            writer.add(name, scores.replace(value=[mean, *scores.value[1:]]))
        writer.add("inside", scores.replace(span="in_model", dataset="synthetic makehuman"))
        writer.add("c_lost", lost)
    return path


def page_of(tmp_path, *collected):
    write_scoreboard_page(tmp_path / "scoreboard.html", *collected)
    return (tmp_path / "scoreboard.html").read_text(encoding="utf-8")


def test_the_page_keeps_groups_apart_and_counts_failures(file, model, tmp_path):
    page = page_of(tmp_path, *collect_scores([file], model, EvaluationOptions()))
    inside, outside = page.split("Out-of-model truth")
    assert "In-model truth" in inside and "synthetic makehuman, one view each" in inside
    assert "scans" not in inside.split("<main>")[1]
    assert "scans, one view each" in outside and "4 captures, 1 failed" in outside
    assert "no_face" in outside and "c_lost" in outside
    for who in ("fitted head", "average person", "mean face"):
        assert who in inside and who in outside
    assert "Mean distance of points spread evenly" in outside
    assert outside.count("<polyline") == inside.count("<polyline") == 1


def test_the_page_asks_for_nothing(file, model, tmp_path):
    page = page_of(tmp_path, *collect_scores([file], model, EvaluationOptions()))
    assert set(re.findall(r'src="(\w+):', page)) == {"data"}
    assert not re.search(r"https?://", page)


def test_of_many_captures_the_best_and_the_worst_have_a_picture(file, model):
    _, pictures = collect_scores([file], model, EvaluationOptions(max_pictures=2))
    shown = [picture.capture for picture in pictures["scans", "out_of_model", "one"]]
    assert shown == ["good", "worst"]


def test_tables_of_benchmarks_are_merged(file, model, tmp_path):
    row = ScoreRow("NoW", "out_of_model", 1, "a", "ok", "fit", "now.median", -1, 1.5)
    write_rows(tmp_path / "now.tsv", [row])
    board, _ = collect_scores([file], model, EvaluationOptions(), [str(tmp_path / "now.tsv")])
    assert {group.dataset for group in board} == {"scans", "synthetic makehuman", "NoW"}


def test_nothing_to_score_says_what_to_do(model):
    with pytest.raises(ConfigError, match="column `truth` of a sample sheet"):
        collect_scores([], model, EvaluationOptions())


def test_the_report_has_errors_only_where_there_is_a_truth(results, report, model, file):
    assert 'id="errors"' not in report.read_text(encoding="utf-8")
    page = write_report(file.parents[1], ["b0001"], model, scores=[file])
    page = page.read_text(encoding="utf-8")
    assert 'href="#errors"' in page and "4 captures, 1 failed" in page


def test_a_heat_map_shows_both_signs_and_what_has_no_truth(model, scores):
    picture = draw_errors(model, scores)
    assert picture.shape == (640, 640, 3)
    blank = draw_errors(
        model, scores.replace(vertex_error_mm=np.full_like(scores.vertex_error_mm, np.nan))
    )

    def reddish(image):
        return (image[:550, :390, 0].astype(int) - image[:550, :390, 2] > 60).mean()

    assert reddish(picture) > 0.1 and reddish(picture[..., ::-1]) > 0.1
    assert reddish(blank) == reddish(blank[..., ::-1]) == 0


def test_colours_and_limits_are_those_of_the_bar():
    ends = error_colours(np.array([-9.0, 0.0, 9.0, np.nan]), 2.0)
    np.testing.assert_array_equal(ends[:3], COLOURS[[0, 3, 6]])
    assert error_limit(np.array([0.1, -0.8, np.nan])) == 1.0
    assert error_limit(np.array([np.nan])) == 0.5
    assert error_limit(np.array([40.0])) == 10.0


def test_known_cameras_are_shown_where_they_put_the_head_on_the_truth(scores):
    error = np.repeat(scores.vertex_error_mm, 2, axis=0)
    both = scores.replace(alignment=("known", "rigid"), vertex_error_mm=error)
    assert preferred_alignment(both) == "known"
    lost = error.copy()
    lost[0, ::2] = np.nan
    assert preferred_alignment(both.replace(vertex_error_mm=lost)) == "rigid"
