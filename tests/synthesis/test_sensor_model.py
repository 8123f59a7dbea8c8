"""Cameras do to light what their numbers say."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lib.imaging import luminance, srgb_to_linear
from lib.synthesis.cameras.rigs import rig_views
from lib.synthesis.cameras.sensor import Sensor, auto_exposure, coded, draw_sensor, motion_kernel
from lib.synthesis.cameras.view import draw_photo_view
from lib.synthesis.chance import generator


def _drawn(k, studio=False):
    chance = generator(7, k, "sensor")
    view = draw_photo_view((128, 96), chance)
    return draw_sensor(chance, view, studio)


@pytest.mark.parametrize(("grain_px", "grey_noise"), [(0.0, 0.0), (0.5, 0.8), (0.8, 0.3)])
@pytest.mark.parametrize("level", [0.05, 0.5])
def test_the_noise_of_a_flat_field_is_what_the_model_says(level, grain_px, grey_noise):
    sensor = Sensor(shot_noise=0.02, read_noise=0.004, grain_px=grain_px, grey_noise=grey_noise)
    light = sensor.expose(np.full((256, 256, 3), level, np.float32), generator(0, 0, "noise"))
    expected = np.sqrt(0.02**2 * level + 0.004**2)
    assert light.std() == pytest.approx(expected, rel=0.03)
    assert light.mean() == pytest.approx(level, abs=expected / 50)
    shared = np.corrcoef(light.reshape(-1, 3).T)[0, 1:]
    np.testing.assert_allclose(shared, grey_noise, atol=0.03)


def test_the_noise_of_a_flat_field_can_be_measured_in_the_photo():
    sensor = Sensor(shot_noise=0.03, read_noise=0.004)
    linear = np.full((256, 256, 3), 0.3, np.float32)
    photo = sensor.develop(linear, generator(0, 1, "noise"))
    expected = np.sqrt(0.03**2 * 0.3 + 0.004**2)
    assert srgb_to_linear(photo.image).std() == pytest.approx(expected, rel=0.1)


def test_a_sensor_that_does_nothing_returns_the_scene():
    smooth = np.linspace(0, 1, 64, dtype=np.float32)
    scene = np.stack(np.broadcast_arrays(smooth[:, None], smooth, 0.4), axis=2)
    photo = Sensor().develop(scene, generator(0, 0, "noise"))
    assert np.abs(srgb_to_linear(photo.image) - scene).mean() < 0.01
    np.testing.assert_array_equal(photo.exposure, 1)


def test_every_tone_curve_rises_from_black_to_near_white():
    light = np.linspace(0, 4, 5000)
    for k in range(200):
        curve = _drawn(k).tone_curve(light)
        assert (np.diff(curve) >= 0).all() and (np.diff(curve[:600]) > 0).all()
        assert curve[0] == 0 and 0.97 < curve[-1] <= 1


def test_a_grey_ramp_stays_in_order_and_grey_but_for_white_balance():
    ramp = np.repeat(np.linspace(0, 1.2, 16), 16).astype(np.float32)
    scene = np.broadcast_to(ramp[None, :, None], (96, 256, 3))
    for k in range(20):
        sensor = replace(_drawn(k), vignetting=0.0)  # the ramp runs into a corner
        steps = sensor.develop(scene, generator(0, k, "noise")).image
        grey = luminance(steps.astype(np.float32)).mean(axis=0).reshape(16, 16)[:, 4:12]
        assert (np.diff(grey.mean(axis=1)) > -0.7).all()
        assert grey[12].mean() > grey[1].mean() + 80


def test_the_exposure_tells_how_the_channels_were_scaled():
    sensor = Sensor(exposure_ev=-0.5, white_balance=(1.2, 0.97, 0.8))
    scene = np.full((32, 32, 3), 0.5, np.float32)
    photo = sensor.develop(scene, generator(0, 0, "noise"))
    seen = srgb_to_linear(photo.image).mean(axis=(0, 1))
    np.testing.assert_allclose(seen, 0.5 * photo.exposure, rtol=0.02)
    np.testing.assert_allclose(photo.exposure, 2**-0.5 * np.array([1.2, 0.97, 0.8]), rtol=1e-6)


def test_white_balance_keeps_the_luminance_of_white():
    for k in range(50):
        sensor = _drawn(k)
        assert luminance(np.array(sensor.white_balance)) == pytest.approx(1)
        assert abs(sensor.exposure_ev) <= 0.5


def test_corners_lose_the_light_that_vignetting_says():
    flat = np.full((101, 151, 3), 0.5, np.float32)
    light = Sensor(vignetting=0.4).expose(flat, generator(0, 0, "noise"))
    assert light[0, 0] == pytest.approx(0.3) and light[50, 75] == pytest.approx(0.5)


def test_blur_has_the_width_that_it_says():
    point = np.zeros((65, 65, 3), np.float32)
    point[32, 32] = 1
    light = Sensor(blur_px=2.0).expose(point, generator(0, 0, "noise"))[..., 0]
    x = np.arange(65) - 32
    assert np.sqrt((light.sum(axis=0) * x**2).sum()) == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0])
def test_motion_spreads_a_point_along_its_direction(angle):
    kernel = motion_kernel(9.0, angle)
    assert kernel.sum() == pytest.approx(1)
    half = len(kernel) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    along = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    assert np.sqrt((kernel * along**2).sum()) == pytest.approx(9 / np.sqrt(12), rel=0.08)
    assert np.sqrt((kernel * (x**2 + y**2 - along**2)).sum()) < 0.6


def test_studio_photos_are_linear_so_that_their_truth_can_be_used():
    views = rig_views("triple", (128, 96), generator(1, 0, "rig"))
    scene = np.linspace(0.02, 0.85, 96, dtype=np.float32)
    scene = np.ascontiguousarray(np.broadcast_to(scene[None, :, None], (128, 96, 3)))
    for k in range(10):
        sensor = draw_sensor(generator(1, k, "sensor"), views[0], studio=True)
        photo = sensor.develop(scene / sensor.exposure, generator(1, k, "noise"))
        seen = srgb_to_linear(photo.image).mean(axis=0)
        np.testing.assert_allclose(seen, scene[0], atol=0.006)
        assert np.ptp(sensor.exposure) == 0 and sensor.orientation == 1


def test_dark_faces_stay_darker_but_less_than_their_albedo_says():
    mask = np.ones((8, 8), bool)
    levels = []
    for albedo in (0.06, 0.2, 0.36):
        scene = np.full((8, 8, 3), 3.1 * albedo, np.float32)
        levels.append(3.1 * albedo * auto_exposure(scene, mask, albedo))
    assert levels[0] < levels[1] < levels[2] == pytest.approx(0.36)
    assert levels[0] > 1.9 * 0.06
    brighter = auto_exposure(np.full((8, 8, 3), 2.0, np.float32), mask, 0.2)
    assert brighter * 2 == pytest.approx(levels[1])


def test_exposure_without_a_face_is_refused():
    with pytest.raises(ValueError, match="the face has 0 px"):
        auto_exposure(np.ones((4, 4, 3), np.float32), np.zeros((4, 4), bool))


def test_the_image_is_what_readers_decode_from_the_bytes_however_it_was_held():
    rough = cv2.resize(generator(0, 0, "x").integers(0, 256, (9, 12, 3), np.uint8), (160, 120))
    for orientation in (1, 3, 6, 8):
        data, image = coded(rough, 90, "4:2:0", orientation)
        assert image.shape == rough.shape
        assert np.abs(image.astype(float) - rough).mean() < 4
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_IGNORE_ORIENTATION | 1)
        assert (stored.shape == rough.shape) == (orientation in (1, 3))


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_noise():
    scene = np.full((64, 64, 3), 0.3, np.float32)
    sensor = _drawn(3)
    one, two, other = (sensor.develop(scene, generator(s, 0, "noise")) for s in (1, 1, 2))
    assert one.jpeg == two.jpeg != other.jpeg
    np.testing.assert_array_equal(one.image, two.image)
    assert _drawn(3) == _drawn(3) != _drawn(4)
