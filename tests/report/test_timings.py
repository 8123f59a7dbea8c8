"""Seconds and memory of jobs: one table of all, sums, and how they grow with the images."""

import csv
import math
from dataclasses import astuple

import pytest

from lib.planning import Ledger, Sample, assign
from lib.planning.ledger import write_ledger
from lib.report import read_timings, sum_by_rule, write_timings
from lib.report.time_table import timing_table

HEADER = "s\th:m:s\tmax_rss\tio_in\tio_out\tcpu_time\n"


@pytest.fixture
def measured(tmp_path):
    """Two batches of one and of four images, of which two are views of one capture."""
    for batch, names in (("b0001", ["a"]), ("b0002", ["b", "c", "d", "d"])):
        samples = [
            Sample(name, f"{index:02d}", f"{name}{index}.jpg", name, "", 1, 1)
            for index, name in enumerate(names)
        ]
        write_ledger(tmp_path / batch / "batch.tsv", assign(Ledger(), samples, 64, 1000))
        for rule, each in (("fit", 2.0), ("export", 0.5)):
            table = tmp_path / "benchmarks" / rule / f"{batch}.tsv"
            table.parent.mkdir(parents=True, exist_ok=True)
            seconds, memory = 3 + each * len(names), 200 + 100 * len(names)
            table.write_text(f"{HEADER}{seconds}\t0:00:03\t{memory}\t1.0\t2.0\t4.0\n")
    return tmp_path


def test_every_job_is_a_row_with_the_size_of_its_batch(measured):
    write_timings(measured / "timings.tsv", read_timings(measured))
    with open(measured / "timings.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 4
    (row,) = [row for row in rows if row["rule"] == "fit" and row["batch"] == "b0002"]
    assert (row["captures"], row["images"], row["seconds"]) == ("3", "4", "11.0")
    assert (row["max_rss_mb"], row["cpu_seconds"], row["written_mb"]) == ("600.0", "4.0", "2.0")


def test_a_log_that_tells_what_its_job_used_is_believed(measured):
    log = measured / "logs" / "fit" / "b0002.log"
    log.parent.mkdir(parents=True)
    log.write_text("10:00:00 INFO root: used 9.25 s of one core and at most 712.5 MB\n")
    jobs = {(job.rule, job.batch): job for job in read_timings(measured)}
    assert (jobs["fit", "b0002"].cpu_seconds, jobs["fit", "b0002"].max_rss_mb) == (9.25, 712.5)
    assert (jobs["fit", "b0001"].cpu_seconds, jobs["fit", "b0001"].max_rss_mb) == (4, 300)


def test_a_line_tells_the_start_of_a_job_from_its_images(measured):
    times = {time.rule: time for time in sum_by_rule(read_timings(measured))}
    assert times["fit"].seconds == pytest.approx(5 + 11)
    assert astuple(times["fit"].growth_s) == pytest.approx((3, 2))
    assert times["export"].growth_s.image == pytest.approx(0.5)
    assert astuple(times["fit"].growth_mb) == pytest.approx((200, 100))
    page = timing_table(list(times.values()), 4)
    assert "3.0 s and 2.00 s per image, up to 4 images" in page
    assert "200.0 MB and 100.0 MB per image, up to 4 images" in page
    assert page.count("<circle") == 8


def test_batches_of_one_size_tell_no_line(measured):
    for table in measured.glob("benchmarks/*/b0001.tsv"):
        table.unlink()
    times = sum_by_rule(read_timings(measured))
    assert not any(time.growth_s.known or time.growth_mb.known for time in times)
    page = timing_table(times, 4)
    assert "<circle" not in page and "by images" not in page


def test_a_run_without_benchmarks_has_no_timings(tmp_path):
    assert read_timings(tmp_path / "nothing") == ()
    assert "No benchmark tables were found" in timing_table((), 0)


def test_a_job_too_short_to_measure_counts_as_a_job(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "plan.tsv").write_text("s\th:m:s\tmax_rss\n0.02\t0:00:00\tNA\n")
    (time,) = sum_by_rule(read_timings(tmp_path))
    assert (time.rule, len(time.jobs), time.seconds) == ("plan", 1, 0.02)
    assert math.isnan(time.max_rss_mb)
    write_timings(tmp_path / "timings.tsv", time.jobs)
    assert (tmp_path / "timings.tsv").read_text().splitlines()[1] == "plan\t\t0\t0\t0.02\t\t\t\t"
