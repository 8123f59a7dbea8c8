"""The last line of a log: what its job used."""

import subprocess
import sys

import numpy as np
import pytest

from lib.log import read_used, stage_log, used_so_far

JOB = """
import time
from lib.log import stage_log
with stage_log({log!r}):
    block = bytearray(200 << 20)
    block[::4096] = b"x" * len(block[::4096])
    del block
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
"""


def test_a_log_ends_with_the_seconds_and_the_largest_memory_of_its_process(tmp_path):
    log = str(tmp_path / "logs" / "job.log")
    kept = np.ones(50 << 20)  # the parent is larger than the job: that must not count
    subprocess.run([sys.executable, "-c", JOB.format(log=log)], check=True)
    used = read_used(log)
    assert 0.5 <= used.cpu_seconds < 20
    assert 200 < used.max_rss_mb < kept.nbytes / 2**20


def test_children_that_ended_count_in_seconds():
    before = used_so_far()
    burn = "import time\nwhile time.process_time() < 0.4: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert used_so_far().cpu_seconds - before.cpu_seconds > 0.39


def test_a_job_that_failed_tells_it_too(tmp_path):
    with pytest.raises(ValueError), stage_log(tmp_path / "job.log"):
        raise ValueError("words that end a job")
    assert "words that end a job" in (tmp_path / "job.log").read_text()
    assert read_used(tmp_path / "job.log") is not None


def test_logs_that_are_not_there_or_of_older_runs_tell_nothing(tmp_path):
    assert read_used(tmp_path / "job.log") is None
    (tmp_path / "job.log").write_text("10:00:00 INFO root: finished in 3.0 s\n")
    assert read_used(tmp_path / "job.log") is None
