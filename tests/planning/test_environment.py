"""What jobs inherit: the library, and threads that sleep while they wait."""

import os
from pathlib import Path

from lib.planning.environment import share_library, wait_asleep


def test_jobs_find_the_library_once_and_before_what_was_there(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/other")
    share_library(Path("/project"))
    share_library(Path("/project"))
    assert os.environ["PYTHONPATH"].split(os.pathsep) == ["/project", "/other"]
    monkeypatch.delenv("PYTHONPATH")
    share_library(Path("/project"))
    assert os.environ["PYTHONPATH"] == "/project"


def test_threads_wait_asleep_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
