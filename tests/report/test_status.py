from collections import Counter

import pytest

from lib.artefacts import ARTEFACTS, BatchWriter
from lib.errors import ArtefactError
from lib.report import collect_status, read_status, summary, write_status
from tests.synthetic_head import LINE, synthetic_case


@pytest.fixture(scope="module")
def rows(results):
    files = [results / batch / f"{kind}.h5" for batch in ("b0002", "b0001") for kind in LINE]
    return collect_status(reversed(files))


def test_a_capture_has_one_row_per_stage_that_it_reached(rows):
    assert max(Counter((r.batch, r.capture, r.stage) for r in rows).values()) == 1
    stages = [r.stage for r in rows if r.capture == "beth"]
    after_fit = ["highlights", "texture", "albedo"]
    assert stages == ["import", "detect", "landmarks", "skin", "fit", *after_fit]


def test_a_failure_is_the_last_row_of_its_capture_and_has_a_reason(rows):
    hill = [(r.stage, r.outcome, r.reason) for r in rows if r.capture == "hill"]
    assert hill == [("import", "ok", ""), ("detect", "no_face", "No face above 0.5.")]
    torn = [(r.batch, r.stage, r.outcome) for r in rows if r.capture == "torn"]
    assert torn == [(batch, "import", "unreadable_image") for batch in ("b0001", "b0002")]


def test_views_that_were_left_out_are_told_beside_ok(results, model, tmp_path):
    case = synthetic_case(model, n_views=3)
    capture = case.capture.replace(left_out=("09",), left_out_reason=("bad_camera: none",))
    faces = case.faces.replace(view_reason=("no face", "", "no face"))
    landmarks = case.landmarks.replace(view_reason=("no face", "unsure", "no face"))
    folder = tmp_path / "b0001"
    found = {"capture": capture, "faces": faces, "landmarks": landmarks}
    for kind, artefact in found.items():
        with BatchWriter(folder / f"{kind}.h5", ARTEFACTS[kind], kind) as out:
            out.add("anna", artefact)
    rows = collect_status([folder / f"{kind}.h5" for kind in found])
    assert [(r.stage, r.outcome, r.reason) for r in rows] == [
        ("capture", "ok", "1 of 4 views left out: 09: bad_camera: none"),
        ("faces", "ok", "2 of 3 views left out: 00: no face; 02: no face"),
        ("landmarks", "ok", "1 of 3 views left out: 01: unsure"),
    ]


def test_batches_come_in_order(rows):
    assert [r.batch for r in rows] == sorted(r.batch for r in rows)


def test_an_export_folder_adds_its_heads(results):
    rows = collect_status([results / "b0001" / "capture.h5", results / "b0001" / "export"])
    assert [r.capture for r in rows if r.stage == "export"] == ["anna & <co>", "beth"]


def test_the_table_is_read_back_as_it_was_written(rows, tmp_path):
    write_status(tmp_path / "status.tsv", rows)
    found = read_status(tmp_path / "status.tsv")
    flat = "torn.jpg ends early. Copy it again."  # no tab, no line break
    assert [r.reason for r in found if r.capture == "torn"] == [flat, flat]
    assert [(r.capture, r.stage) for r in found] == [(r.capture, r.stage) for r in rows]
    write_status(tmp_path / "again.tsv", found)
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "status.tsv").read_bytes()


def test_another_table_is_refused(tmp_path):
    (tmp_path / "status.tsv").write_text("capture\tbatch\nanna\tb0001\n")
    with pytest.raises(ArtefactError, match="no table of outcomes"):
        read_status(tmp_path / "status.tsv")


def test_a_file_that_is_no_artefact_is_named(tmp_path):
    (tmp_path / "fit.h5").write_text("not HDF5")
    with pytest.raises(ArtefactError, match=r"fit\.h5 cannot be read"):
        collect_status([tmp_path / "fit.h5"])


def test_the_summary_counts_photos_heads_and_failures(rows, results):
    text = summary(results, rows)
    assert "6 photos -> 3 heads" in text
    assert "1 no_face, 2 unreadable_image" in text
    assert str(results / "report.html") in text
