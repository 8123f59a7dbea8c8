"""A person taken out of a results folder: their files, and what held them among others."""

import subprocess
import sys

import pytest

from lib.errors import ConfigError
from lib.planning import Ledger, Sample, assign, read_ledger
from lib.planning.ledger import write_ledger
from lib.planning.purge import purge_report, purge_subject


def sample(capture, subject):
    return Sample(capture, "00", f"photos/{capture}.jpg", subject, "", 10, 100)


SAMPLES = [sample("a1", "anna"), sample("b", "bert"), sample("c", "carl"), sample("d", "dora")]


@pytest.fixture
def results(tmp_path):
    ledger = assign(Ledger(), SAMPLES, 2, 1000)
    write_ledger(tmp_path / "batches.tsv", ledger)
    together = ["status.tsv", "report.html", "timings.tsv", "logs/write_report.log"]
    for name in [*together, "dataset/train/a1.png", "relocated/a1.png", "relocated/a1+2.png"]:
        put(tmp_path / name)
    for name in ("relocated/a10.png", "relocated/c.png"):
        put(tmp_path / name)
    for batch in ledger.batches:
        for name in (f"{batch}/fit.h5", f"{batch}/sheets/fit.jpg", f"logs/fit/{batch}.log"):
            put(tmp_path / name)
        put(tmp_path / f"benchmarks/fit/{batch}.tsv")
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("something")


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_theirs_and_what_they_share_is_gone_and_the_rest_stays(results):
    purged = purge_subject(results, "anna")
    assert files(results) == {
        ".run.lock",
        "batches.tsv",
        "b0002/fit.h5",
        "b0002/sheets/fit.jpg",
        "logs/fit/b0002.log",
        "benchmarks/fit/b0002.tsv",
        "relocated/a10.png",
        "relocated/c.png",
    }
    assert [row.subject for row in read_ledger(results / "batches.tsv").rows] == [
        "bert",
        "carl",
        "dora",
    ]
    assert (purged.captures, purged.images) == (("a1",), ("photos/a1.jpg",))
    assert purged.others == ("b",)
    assert "photos/a1.jpg" in purge_report(purged)


def test_their_name_is_nowhere(results):
    purge_subject(results, "anna")
    left = [path for path in results.rglob("*") if path.is_file()]
    assert not any("anna" in path.read_text() or "anna" in path.name for path in left)


def test_an_unknown_name_is_refused_with_the_nearest(results):
    before = files(results)
    with pytest.raises(ConfigError, match=r"no such subject among its 4\. Did you mean anna\?"):
        purge_subject(results, "ana")
    with pytest.raises(ConfigError, match="purge is empty"):
        purge_subject(results, "")
    assert files(results) == before


def test_a_folder_on_which_a_run_works_is_left_alone(results):
    code = "import sys, lib.planning.locks as l; l.hold_results(sys.argv[1]); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, results], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(ConfigError, match="in use by a run"):
            purge_subject(results, "anna")
        other.communicate(b"\n")
    assert (results / "b0001/fit.h5").exists()
