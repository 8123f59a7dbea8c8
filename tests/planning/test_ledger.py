"""The ledger keeps batches stable while photos come, go and change."""

import subprocess
import sys
import time

import pytest

from lib.errors import ConfigError
from lib.planning import Ledger, Sample, assign, batch_digest, read_ledger, update_ledger
from lib.planning.ledger import write_ledger


def photos(*names, subject=None):
    return [Sample(n, "00", f"{n}.jpg", subject or n, "", 10, 100) for n in names]


def layout(ledger):
    return {batch: [row.capture for row in rows] for batch, rows in ledger.batches.items()}


FIVE = photos("a", "b", "c", "d", "e")
LEDGER = assign(Ledger(), FIVE, 2, 1000)


def digests(ledger):
    return {batch: batch_digest(ledger, batch) for batch in ledger.batches}


def test_photos_fill_batches_in_order():
    assert layout(LEDGER) == {"b0001": ["a", "b"], "b0002": ["c", "d"], "b0003": ["e"]}


def test_assigning_again_changes_nothing():
    assert assign(LEDGER, FIVE, 2, 1000) == LEDGER
    assert assign(LEDGER, FIVE[::-1], 64, 1000) == LEDGER


def test_new_photos_make_new_batches_and_leave_the_others_alone():
    after = assign(LEDGER, photos("0", "a", "b", "bb", "c", "d", "e"), 2, 1000)
    assert layout(after) == layout(LEDGER) | {"b0004": ["0", "bb"]}
    assert digests(after).items() >= digests(LEDGER).items()


def test_removed_photos_keep_their_row():
    assert assign(LEDGER, photos("a", "e"), 2, 1000) == LEDGER


def test_an_edited_photo_changes_the_digest_of_its_batch_alone():
    edited = [s._replace(mtime_ns=101) if s.capture == "c" else s for s in FIVE]
    before, after = digests(LEDGER), digests(assign(LEDGER, edited, 2, 1000))
    assert {batch for batch in before if before[batch] != after[batch]} == {"b0002"}


def test_a_subject_is_never_split():
    samples = photos("a") + photos("s1", "s2", "s3", subject="s") + photos("b", "c")
    assert layout(assign(Ledger(), samples, 2, 1000)) == {
        "b0001": ["a"],
        "b0002": ["s1", "s2", "s3"],
        "b0003": ["b", "c"],
    }
    scattered = photos("t1", subject="t") + photos("a") + photos("t2", subject="t")
    assert layout(assign(Ledger(), scattered, 2, 1000)) == {"b0001": ["t1", "t2"], "b0002": ["a"]}


def test_a_subject_that_gains_photos_moves_as_a_whole():
    first = assign(Ledger(), photos("a") + photos("s1", subject="s") + photos("b"), 3, 1000)
    samples = photos("a", "b") + photos("s1", "s2", subject="s")
    after = assign(first, samples, 3, 1000)
    assert layout(after) == {"b0001": ["a", "b"], "b0002": ["s1", "s2"]}
    assert assign(after, samples, 3, 1000) == after


def test_a_view_more_keeps_the_capture_in_its_batch():
    more = [*FIVE, Sample("c", "01", "c2.jpg", "c", "", 1, 1)]
    after = assign(LEDGER, more, 2, 1000)
    assert layout(after)["b0002"] == ["c", "c", "d"]
    assert list(after.captures("b0002")) == ["c", "d"]
    assert [s.view for s in after.captures("b0002")["c"]] == ["00", "01"]


def test_batch_names_are_never_used_twice():
    first = assign(Ledger(), photos("s1", subject="s"), 2, 1000)
    after = assign(first, photos("s1", "s2", subject="s"), 2, 1000)
    assert layout(after) == {"b0002": ["s1", "s2"]}


def test_the_file_gives_back_the_ledger_and_is_left_alone_when_nothing_changes(tmp_path):
    odd = [Sample("x", "00", 'tab\tline\nquote".jpg', "ü", "caf\udce9.json", -1, -1)]
    path = tmp_path / "results" / "batches.tsv"
    ledger = update_ledger(path, FIVE + odd, 2, 1000)
    assert read_ledger(path) == ledger
    before = path.stat().st_mtime_ns, path.read_bytes()
    update_ledger(path, FIVE + odd, 2, 1000)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: "", "line 1 is not the header"),
        (lambda text: text[: len(text) // 2], "line 4 is not a row|is not a row of 8 cells"),
        (lambda text: text.replace("b0002", "../x"), "no batch name"),
        (lambda text: text.replace("b0002\td", "b0003\tc"), "in two batches"),
        (lambda text: text.replace("b0002\td", "b0002\tc"), "there twice"),
        (lambda text: "\0" * 40, "is not a ledger"),
    ],
)
def test_a_broken_ledger_says_what_to_do(tmp_path, spoil, message):
    path = tmp_path / "batches.tsv"
    write_ledger(path, LEDGER)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ConfigError, match=message) as caught:
        read_ledger(path)
    assert "Restore it from a backup" in str(caught.value)


def test_an_unknown_batch_is_refused():
    with pytest.raises(ConfigError, match="no batch 'b0009'"):
        LEDGER.captures("b0009")


@pytest.mark.slow
def test_a_million_photos_take_seconds(tmp_path):
    samples = photos(*(f"p{i}" for i in range(1_000_000)))
    start = time.monotonic()
    ledger = update_ledger(tmp_path / "b.tsv", samples, 64, 100_000)
    again = update_ledger(tmp_path / "b.tsv", samples, 64, 100_000)
    assert again == ledger
    assert len({batch_digest(ledger, batch) for batch in ledger.batches}) == 15625
    assert time.monotonic() - start < 60


def test_planning_imports_no_numerical_package():
    code = "import sys, lib.planning, lib.devices; print(*sys.modules)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "cv2", "h5py", "jsonschema"} & set(seen.stdout.split())


def test_batches_grow_where_there_would_be_too_many():
    samples = photos(*map(str, range(100)))
    assert len(assign(Ledger(), samples, 2, 1000).batches) == 50
    grown = assign(Ledger(), samples, 2, 10)
    assert {len(rows) for rows in grown.batches.values()} == {10}
    more = assign(grown, samples + photos("a", "b", "c"), 2, 10)  # new batches are counted alone
    assert [len(rows) for rows in more.batches.values()] == [10] * 10 + [2, 1]


@pytest.mark.parametrize(
    ("images", "sizes"), [(8, [8]), (9, [8, 1]), (100, [8] * 12 + [4]), (320, [20] * 16)]
)
def test_few_images_are_spread_so_that_all_cores_have_some(images, sizes):
    ledger = assign(Ledger(), photos(*(f"p{index:04d}" for index in range(images))), 64, 1000)
    assert [len(rows) for rows in ledger.batches.values()] == sizes


def test_many_images_make_batches_of_the_size_that_is_asked_for():
    ledger = assign(Ledger(), photos(*(f"p{index:05d}" for index in range(1280))), 64, 1000)
    assert {len(rows) for rows in ledger.batches.values()} == {64}


def test_a_batch_with_a_capture_of_several_views_is_known():
    views = [sample._replace(capture="c", view=sample.capture) for sample in photos("0", "1")]
    assert assign(Ledger(), photos("a") + views + photos("d"), 1, 1000).many_views == {"b0002"}
    assert LEDGER.many_views == frozenset()
