"""Files that are there whole or not at all."""

import multiprocessing
import os
import signal

import pytest

from lib.atomic import atomic_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_when_all_is_written(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_path(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert names(path.parent) == ["a.txt"]


def test_after_an_error_the_old_file_stays(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as part:
        part.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def write_and_die(path):
    with atomic_path(path) as part:
        part.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("shared", [False, True])
def test_what_a_killed_process_left_is_removed_where_nobody_else_writes(tmp_path, shared):
    path = tmp_path / "[a].txt"
    killed = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(path,))
    killed.start()
    killed.join()
    (left,) = tmp_path.iterdir()
    (tmp_path / ".b.txt.1.part").touch()  # of another file
    assert not path.exists() and left.read_text() == "half"
    with atomic_path(path, shared) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert left.exists() == shared
    assert (tmp_path / ".b.txt.1.part").exists()


def test_two_may_write_a_shared_file_at_once(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    with atomic_path(path, shared=True) as first:
        first.write_text("first")
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with atomic_path(path, shared=True) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
