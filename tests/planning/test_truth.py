"""The column `truth` of a sample sheet: found, checked, and kept in the ledger."""

import os

import pytest

from lib.errors import ConfigError
from lib.planning import Ledger, Sample, assign, batch_digest, read_ledger, read_samples
from lib.planning.ledger import HEADER, PHOTO_FIELDS, write_ledger
from lib.planning.truth import scan_face, scan_landmarks, split_shard


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1234")


def sheet_of(folder, text):
    (folder / "samples.tsv").write_text(text, encoding="utf-8")
    return folder / "samples.tsv"


def test_a_shard_item_and_a_scan_are_found_beside_the_sheet(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg", "s/shard.h5", "anna.ply", "anna.landmarks.json")
    text = "image\ttruth\na.jpg\ts/shard.h5#item_7\nb.jpg\tanna.ply\nc.jpg\t\n"
    first, second, third = read_samples(sheet_of(tmp_path, text))
    assert first.truth == f"{tmp_path}/s/shard.h5#item_7"
    assert split_shard(first.truth) == (f"{tmp_path}/s/shard.h5", "item_7")
    assert second.truth == f"{tmp_path}/anna.ply"
    assert split_shard(second.truth) is None
    assert scan_landmarks(second.truth) == tmp_path / "anna.landmarks.json"
    assert (first.truth_size, second.truth_size) == (4, 8)
    assert third[7:] == ("", 0, 0, "")


def test_the_face_of_a_scan_counts_to_its_state(tmp_path):
    touch(tmp_path, "a.jpg", "anna.ply", "anna.landmarks.json")
    sheet = sheet_of(tmp_path, "image\ttruth\na.jpg\tanna.ply\n")
    bare = read_samples(sheet)[0]
    assert scan_face(bare.truth) is None
    touch(tmp_path, "anna.face.npy")
    named = read_samples(sheet)[0]
    assert scan_face(named.truth) == tmp_path / "anna.face.npy"
    assert (bare.truth_size, named.truth_size) == (8, 12)


def test_one_row_of_a_capture_names_the_truth_of_all_its_views(tmp_path):
    touch(tmp_path, "1.jpg", "2.jpg", "x.h5")
    text = "capture\timage\ttruth\nx\t1.jpg\t\nx\t2.jpg\tx.h5#x\n"
    assert {s.truth for s in read_samples(sheet_of(tmp_path, text))} == {f"{tmp_path}/x.h5#x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image\ttruth\na.jpg\tgone.h5#x\n", r"line 2, column truth: .*gone\.h5' is not there"),
        ("image\ttruth\na.jpg\tgone.ply\n", r"line 2, column truth: .*gone\.ply' is not there"),
        ("image\ttruth\na.jpg\tbare.ply\n", r"no landmarks beside it, expected bare\.landmarks"),
        ("image\ttruth\na.jpg\tx.h5\n", r"'x\.h5' is no truth.*FILE\.h5#NAME"),
        ("image\ttruth\na.jpg\ta.jpg\n", r"'a\.jpg' is no truth"),
        (
            "capture\timage\ttruth\nx\ta.jpg\tx.h5#1\nx\tb.jpg\tx.h5#2\n",
            r"line 3, column truth: capture 'x' has .*x\.h5#2' here and 'x\.h5#1' in line 2",
        ),
    ],
)
def test_a_wrong_truth_names_line_and_remedy(tmp_path, text, message):
    touch(tmp_path, "a.jpg", "b.jpg", "x.h5", "bare.ply")
    with pytest.raises(ConfigError, match=message):
        read_samples(sheet_of(tmp_path, text))


PLAIN = Sample("a", "00", "a.jpg", "a", "", 10, 100)
OTHER = Sample("b", "00", "b.jpg", "b", "", 10, 100)
TRUE = PLAIN._replace(truth="s.h5#a", truth_size=5, truth_mtime_ns=7)


def test_a_truth_changes_no_digest_and_moves_no_batch():
    before = assign(Ledger(), [PLAIN, OTHER], 1, 1000)
    after = assign(before, [TRUE, OTHER], 1, 1000)
    assert [row.photo for row in after.rows] == list(before.rows)
    for batch in ("b0001", "b0002"):
        assert batch_digest(after, batch) == batch_digest(before, batch)
    assert after.truths("b0001") == {"a": ("s.h5#a", 5, 7)}
    assert after.truths("b0002") == before.truths("b0001") == after.truths("b9999") == {}


def test_a_ledger_with_truths_comes_back(tmp_path):
    ledger = assign(Ledger(), [TRUE, OTHER], 1, 1000)
    write_ledger(tmp_path / "batches.tsv", ledger)
    assert read_ledger(tmp_path / "batches.tsv") == ledger


def test_a_ledger_without_truths_has_the_columns_it_always_had(tmp_path):
    write_ledger(tmp_path / "batches.tsv", assign(Ledger(), [PLAIN], 1, 1000))
    text = (tmp_path / "batches.tsv").read_text()
    old = "batch\tcapture\tview\timage\tsubject\tcamera\tsize\tmtime_ns\n"
    assert text == f"{old}b0001\ta\t00\ta.jpg\ta\t\t10\t100\n"
    assert "\t".join(HEADER[:PHOTO_FIELDS]) + "\n" == old
    assert read_ledger(tmp_path / "batches.tsv") == assign(Ledger(), [PLAIN], 1, 1000)


def test_an_edited_scan_or_its_landmarks_change_the_state(tmp_path):
    touch(tmp_path, "a.jpg", "a.ply", "a.pp")
    sheet = sheet_of(tmp_path, "image\ttruth\na.jpg\ta.ply\n")
    (before,) = read_samples(sheet)
    os.utime(tmp_path / "a.pp", ns=(1, before.truth_mtime_ns + 1))
    (after,) = read_samples(sheet)
    assert after.truth_mtime_ns == before.truth_mtime_ns + 1
    assert after[:7] == before[:7]
