"""Surroundings are usable pictures of many kinds, made again from their seed."""

import cv2
import numpy as np
import pytest

from lib.geometry import project
from lib.imaging import luminance
from lib.synthesis.backgrounds.boxes import Box, Lamp, show, sight
from lib.synthesis.backgrounds.draw import KINDS, draw_background
from lib.synthesis.backgrounds.people import draw_person, paste_person
from lib.synthesis.backgrounds.shapes import defocus, disc, fractal
from lib.synthesis.backgrounds.surroundings import draw_surroundings, sight_of, turned
from lib.synthesis.cameras.rigs import rig_views
from lib.synthesis.cameras.view import draw_photo_view
from lib.synthesis.chance import generator

SIZE = (96, 80)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_in_linear_light_with_something_on_it(kind):
    for k in range(3):
        view = draw_photo_view(SIZE, generator(1, k, "camera"))
        image = draw_background(SIZE, generator(1, k, "background"), view, kind=kind)
        assert image.shape == (*SIZE, 3) and image.dtype == np.float32
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 12
        assert image.std() > 1e-4
        assert 0.001 < np.median(image) < 6


def test_the_same_seed_gives_the_same_picture_and_another_one_another():
    for k in range(6):
        one, two, other = (draw_background(SIZE, generator(s, k, "b")) for s in (3, 3, 4))
        np.testing.assert_array_equal(one, two)
        assert np.abs(one - other).mean() > 1e-3


def test_many_kinds_are_drawn_and_their_shares_are_whole():
    assert len(KINDS) >= 12
    assert sum(share for _, share, _ in KINDS.values()) == pytest.approx(1)


def test_the_light_on_a_scene_colours_it():
    tint = np.array([1.2, 1.0, 0.7], np.float32)
    plain, tinted = (
        draw_background(SIZE, generator(0, 0, "b"), light_tint=t, kind="seamless")
        for t in (None, tint)
    )
    np.testing.assert_allclose(tinted, plain * tint, rtol=1e-5)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'moon' is not known"):
        draw_background(SIZE, generator(0, 0, "b"), kind="moon")


@pytest.mark.parametrize("radius", [3.0, 8.0, 30.0])
def test_a_point_out_of_focus_becomes_a_disc_of_its_light(radius):
    image = np.zeros((201, 201, 3), np.float32)
    cv2.circle(image, (100, 100), 2, (50.0, 50.0, 50.0), -1)
    blurred = defocus(image, radius)
    assert blurred.sum() == pytest.approx(image.sum(), rel=0.02)
    y, x = np.mgrid[:201, :201] - 100
    inside = blurred[..., 0][np.hypot(x, y) < radius + 3].sum()
    assert inside > 0.93 * blurred[..., 0].sum()
    middle = blurred[100, 100, 0]
    assert 0.4 < blurred[100, round(100 + 0.7 * radius), 0] / middle < 1.6  # flat, not a bell


def test_a_disc_keeps_light_and_its_radius():
    kernel = disc(6.0)
    assert kernel.sum() == pytest.approx(1)
    assert (kernel[6] > 0).sum() == 13


def test_noise_has_unit_variance_and_more_of_the_coarse():
    noise = fractal((128, 96), generator(0, 0, "n"), 1.0)
    assert noise.mean() == pytest.approx(0, abs=1e-5) and noise.std() == pytest.approx(1)
    step = np.abs(np.diff(noise, axis=1)).mean()
    rough = fractal((128, 96), generator(0, 0, "n"), 0.0)
    assert np.abs(np.diff(rough, axis=1)).mean() > 2 * step


def test_night_is_dark_with_lamps_brighter_than_white():
    image = luminance(draw_background((128, 128), generator(2, 1, "b"), kind="night_lights"))
    assert np.median(image) < 0.25 and image.max() > 1


GREY = np.full(3, 0.5, np.float32)
FRONT = ((-100.0, -100.0, 2000.0), (300.0, 200.0, 2500.0))


def _front(yaw_deg=0.0, **more):
    eyes = sight((120, 160), 1.5, (0.0, 0.0, 0.0), yaw_deg, 0.0)
    return show(eyes, [Box(*FRONT, GREY, **more)], [], np.ones(3))


def test_a_box_is_seen_where_a_pinhole_camera_shows_it():
    image, depth = _front()
    rows, columns = np.nonzero(depth < 1e6)
    focal = 1.5 * 120
    assert columns.min() == pytest.approx(79.5 + focal * -100 / 2000, abs=1)
    assert columns.max() == pytest.approx(79.5 + focal * 300 / 2000, abs=1)
    assert rows.min() == pytest.approx(59.5 - focal * 200 / 2000, abs=1)
    area = focal**2 * 0.2 * 0.15
    assert len(rows) == pytest.approx(area, rel=0.02)
    np.testing.assert_allclose(depth[rows, columns], 2000, rtol=1e-5)
    np.testing.assert_allclose(image[rows, columns], 0.5 * 0.94, rtol=1e-5)  # faces the camera
    assert (image[depth > 1e6] == 0).all()


