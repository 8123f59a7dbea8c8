"""Importing one capture: working images, scales, cameras, and reasons for failures."""

import hashlib
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from lib.artefacts import BatchReader, Capture
from lib.captures import ImportOptions, import_capture
from lib.errors import CaptureFailure
from lib.geometry import project
from lib.planning import Sample, scan_photos, update_ledger
from lib.uvspace.photos import open_photo
from tests.runs import PROJECT, obey_permissions, permissions_count

OPTIONS = ImportOptions(max_side_px=100)


def sample(image, view="00", camera="", mask=""):
    return Sample("anna", view, str(image), "anna", str(camera), -1, -1, mask=str(mask))


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
        ({"dist_coeffs": [-40.0, 0, 0, 0, 0]}, "folds the image"),
        ({"K": [[400.0, 0, 90], [0, 300.0, 80], [0, 0, 1]]}, "focal lengths 400 and 300"),
        ({"K": [[400.0, 3, 90], [0, 400.0, 80], [0, 0, 1]]}, "has skew 3 px"),
        ({"R": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "no rotation"),
        ({"R": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, "no rotation"),
        ({"t": [1.0]}, r"t of camera 'a' in .* has shape \(1,\)"),
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


LENS = [-0.25, 0.1, 0.002, -0.001, 0.03]


def dots(path, centres, size=(150, 200), background=20):
    """A picture with a bright blob at each place; its mask is the blobs alone."""
    y, x = np.mgrid[: size[0], : size[1]]
    light = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 3.0**2)) for u, v in centres)
    image = np.clip(background + 200 * light, 0, 255).astype(np.uint8)
    Image.fromarray(np.repeat(image[..., None], 3, axis=2)).save(path)
    return path


def middle(image, near, reach=9):
    left, top = (np.round(near) - reach).astype(int)
    part = image[top : top + 2 * reach + 1, left : left + 2 * reach + 1].astype(float)
    part = np.clip(part - np.percentile(part, 20), 0, None)
    row, column = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([(part * column).sum(), (part * row).sum()]) / part.sum() + [left, top]


@pytest.mark.parametrize("max_side", [4096, 133])
@pytest.mark.parametrize("focal_y", [400.0, 391.0])
@pytest.mark.parametrize("lens", [LENS, [0.0] * 5], ids=["lens", "pinhole"])
def test_working_images_masks_and_originals_are_those_of_a_pinhole(
    tmp_path, max_side, focal_y, lens
):
    matrix = np.array([[400.0, 0, 90], [0, focal_y, 80], [0, 0, 1]])
    grid = np.stack(np.meshgrid([-50.0, 0, 60], [-40.0, 0, 35]), -1).reshape(-1, 2)
    points = np.column_stack([grid, np.linspace(-20, 30, len(grid))])
    pose = np.hstack([np.diag([1.0, -1, -1]), [[1.0], [2.0], [400.0]]])
    seen = cv2.projectPoints(points, pose[:, :3], pose[:, 3], matrix, np.array(lens))[0][:, 0]
    path = dots(tmp_path / "a.png", seen)
    mask = dots(tmp_path / "mask.png", seen, background=0)
    cameras = camera_file(
        tmp_path / "c.json", K=matrix.tolist(), dist_coeffs=lens, t=pose[:, 3].tolist()
    )
    options = ImportOptions(max_side_px=max_side)
    capture = import_capture([sample(path, camera=cameras, mask=mask)], options)
    assert capture.length_unit == "mm"
    expected = project(points, pose, capture.focal_px[0], capture.centre_px[0])
    for image in (capture.image[0][..., 0], capture.mask[0]):
        assert image.shape == capture.image[0].shape[:2]
        found = np.array([middle(image, near) for near in expected])
        assert np.abs(found - expected).max() < 0.12  # blobs are cut at the window's border
    scale = capture.working_to_original[0]
    original = open_photo(capture, 0).pixels[..., 0]
    places = (expected + 0.5) * scale - 0.5
    found = np.array([middle(original, near) for near in places])
    assert np.abs(found - places).max() < 0.12
    np.testing.assert_allclose(places, project_oblong(points, pose, matrix), atol=0.03)


def project_oblong(points, pose, matrix):
    return cv2.projectPoints(points, pose[:, :3], pose[:, 3], matrix, np.zeros(5))[0][:, 0]


def test_a_camera_without_distortion_changes_no_pixel(tmp_path):
    path = photo(tmp_path / "a.png")
    plain = import_capture([sample(path)], ImportOptions())
    known = import_capture([sample(path, camera=camera_file(tmp_path / "c.json"))], ImportOptions())
    np.testing.assert_array_equal(known.image[0], plain.image[0])
    np.testing.assert_array_equal(open_photo(known, 0).pixels, open_photo(plain, 0).pixels)
    assert known.working_to_original.tolist() == [[1, 1]]
    assert plain.mask[0].shape == known.mask[0].shape == (0, 0)


