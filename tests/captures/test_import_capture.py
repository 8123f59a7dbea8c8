"""Importing one capture: working images, scales, cameras, and reasons for failures."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lib.artefacts import BatchReader, Capture
from lib.captures import ImportOptions, import_capture
from lib.errors import CaptureFailure
from lib.geometry import project
from lib.planning import Sample, scan_photos, update_ledger
from tests.runs import PROJECT, obey_permissions, permissions_count

OPTIONS = ImportOptions(max_side_px=100)


def sample(image, view="00", camera=""):
    return Sample("anna", view, str(image), "anna", str(camera), -1, -1)


def photo(path, size=(150, 200), **options):
    y, x = np.mgrid[: size[0], : size[1]]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def camera_file(path, **changes):
    camera = {
        "name": "a",
        "width": 200,
        "height": 150,
        "K": [[400.0, 0, 90], [0, 400.0, 80], [0, 0, 1]],
        "R": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
        "t": [1.0, 2.0, 600.0],
        "dist_coeffs": [0, 0, 0, 0, 0],
    }
    path.write_text(json.dumps({"cameras": [camera | changes]}))
    return path


def test_a_photo_without_exif_has_a_centre_and_no_focal_length(tmp_path):
    path = photo(tmp_path / "a.png")
    capture = import_capture([sample(path)], OPTIONS)
    assert capture.image[0].shape == (75, 100, 3)
    assert capture.original_size.tolist() == [[150, 200]]
    assert capture.working_to_original.tolist() == [[2, 2]]
    assert capture.centre_px.tolist() == [[49.5, 37.0]]
    assert capture.focal_source == ("none",)
    assert np.isnan(capture.focal_px[0])
    assert np.isnan(capture.world_to_camera).all()
    assert capture.sha256 == (hashlib.sha256(path.read_bytes()).hexdigest(),)


def test_exif_focal_length_counts_in_pixels_of_the_working_image(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50
    capture = import_capture([sample(photo(tmp_path / "a.jpg", exif=exif))], OPTIONS)
    assert capture.focal_px[0] == pytest.approx(50 / np.hypot(36, 24) * 125)
    assert capture.focal_source == ("exif35mm",)


def test_a_known_camera_projects_to_the_same_place_in_both_images(tmp_path):
    cameras = camera_file(tmp_path / "cameras.json")
    capture = import_capture([sample(photo(tmp_path / "a.png"), camera=cameras)], OPTIONS)
    assert capture.focal_source == ("camera",)
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    pose = capture.world_to_camera[0]
    working = project(points, pose, capture.focal_px[0], capture.centre_px[0])
    original = project(points, pose, np.array(400.0), np.array([90.0, 80.0]))
    scale = capture.working_to_original[0]
    np.testing.assert_allclose((working + 0.5) * scale - 0.5, original, atol=1e-9)


def test_views_are_sorted_by_name(tmp_path):
    left, right = photo(tmp_path / "l.png"), photo(tmp_path / "r.png", (80, 60))
    capture = import_capture([sample(right, "b"), sample(left, "a")], OPTIONS)
    assert capture.path == (str(left), str(right))
    assert [image.shape[:2] for image in capture.image] == [(75, 100), (80, 60)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "0 cameras named 'a'"),
        ({"width": 150, "height": 200}, "is for 150 x 200 px, a.png has 200 x 150"),
        ({"dist_coeffs": [0.1, 0, 0, 0, 0]}, "lens distortion"),
        ({"K": [[400.0, 0, 90], [0, 300.0, 80], [0, 0, 1]]}, "focal lengths 400 and 300"),
        ({"R": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "no rotation"),
        ({"R": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, "no rotation"),
        ({"t": [1.0]}, "cameras/0/t"),
    ],
)
def test_a_camera_that_does_not_fit_is_a_reason(tmp_path, changes, message):
    cameras = camera_file(tmp_path / "cameras.json", **changes)
    with pytest.raises(CaptureFailure, match=message) as caught:
        import_capture([sample(photo(tmp_path / "a.png"), camera=cameras)], OPTIONS)
    assert caught.value.outcome == "bad_camera"


def test_a_missing_camera_file_is_a_reason(tmp_path):
    with pytest.raises(CaptureFailure, match=r"gone\.json cannot be read"):
        import_capture([sample(photo(tmp_path / "a.png"), camera="gone.json")], OPTIONS)


def test_an_unreadable_view_fails_the_capture(tmp_path):
    (tmp_path / "b.jpg").write_text("not a photo")
    with pytest.raises(CaptureFailure, match=r"b\.jpg is a text file"):
        import_capture(
            [sample(photo(tmp_path / "a.png")), sample(tmp_path / "b.jpg", "1")], OPTIONS
        )


def test_a_name_that_is_not_utf8_is_a_reason():
    with pytest.raises(CaptureFailure, match=r"caf\\xe9.jpg is not valid UTF-8"):
        import_capture([sample("caf\udce9.jpg")], OPTIONS)


IMPORT = """
from types import SimpleNamespace as names
from scripts import import_capture
import_capture.main(
    names(batch="batches.tsv"),
    names(capture="capture.h5", sheet="import.jpg"),
    names(options={}),
    names(batch="b0001"),
)
"""


@pytest.mark.skipif(not permissions_count(), reason="the superuser may read everything here")
def test_a_photo_that_may_not_be_read_is_a_row_and_the_others_go_on(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("anna.png", "locked.png", "zoe.png"):
        photo(tmp_path / "photos" / name)
    update_ledger(tmp_path / "batches.tsv", scan_photos(tmp_path / "photos"), 8)
    (tmp_path / "photos" / "locked.png").chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=obey_permissions,
    )
    assert done.returncode == 0, done.stderr
    with BatchReader(tmp_path / "capture.h5", Capture) as captures:
        ended = {row.capture: (row.outcome, row.reason) for row in captures.outcomes}
    assert ended == {
        "anna": ("ok", ""),
        "locked": (
            "unreadable_image",
            "locked.png may not be read (permission denied). Run chmod u+r.",
        ),
        "zoe": ("ok", ""),
    }
