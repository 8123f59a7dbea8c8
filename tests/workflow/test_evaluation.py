"""A truth in the sample sheet runs the evaluation, and nothing that is there again."""

from __future__ import annotations

import csv
import os

import pytest

from lib.artefacts import BatchReader, BatchWriter, Scores, Truth
from tests.evaluation.captures import truth

pytestmark = pytest.mark.slow

SHEET = (
    ("image", "capture", "truth"),
    ("photos/anna.png", "anna", "shard.h5#anna"),
    ("photos/coffee.jpg", "coffee", "shard.h5#free"),
    ("photos/text.jpg", "text", ""),
)
EVALUATED = {"evaluate_heads": 1, "write_report": 1}


@pytest.fixture
def sheet(again):
    """The finished run, with a sheet that names truths for two of its three captures."""
    with BatchWriter(again.folder / "shard.h5", Truth, "synthesise") as shard:
        shard.add("anna", truth())
        shard.add("free", truth(span=""))
    (again.folder / "samples.tsv").write_text(
        "".join("\t".join(row) + "\n" for row in SHEET), encoding="utf-8"
    )
    return again


def test_a_truth_runs_the_evaluation_alone_and_the_scoreboard_tells_it(sheet):
    before = sheet.files()
    assert sheet.planned(samples="samples.tsv") == EVALUATED
    sheet.call("--printshellcmds", "all", "scoreboard", samples="samples.tsv").check()
    after = sheet.files()
    new = {
        "b0001/scores.h5",
        "b0001/sheets/scores.jpg",
        "scoreboard.tsv",
        "scoreboard.html",
    }
    assert set(after) - set(before) == new
    assert {name: after[name] for name in before} == before
    with BatchReader(sheet.results / "b0001" / "scores.h5", Scores) as scores:
        outcomes = {name: one.outcome for name, one in scores.items()}
    assert set(outcomes) == {"anna", "coffee"}
    assert outcomes["anna"] == "ok" and outcomes["coffee"] != "ok"
    with open(sheet.results / "scoreboard.tsv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    rows = {(r["span"], r["measure"], r["who"]): r for r in table}
    for who in ("fit", "average_person", "mean_face"):
        row = rows["in_model", "rigid.mean", who]
        assert (row["captures"], row["failed"], row["values"]) == ("1", "0", "1")
        assert 0 < float(row["mean"]) < 20
    lost = [row for row in table if row["span"] == "out_of_model"]
    assert [(row["captures"], row["failed"]) for row in lost] == [("0", "1")]
    page = (sheet.results / "report.html").read_text(encoding="utf-8")
    assert 'id="errors"' in page and "1 capture, 1 failed" in page
    assert not sheet.planned(samples="samples.tsv")

    shard = sheet.folder / "shard.h5"
    state = shard.stat()
    os.utime(shard, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))
    assert sheet.planned(samples="samples.tsv") == EVALUATED
    assert sheet.planned() == {"write_report": 1}, "without the sheet, a report without errors"
