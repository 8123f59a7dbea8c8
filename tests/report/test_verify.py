"""A run tells what it made of what, and files that changed since are found."""

import json

import pytest

from lib.artefacts import BatchWriter, Capture, Faces, Texture
from lib.errors import CaptureFailure
from lib.export import PROVENANCE, write_provenance
from lib.report import write_run_provenance
from lib.report.__main__ import main
from tests.artefacts.samples import random_artefact

COMMON = {"licences": {"commercial_use": "no licence forbids it"}, "stages": []}


@pytest.fixture
def results(tmp_path):
    """Two batches of heads a and b; in each, c has no face and d is no photo."""
    for batch in ("b0001", "b0002"):
        folder = tmp_path / batch
        none = CaptureFailure("no_face", "There is none.")
        broken = CaptureFailure("unreadable_image", "/home/dora/d.jpg is a text file.")
        with (
            BatchWriter(folder / "capture.h5", Capture, "import") as captures,
            BatchWriter(folder / "faces.h5", Faces, "detect") as faces,
            BatchWriter(folder / "texture.h5", Texture, "texture") as textures,
        ):
            for name in "abc":
                captures.add(name, random_artefact(Capture))
            captures.fail("d", broken)
            for name in "ab":
                faces.add(name, random_artefact(Faces).replace(photo=name))
                textures.add(name, random_artefact(Texture))
            for writer in (faces, textures):
                writer.fail("c", none)
                writer.fail("d", broken)
        for name in "ab":
            head = folder / "export" / name
            (head / "relight").mkdir(parents=True)
            (head / "head.obj").write_text(f"head {name} of {batch}")
            (head / "relight" / "own.jpg").write_text("picture")
            write_provenance(head, name, random_artefact(Capture), COMMON)
    write_run_provenance(tmp_path / PROVENANCE, ["b0001", "b0002"], COMMON)
    return tmp_path


def found(results, capsys, *options):
    """(exit status, lines without the last) of the command."""
    status = main(["verify", *options, str(results)])
    return status, capsys.readouterr().out.splitlines()[:-1]


def test_the_run_lists_every_capture_with_its_photos_and_outcome(results):
    told = json.loads((results / PROVENANCE).read_text(encoding="utf-8"))
    assert list(told) == [*COMMON, "batches"]
    rows = {row["capture"]: row for row in told["batches"]["b0002"]}
    assert [row["outcome"] for row in rows.values()] == ["ok", "ok", "no_face", "unreadable_image"]
    capture = random_artefact(Capture)
    assert [photo["sha256"] for photo in rows["c"]["photos"]] == list(capture.sha256)
    assert {PROVENANCE in row for row in (rows["a"], rows["b"])} == {True}
    assert rows["d"]["reason"] == "d.jpg is a text file."
    assert "photos" not in rows["d"]


def test_nothing_changed_is_no_finding(results, capsys):
    assert found(results, capsys) == (0, [])
    assert found(results, capsys, "--artefacts") == (0, [])


def test_what_is_missing_changed_or_extra_is_told(results, capsys):
    head = results / "b0001" / "export" / "a"
    (head / "head.obj").write_text("head a of b0009")
    (head / "relight" / "own.jpg").unlink()
    (head / "note.txt").write_text("mine")
    assert found(results, capsys) == (
        1,
        [
            "changed: b0001/export/a/head.obj",
            "missing: b0001/export/a/relight/own.jpg",
            "extra: b0001/export/a/note.txt",
        ],
    )


def test_a_head_that_is_gone_or_was_written_anew_is_told(results, capsys):
    for file in (results / "b0001/export/a").rglob("*"):
        file.is_file() and file.unlink()
    head = results / "b0002/export/b"
    (head / "head.obj").write_text("forged")
    write_provenance(head, "b", random_artefact(Capture), COMMON)
    status, lines = found(results, capsys)
    assert (status, lines) == (
        1,
        [f"missing: b0001/export/a/{PROVENANCE}", f"changed: b0002/export/b/{PROVENANCE}"],
    )


def test_a_damaged_artefact_is_told(results, capsys):
    file = results / "b0002" / "texture.h5"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 4
    file.write_bytes(whole)
    assert found(results, capsys) == (0, [])
    status, lines = found(results, capsys, "--artefacts")
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("damaged: b0002/texture.h5 (")


def test_a_folder_without_heads_cannot_be_told(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "has no heads" in capsys.readouterr().err
