"""Files of made-up photos say what a camera's files say, and nothing about a place."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.captures.cameras import find_camera
from lib.imaging import read_photo
from lib.synthesis.cameras.files import exif_block, write_cameras, write_photo
from lib.synthesis.cameras.rigs import rig_views
from lib.synthesis.cameras.sensor import Sensor, draw_sensor
from lib.synthesis.cameras.view import draw_photo_view
from lib.synthesis.chance import generator

GPS = 0x8825


def _photo(seed, orientation, size=(96, 128)):
    view = draw_photo_view(size, generator(seed, 0, "camera"))
    scene = np.random.default_rng(0).uniform(0, 1, (*size, 3)).astype(np.float32)
    sensor = Sensor(blur_px=2.0, jpeg_quality=85, subsampling="4:2:0", orientation=orientation)
    return view, sensor.develop(scene, generator(seed, 0, "noise"))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("exif", [True, False])
def test_the_library_reads_the_developed_pixels_upright(tmp_path, orientation, exif):
    view, photo = _photo(1, orientation)
    write_photo(tmp_path / "one.jpg", photo, view, exif)
    found = read_photo(tmp_path / "one.jpg")
    np.testing.assert_array_equal(found.pixels, photo.image)
    assert found.focal_source == ("exif35mm" if exif else "none")


def test_the_library_reads_the_focal_length_up_to_whole_millimetres(tmp_path):
    for seed in range(20):
        view, photo = _photo(seed, (1, 6)[seed % 2])
        write_photo(tmp_path / "one.jpg", photo, view)
        found = read_photo(tmp_path / "one.jpg").focal_px
        assert found / view.camera.focal_px * view.focal35_mm == pytest.approx(
            view.focal35_mm, abs=0.501
        )


def test_a_file_names_lens_and_time_but_no_place(tmp_path):
    view, photo = _photo(4, 6)
    write_photo(tmp_path / "one.jpg", photo, view)
    exif = Image.open(tmp_path / "one.jpg").getexif()
    block = exif.get_ifd(0x8769)
    assert GPS not in exif and not exif.get_ifd(GPS)
    assert float(block[0x920A]) == pytest.approx(view.focal_mm, abs=0.006)
    assert float(block[0x829D]) == pytest.approx(view.f_number, abs=0.006)
    assert (block[0xA002], block[0xA003]) == (96, 128)  # as stored
    assert block[0x9003][4] == ":" and exif[0x010F]


def test_the_bytes_of_the_photo_follow_the_block_unchanged(tmp_path):
    view, photo = _photo(5, 8)
    write_photo(tmp_path / "one.jpg", photo, view)
    block = exif_block(view, photo)
    written = (tmp_path / "one.jpg").read_bytes()
    assert written[6 : 6 + len(block)] == block
    assert written[:2] + written[6 + len(block) :] == photo.jpeg
    Image.open(io.BytesIO(written)).verify()


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        view = draw_photo_view((64, 64), generator(9, 1, "camera"))
        sensor = draw_sensor(generator(9, 1, "sensor"), view)
        photo = sensor.develop(np.full((64, 64, 3), 0.4, np.float32), generator(9, 1, "noise"))
        write_photo(tmp_path / f"{name}.jpg", photo, view)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.jpg", "two.jpg"]


def test_a_written_camera_file_is_read_back_exactly(tmp_path):
    views = rig_views("hexadeca", (320, 240), generator(4, 0, "rig"))
    write_cameras(tmp_path / "cameras.json", views)
    for view in views:
        found = find_camera(tmp_path / "cameras.json", f"{view.name}.jpg", view.size)
        np.testing.assert_array_equal(found.world_to_camera, view.camera.world_to_camera)
        assert found.focal_px == pytest.approx(view.camera.focal_px, rel=1e-15)