def test_a_camera_that_turns_right_sees_the_box_move_left():
    straight, turned = (np.nonzero(_front(yaw)[1] < 1e6)[1].mean() for yaw in (0.0, 10.0))
    assert turned == pytest.approx(straight - 180 * np.tan(np.radians(10)), abs=3)


def test_a_pattern_stands_upright_on_a_box_and_is_not_mirrored():
    texture = np.zeros((8, 8, 3), np.float32)
    texture[:4, :4] = [1, 0, 0]  # above, left
    texture[:4, 4:] = [0, 1, 0]
    texture[4:, :4] = [0, 0, 1]
    image, depth = _front(texture=texture)
    rows, columns = np.nonzero(depth < 1e6)
    up, down = rows.min() + 4, rows.max() - 4
    left, right = columns.min() + 4, columns.max() - 4
    colours = [image[up, left], image[up, right], image[down, left], image[down, right]]
    np.testing.assert_allclose(np.array(colours) > 0.3, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0] * 3])


def test_a_box_throws_a_shadow_on_the_ground_away_from_the_sun():
    ground = Box((-9000, -100, 0), (9000, 0, 20000), GREY)
    pole = Box((-100, 0, 4000), (100, 800, 4100), GREY)
    eyes = sight((120, 160), 1.0, (0.0, 1500.0, 0.0), 0.0, -15.0)
    sun = (np.array([-0.7, 0.7, 0.01]), np.ones(3))
    image, depth = show(eyes, [ground, pole], [], 0.2 * np.ones(3), sun)
    without, _ = show(eyes, [ground], [], 0.2 * np.ones(3), sun)
    darker = (image < 0.5 * without).all(axis=2) & (depth < 1e6)
    columns = np.nonzero(darker & (depth > 4005))[1]
    assert len(columns) > 20 and columns.min() > 75  # the sun is on the left


def test_light_falls_off_with_the_distance_of_a_lamp():
    wall = Box((-9000, -9000, 3000), (9000, 9000, 3100), GREY)
    lamp = Lamp((0.0, 0.0, 2500.0), np.ones(3), 500.0)
    image, _ = show(sight((61, 61), 0.5, (0.0, 0, 0), 0, 0), [wall], [lamp], np.zeros(3))
    line = image[30, 30:, 0]
    assert (np.diff(line) < 0).all() and line[0] > 5 * line[-1]


def test_a_person_hides_what_is_behind_and_is_hidden_by_what_is_before():
    person = draw_person(10.0, generator(0, 0, "p"), whole=True)
    image = np.full((200, 80, 3), 5.0, np.float32)
    paste_person(image, person, (40.0, 30.0), 10.0)
    assert image[34, 40].max() < 2 and image[100, 40].max() < 5 and image[30, 5, 0] == 5
    hidden = np.full((200, 80, 3), 5.0, np.float32)
    paste_person(hidden, person, (40.0, 30.0), 10.0, before=np.zeros((200, 80), bool))
    assert (hidden == 5).all()


def test_a_room_around_a_person_is_one_room_for_all_views():
    views = rig_views("triple", (90, 60), generator(1, 0, "rig"))
    pictures = draw_surroundings(views, generator(1, 0, "room"), "room")
    assert [p.shape for p in pictures] == [(90, 60, 3)] * 3
    again = draw_surroundings(views[1:], generator(1, 0, "room"), "room")
    np.testing.assert_array_equal(again[0], pictures[1])
    assert np.abs(pictures[0] - pictures[2]).mean() > 0.003


def test_what_is_behind_the_person_is_where_the_camera_projects_it():
    view = rig_views("octet", (240, 180), generator(2, 0, "rig"))[0]
    camera = view.camera
    middle = np.linalg.inv(np.vstack([camera.world_to_camera, [0, 0, 0, 1]])) @ [-60, 80, 3000, 1]
    x, y, z = middle[:3]
    box = Box((x - 40, y + 1500 - 40, -z - 40), (x + 40, y + 1500 + 40, -z + 40), GREY)
    _, depth = show(sight_of(view, view.size, 1500.0), [box], [], np.ones(3))
    rows, columns = np.nonzero(depth < 1e6)
    at = project(
        middle[None, :3], camera.world_to_camera, np.array(camera.focal_px), camera.centre_px
    )[0]
    np.testing.assert_allclose([columns.mean(), rows.mean()], at, atol=1.0)
    assert depth[rows, columns].mean() == pytest.approx(3000, abs=60)


def test_a_quarter_turn_takes_what_is_behind_to_the_right():
    box = turned(Box((-100, 0, 2000), (300, 50, 2100), GREY), 1)
    assert box.low == (2000, 0, -300) and box.high == (2100, 50, 100)
    back = turned(turned(box, 1), 2)
    assert back.low == (-100, 0, 2000) and back.high == (300, 50, 2100)
