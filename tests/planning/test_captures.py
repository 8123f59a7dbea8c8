"""Capture folders become views with cameras and masks; names stay when others come and go."""

import os

import pytest

from lib.errors import ConfigError
from lib.planning import assign, batch_digest, find_samples, read_ledger, scan_captures
from lib.planning.ledger import Ledger, write_ledger
from lib.planning.samples import file_state
from lib.planning.sheet import read_samples


def touch(folder, *names, content=b"x"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def told(samples, folder):
    """(capture, view, image, camera, mask) with paths from the folder on."""

    def short(path):
        return os.path.relpath(path, folder) if path else ""

    return [(s.capture, s.view, short(s.image), short(s.camera), short(s.mask)) for s in samples]


def test_one_capture_folder(tmp_path):
    folder = tmp_path / "anna smile"
    touch(folder, "images/b.jpg", "images/a 1.png", "images/.x", "cameras.json", "masks/b.png")
    touch(folder, "masks/c.png", "notes.txt", "albedo/a.png")
    samples = scan_captures(folder)
    assert told(samples, folder) == [
        ("anna_smile", "a_1", "images/a 1.png", "cameras.json", ""),
        ("anna_smile", "b", "images/b.jpg", "cameras.json", "masks/b.png"),
    ]
    assert {s.subject for s in samples} == {"anna_smile"}
    assert [s.size for s in samples] == [2, 3]


CAMERAS = {
    "cameras.json": ("cameras.json",),
    "camera_params.json": ("camera_params.json",),
    "params.json": ("params.json",),
    "sparse/0": ("sparse/0/cameras.bin", "sparse/0/images.bin"),
    "sparse": ("sparse/cameras.txt", "sparse/images.txt"),
    "colmap": ("colmap/cameras.txt", "colmap/images.txt"),
    ".": ("cameras.txt", "images.txt"),
    "rig.xml": ("rig.xml",),
    "rig.csv": ("rig.csv",),
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_cameras_of_every_kind_are_found(tmp_path, camera):
    touch(tmp_path / "a", "images/0.jpg", "images/1.jpg", *CAMERAS[camera])
    samples = scan_captures(tmp_path)
    assert {sample.camera for sample in samples} == {os.path.normpath(tmp_path / "a" / camera)}
    assert [sample.size for sample in samples] == [1 + len(CAMERAS[camera])] * 2


def test_two_exports_are_no_camera_and_xmp_files_belong_to_their_image(tmp_path):
    touch(tmp_path, "a.xml", "b.xml", "images/0.jpg", "images/0.xmp", "images/1.jpg")
    found = told(scan_captures(tmp_path), tmp_path)
    assert [(view, camera) for _, view, _, camera, _ in found] == [("0", "images/0.xmp"), ("1", "")]


def test_folders_of_captures_at_any_depth(tmp_path):
    touch(tmp_path, "12/4_anger/0.jpg", "12/4_anger/1.jpg", "12/4_anger/params.json")
    touch(tmp_path, "12/5_neutral/0.jpg", "13/images/a.jpg", "13/cameras.json", "readme.md")
    touch(tmp_path, "empty/notes.txt", "14/images/notes.txt")
    os.symlink(tmp_path, tmp_path / "13" / "loop")
    found = {sample.capture: sample.camera for sample in scan_captures(tmp_path)}
    assert found == {
        "12__4_anger": str(tmp_path / "12/4_anger/params.json"),
        "12__5_neutral": "",
        "13": str(tmp_path / "13/cameras.json"),
    }


def test_pictures_beside_folders_of_captures_are_no_capture(tmp_path):
    touch(tmp_path, "overview.jpg", "a/0.jpg", "a/1.jpg")
    assert {sample.capture for sample in scan_captures(tmp_path)} == {"a"}


def test_captures_keep_their_names_and_batches_when_others_come(tmp_path):
    touch(tmp_path, "x/a/0.jpg", "x/a/1.jpg")
    first = scan_captures(tmp_path / "x")
    ledger = assign(Ledger(), first, 4, 1000)
    touch(tmp_path, "x/a/2.jpg", "x/A_/0.jpg", "x/0/0.jpg")
    more = scan_captures(tmp_path / "x", ledger.names())
    after = assign(ledger, more, 4, 1000)
    assert {row.capture for row in after.batches["b0001"]} == {"a"}
    assert len(after.batches["b0001"]) == 3 and "b0002" in after.batches


def test_a_truth_in_the_folder_is_that_of_its_capture(tmp_path):
    touch(tmp_path, "a/images/0.jpg", "a/truth.ply", "a/truth.landmarks.json", "b/images/0.jpg")
    found = {sample.capture: sample.truth for sample in scan_captures(tmp_path)}
    assert found == {"a": str(tmp_path / "a/truth.ply"), "b": ""}
    (tmp_path / "a/truth.landmarks.json").unlink()
    with pytest.raises(ConfigError, match="has no landmarks beside it"):
        scan_captures(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [((), "holds no capture.*images/"), (("a/b.txt",), "holds no capture"), (None, "not a folder")],
)
def test_a_folder_without_captures_says_what_one_is(tmp_path, make, message):
    folder = tmp_path / "f"
    if make is not None:
        folder.mkdir()
        touch(folder, *make)
    with pytest.raises(ConfigError, match=message):
        scan_captures(folder)


def test_a_run_has_one_source(tmp_path):
    touch(tmp_path, "a/0.jpg", "a/1.jpg", "s.tsv", content=b"image\nx.jpg\n")
    assert find_samples("", "", "") == []
    assert len(find_samples(str(tmp_path), "", "")) == 2
    assert len(find_samples("", str(tmp_path), "")) == 2
    assert len(find_samples("", "", str(tmp_path / "s.tsv"))) == 1
    with pytest.raises(ConfigError, match="photos: 'p' and captures: 'c' are set, expected one"):
        find_samples("p", "c", "")


def digest_of(samples):
    return batch_digest(assign(Ledger(), samples, 64, 1000), "b0001")


@pytest.mark.parametrize(
    "changed", ["images/0.jpg", "sparse/0/images.txt", "sparse/0/cameras.txt", "masks/0.png"]
)
def test_images_cameras_and_masks_are_part_of_the_digest(tmp_path, changed):
    touch(tmp_path, "images/0.jpg", "images/1.jpg", "masks/0.png")
    touch(tmp_path, "sparse/0/images.txt", "sparse/0/cameras.txt")
    before = digest_of(scan_captures(tmp_path))
    touch(tmp_path, "other.txt")
    assert digest_of(scan_captures(tmp_path)) == before
    touch(tmp_path, changed, content=b"longer")
    assert digest_of(scan_captures(tmp_path)) != before


def test_facescapes_scales_above_its_cameras_are_part_of_the_digest(tmp_path):
    touch(tmp_path, "12/4_anger/0.jpg", "12/4_anger/params.json", "Rt_scale_dict.json")
    before = digest_of(scan_captures(tmp_path / "12"))
    touch(tmp_path, "Rt_scale_dict.json", content=b"longer")
    assert digest_of(scan_captures(tmp_path / "12")) != before


def test_a_ledger_with_masks_comes_back_and_one_without_has_the_columns_of_old(tmp_path):
    touch(tmp_path, "a/images/0.jpg", "a/masks/0.png", "b/images/0.jpg")
    ledger = assign(Ledger(), scan_captures(tmp_path), 1, 1000)
    write_ledger(tmp_path / "l.tsv", ledger)
    assert read_ledger(tmp_path / "l.tsv") == ledger
    assert (tmp_path / "l.tsv").read_text().splitlines()[0].endswith("truth_mtime_ns\tmask")
    plain = Ledger(tuple(row._replace(mask="") for row in ledger.rows))
    write_ledger(tmp_path / "p.tsv", plain)
    assert (tmp_path / "p.tsv").read_text().splitlines()[0].endswith("size\tmtime_ns")
    assert read_ledger(tmp_path / "p.tsv") == plain


def test_masks_of_a_sheet_are_relative_to_it_and_count(tmp_path):
    touch(tmp_path, "a.jpg", "m/a.png", "c.json")
    (tmp_path / "s.tsv").write_text("image\tcamera\tmask\na.jpg\tc.json\tm/a.png\n")
    (sample,) = read_samples(tmp_path / "s.tsv")
    assert sample.mask == str(tmp_path / "m/a.png") and sample.size == 3
    assert file_state(sample.image, sample.camera, sample.mask)[0] == 3
