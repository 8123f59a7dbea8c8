"""A batch file is whole or not there, and says of every capture how it ended."""

import os
import re
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from lib.artefacts import OK, BatchReader, BatchWriter, Faces, Outcome, SkinMask, process_batch
from lib.errors import ArtefactError, CaptureFailure, ConfigError
from tests.artefacts.samples import random_artefact

KILLED = """
import os, sys, time
from tests.artefacts.samples import random_artefact
from lib.artefacts import BatchWriter, Faces
with BatchWriter(sys.argv[1], Faces, "detect") as writer:
    writer.add("a", random_artefact(Faces))
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def batch(tmp_path):
    """A file with captures b and a that are fine and x that failed, in the order b x a."""
    path = tmp_path / "b0001" / "faces.h5"
    with BatchWriter(path, Faces, "detect") as writer:
        writer.add("b", random_artefact(Faces, 1))
        writer.fail("x", CaptureFailure("no_face", "There is none."))
        writer.add("a", random_artefact(Faces, 2))
    return path


def test_outcomes_keep_the_order_of_the_sheet(batch):
    with BatchReader(batch, Faces) as reader:
        assert reader.outcomes == (
            Outcome("b", "detect", OK),
            Outcome("x", "detect", "no_face", "There is none."),
            Outcome("a", "detect", OK),
        )
        assert reader.captures == ("b", "a")
        assert [name for name, _ in reader.items()] == ["b", "a"]
        with pytest.raises(ArtefactError, match="has no capture 'y'"):
            reader["y"]


def test_one_field_is_read_without_the_others(batch):
    with BatchReader(batch, Faces) as reader:
        for name in Faces.specs():
            np.testing.assert_array_equal(reader.field("a", name), getattr(reader["a"], name))
        with pytest.raises(ArtefactError, match="no field 'colour' of Faces"):
            reader.field("a", "colour")


def test_a_capture_is_written_once(tmp_path):
    with (
        pytest.raises(ArtefactError, match="capture 'a' is written twice"),
        BatchWriter(tmp_path / "f.h5", Faces, "detect") as writer,
    ):
        writer.add("a", random_artefact(Faces))
        writer.add("a", random_artefact(Faces))
    assert list(tmp_path.iterdir()) == []


def test_another_version_says_how_to_rebuild(batch, monkeypatch):
    monkeypatch.setattr(Faces, "version", 99)
    with pytest.raises(
        ArtefactError,
        match=r"is Faces version \d+, this code reads version 99\.\n    Rebuild it: repeat the "
        rf"command of its run with --forcerun {re.escape(str(batch))} at the end",
    ):
        BatchReader(batch, Faces)


def test_another_kind_is_named(batch):
    with pytest.raises(ArtefactError, match=r"faces\.h5 is Faces, expected SkinMask"):
        BatchReader(batch, SkinMask)


def test_damaged_and_missing_files_say_so(batch):
    whole = batch.read_bytes()
    for broken in (b"", whole[:1000], b"not hdf5 at all"):
        batch.write_bytes(broken)
        with pytest.raises(ArtefactError, match=r"cannot be read .*Rebuild it"):
            BatchReader(batch, Faces)
    batch.unlink()
    with pytest.raises(ArtefactError, match=r"is not there\. Rebuild it: repeat the command"):
        BatchReader(batch, Faces)
    with h5py.File(batch, "w") as file:
        file["other"] = 1
    with pytest.raises(ArtefactError, match="is not an artefact, expected Faces"):
        BatchReader(batch, Faces)


def test_a_killed_writer_leaves_no_file_under_the_final_name(tmp_path):
    path = tmp_path / "faces.h5"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout.readline() == b"started\n"
        os.kill(job.pid, signal.SIGKILL)
    assert not path.exists()
    with BatchWriter(path, Faces, "detect") as writer:
        writer.add("a", random_artefact(Faces))
    with BatchReader(path, Faces) as reader:
        assert reader.captures == ("a",)
    assert list(tmp_path.iterdir()) == [path], "what the killed writer left was not cleared"


def test_an_error_keeps_the_file_that_was_there(batch):
    before = batch.read_bytes()
    with pytest.raises(KeyboardInterrupt), BatchWriter(batch, Faces, "detect"):
        raise KeyboardInterrupt
    assert batch.read_bytes() == before
    assert list(batch.parent.iterdir()) == [batch]


def mask(value):
    return SkinMask(probability=(np.full((2, 2), value),))


def test_a_stage_carries_failures_and_goes_on_after_new_ones(batch, tmp_path, caplog):
    def work(name):
        if name == "b":
            raise ZeroDivisionError("by zero")
        yield name, mask(7)

    with BatchReader(batch, Faces) as faces:
        process_batch(faces, tmp_path / "skin.h5", SkinMask, "skin", work)
    with BatchReader(tmp_path / "skin.h5", SkinMask) as skin:
        crashed, carried, fine = skin.outcomes
        assert skin["a"].probability[0].max() == 7
    assert carried == Outcome("x", "detect", "no_face", "There is none.")
    assert fine == Outcome("a", "skin", OK)
    assert (crashed.stage, crashed.outcome) == ("skin", "crashed")
    assert "ZeroDivisionError: by zero. This is a defect of visagraph" in crashed.reason
    assert "Traceback" in caplog.text, "the log does not say where"


def test_one_capture_may_become_several_and_a_failed_half_leaves_nothing(batch, tmp_path):
    def work(name):
        yield name, mask(1)
        if name == "b":
            raise CaptureFailure("too_dark", "The second face is too dark.")
        yield f"{name}+2", mask(2)

    with BatchReader(batch, Faces) as faces:
        process_batch(faces, tmp_path / "skin.h5", SkinMask, "skin", work)
    with BatchReader(tmp_path / "skin.h5", SkinMask) as skin:
        assert [(row.capture, row.outcome) for row in skin.outcomes] == [
            ("b", "too_dark"),
            ("x", "no_face"),
            ("a", OK),
            ("a+2", OK),
        ]


@pytest.mark.parametrize("error", [ConfigError("wrong setting"), ImportError("x"), MemoryError()])
def test_what_every_capture_would_meet_ends_the_stage(batch, tmp_path, error):
    def work(name):
        raise error

    with BatchReader(batch, Faces) as faces, pytest.raises(type(error)):
        process_batch(faces, tmp_path / "skin.h5", SkinMask, "skin", work)
    assert not (tmp_path / "skin.h5").exists()