def views_of(folder, *names, camera=""):
    return [sample(folder / f"{name}.png", name, camera) for name in names]


def four_views(folder):
    for name in "abcd":
        photo(folder / f"{name}.png")
    return views_of(folder, *"abcd")


def test_of_three_views_a_bad_one_is_left_out_with_its_reason(tmp_path):
    samples = four_views(tmp_path)
    (tmp_path / "b.png").write_text("words")
    (tmp_path / "d.png").unlink()
    capture = import_capture(samples, OPTIONS)
    assert capture.view == ("a", "c") and capture.left_out == ("b", "d")
    assert capture.left_out_reason[0].startswith("unreadable_image: b.png is a text file")
    (tmp_path / "a.png").unlink()
    with pytest.raises(CaptureFailure, match=r"3 of 4 views cannot be used.*The first: a\.png"):
        import_capture(samples, OPTIONS)


def test_of_two_views_a_bad_one_fails_the_capture(tmp_path):
    samples = four_views(tmp_path)[:2]
    (tmp_path / "b.png").write_text("words")
    with pytest.raises(CaptureFailure, match=r"^unreadable_image: b\.png is a text file"):
        import_capture(samples, OPTIONS)


def test_a_view_that_the_camera_file_lacks_is_left_out(tmp_path):
    four_views(tmp_path)
    cameras = camera_file(tmp_path / "c.json")
    content = json.loads(cameras.read_text())
    content["cameras"] = [content["cameras"][0] | {"name": name} for name in "abd"]
    cameras.write_text(json.dumps(content | {"units": "unknown"}))
    capture = import_capture(views_of(tmp_path, *"abcd", camera=cameras), OPTIONS)
    assert capture.left_out == ("c",) and "has 0 cameras named 'c'" in capture.left_out_reason[0]
    assert capture.length_unit == "unknown"


def test_cameras_in_different_units_do_not_make_a_capture(tmp_path):
    samples = four_views(tmp_path)
    for index, units in enumerate(("mm", "unknown")):
        path = camera_file(tmp_path / f"{units}.json", name="ab"[index])
        path.write_text(json.dumps(json.loads(path.read_text()) | {"units": units}))
        samples[index] = samples[index]._replace(camera=str(path))
    with pytest.raises(CaptureFailure, match="Give the cameras of all views in one file"):
        import_capture(samples, OPTIONS)


@pytest.mark.parametrize("views", ["b, d", "d b", ["d", "b"], ("b", "d", "x")])
def test_the_settings_choose_views(tmp_path, views):
    capture = import_capture(four_views(tmp_path), ImportOptions(views=views))
    assert capture.view == ("b", "d") and capture.left_out == ()


def test_views_that_no_one_has_are_a_reason_and_single_photos_do_not_care(tmp_path):
    samples = four_views(tmp_path)
    with pytest.raises(CaptureFailure, match=r"no_such_view: .* names x; the views are a, b, c, d"):
        import_capture(samples, ImportOptions(views="x"))
    assert import_capture(samples[:1], ImportOptions(views="x")).view == ("a",)


def half_size_mask(path, value=255):
    mask = np.zeros((75, 100), np.uint8)
    mask[20:40, 30:70] = value
    Image.fromarray(mask).save(path)
    return path


@pytest.mark.parametrize("value", [255, 1])
def test_a_mask_of_another_size_covers_the_same_part(tmp_path, value):
    mask = half_size_mask(tmp_path / "m.png", value)
    capture = import_capture([sample(photo(tmp_path / "a.png"), mask=mask)], OPTIONS)
    assert capture.mask[0].shape == (75, 100)
    expected = np.zeros((75, 100))
    expected[20:40, 30:70] = 255
    assert np.abs(capture.mask[0] - expected).mean() < 2
    assert capture.mask[0][22:38, 32:68].min() > 250


@pytest.mark.parametrize(
    ("size", "value", "message"),
    [((75, 90), 255, "of its aspect"), ((75, 100), 0, "all black"), (None, 0, "is a text file")],
)
def test_a_mask_that_does_not_fit_is_a_reason(tmp_path, size, value, message):
    path = tmp_path / "m.png"
    if size is None:
        path.write_text("words")
    else:
        Image.fromarray(np.full(size, value, np.uint8)).save(path)
    with pytest.raises(CaptureFailure, match=message) as caught:
        import_capture([sample(photo(tmp_path / "a.png"), mask=path)], OPTIONS)
    assert caught.value.outcome == "bad_mask"


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
    update_ledger(tmp_path / "batches.tsv", scan_photos(tmp_path / "photos"), 8, 1000)
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
