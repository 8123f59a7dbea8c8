"""Heads under other lights: what arrives past shadows, and what a camera sees of it."""

import numpy as np
import pytest

from lib.errors import ShapeError
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb
from lib.render import SH_COSINE, Camera, ambient_light, irradiance, sh_basis
from lib.render.light_sets import LIGHT_SETS, Lamp, LightSet, softened, turned_light
from lib.render.relight import Reflectance, developed, lit_head, relight
from lib.render.shadows import lamp_share, light_transfer

SIDE = 64
UP = np.array([0.0, 1.0, 0.0])


def ball(radius_mm=80.0, middle=(0, 0, 0)):
    import trimesh

    mesh = trimesh.creation.uv_sphere(radius=radius_mm, count=[40, 80])
    return np.float32(mesh.vertices + middle), np.int32(mesh.faces)


def plate(side_mm=400.0, cells=40):
    """Vertices and triangles of a square at height 0 that looks up."""
    step = np.linspace(-0.5, 0.5, cells + 1) * side_mm
    x, z = np.meshgrid(step, step)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    quads = [np.stack(t, -1).reshape(-1, 3) for t in ((a, c, b), (b, c, d))]
    return (
        np.float32(np.stack([x, 0 * x, z], -1).reshape(-1, 3)),
        np.concatenate(quads).astype(np.int32),
    )


def ball_over_plate(height_mm=70.0, radius_mm=40.0):
    floor, floor_triangles = plate()
    points, triangles = ball(radius_mm, (0, height_mm, 0))
    return (
        np.concatenate([floor, points]),
        np.concatenate([floor_triangles, triangles + len(floor)]),
        len(floor),
    )


def look_at_ball(distance_mm=900.0):
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0, 0, distance_mm]])
    return Camera(pose, 4.2 * SIDE, np.full(2, (SIDE - 1) / 2))


def ball_head(albedo=(0.5, 0.4, 0.3), specular=0.0, roughness=0.5, skin=False):
    vertices, triangles = ball()
    plane = np.ones((4, 4), np.float32)
    reflectance = Reflectance(plane[..., None] * np.float32(albedo), specular * plane,
                              roughness * plane)  # fmt: skip
    uv, corners = np.zeros((1, 2)), np.zeros_like(triangles)
    chosen = np.full(len(triangles), skin)
    return lit_head(vertices, triangles, uv, corners, reflectance, chosen)


def middle_of(picture):
    return picture[SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1, :3].mean((0, 1))


def test_light_that_is_carried_round_shows_on_the_carried_normals():
    chance = np.random.default_rng(0)
    light, normals = chance.normal(size=(9, 3)), chance.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rotation, _ = np.linalg.qr(chance.normal(size=(3, 3)))
    rotation *= np.linalg.det(rotation)
    carried = turned_light(light, rotation)
    np.testing.assert_allclose(
        irradiance(normals @ rotation.T, carried), irradiance(normals, light), atol=1e-5
    )


def test_sky_and_lamps_of_a_set_turn_together():
    window = next(light for light in LIGHT_SETS if light.name == "window")
    turned = window.turned(90)
    chance = np.random.default_rng(1)
    normals = chance.normal(size=(40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    moved = normals @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0.0]]).T
    np.testing.assert_allclose(
        irradiance(moved, turned.harmonics()), irradiance(normals, window.harmonics()), atol=1e-4
    )


def test_an_ideal_mirror_shows_the_light_itself_and_a_rough_one_its_mean():
    light = np.random.default_rng(2).normal(size=(9, 3)).astype(np.float32)
    way = np.array([[0.6, 0.0, 0.8]])
    np.testing.assert_allclose(
        irradiance(way, softened(light, 0.0)), sh_basis(way) @ light, atol=1e-5
    )
    even = ambient_light((0.3, 0.5, 0.7))
    np.testing.assert_allclose(irradiance(way, softened(even, 5.0))[0], (0.3, 0.5, 0.7), atol=1e-6)


def test_a_convex_body_sees_the_whole_sky_before_it():
    vertices, triangles = ball()
    expected = SH_COSINE * sh_basis(vertex_normals(vertices, triangles))
    np.testing.assert_allclose(light_transfer(vertices, triangles), expected, atol=1e-5)


def test_below_a_ball_the_sky_is_hidden_as_far_as_the_ball_covers_it():
    vertices, triangles, n_floor = ball_over_plate()
    below = np.argmin(np.linalg.norm(vertices[:n_floor], axis=1))
    corner = np.argmax(np.linalg.norm(vertices[:n_floor], axis=1))
    share = light_transfer(vertices, triangles)[:, 0] / sh_basis(UP)[0]
    # A ball that takes the angle a about the zenith hides sin^2 a of the cosine-weighted sky.
    assert share[below] == pytest.approx(1 - (40 / 70) ** 2, abs=0.06)
    assert share[corner] == pytest.approx(1, abs=0.04)


def test_a_small_lamp_casts_the_shadow_that_geometry_says():
    vertices, triangles, n_floor = ball_over_plate()
    towards = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    floor = vertices[:n_floor]
    share = lamp_share(floor, np.broadcast_to(np.float32(UP), floor.shape), vertices, triangles,
                       Lamp(towards, np.ones(3), 0.1))  # fmt: skip
    to_middle = np.array([0, 70, 0]) - floor
    away = np.linalg.norm(to_middle - (to_middle @ towards)[:, None] * towards, axis=1)
    assert (share[away < 36] == 0).all() and (away < 36).sum() > 20
    assert (share[away > 44] == 1).all()


def test_a_shadow_is_as_fine_as_its_depth_image():
    vertices, triangles, n_floor = ball_over_plate()
    floor, lamp = vertices[:n_floor], Lamp(UP, np.ones(3), 0.1)
    normals = np.broadcast_to(np.float32(UP), floor.shape)
    hidden = np.linalg.norm(floor, axis=1) < 40
    wrong = [
        ((lamp_share(floor, normals, vertices, triangles, lamp, map_px=side) < 0.5) != hidden).sum()
        for side in (24, 512)
    ]
    assert wrong[1] <= 4 < wrong[0]


def test_a_wide_lamp_has_a_soft_edge():
    vertices, triangles, n_floor = ball_over_plate()
    floor = vertices[:n_floor]
    normals = np.broadcast_to(np.float32(UP), floor.shape)
    shares = [
        lamp_share(floor, normals, vertices, triangles, Lamp(UP, np.ones(3), angle))
        for angle in (0.1, 20)
    ]
    hard, soft = (((share > 0.05) & (share < 0.95)).sum() for share in shares)
    assert soft > 3 * hard and soft > 40


def test_a_matte_surface_shows_its_albedo_times_the_colour_of_the_lamp_it_faces():
    lamp = Lamp(np.array([0.0, 0.0, 1.0]), np.array([0.9, 1.0, 0.5]), 2.0)
    picture = relight(ball_head(), look_at_ball(), (SIDE, SIDE),
                      LightSet("lamp", np.zeros((9, 3)), (lamp,)))  # fmt: skip
    np.testing.assert_allclose(middle_of(picture), (0.45, 0.40, 0.15), rtol=0.01)


def test_under_an_even_sky_a_matte_ball_shows_its_albedo_everywhere():
    sky = LightSet("sky", ambient_light((1.0, 1.0, 1.0)))
    picture = relight(ball_head(), look_at_ball(), (SIDE, SIDE), sky)
    whole = picture[..., 3] > 0.99
    np.testing.assert_allclose(picture[whole][:, :3].mean(0), (0.5, 0.4, 0.3), rtol=0.02)
    assert np.ptp(picture[whole][:, 0]) < 0.05


def test_relief_turns_the_light_and_nothing_else():
    lamp = Lamp(np.array([0.0, 0.0, 1.0]), np.ones(3), 2.0)
    head = ball_head(skin=True)
    tilt = np.zeros((4, 4, 3), np.float32)
    tilt[..., 0] = np.tan(np.radians(60))
    tilted = lit_head(head.vertices, head.triangles, head.uv, head.uv_triangles, head.reflectance,
                      head.skin, tilt)  # fmt: skip
    light = LightSet("lamp", np.zeros((9, 3)), (lamp,))
    plain, turned = (relight(one, look_at_ball(), (SIDE, SIDE), light) for one in (head, tilted))
    np.testing.assert_allclose(middle_of(turned) / middle_of(plain), 0.5, rtol=0.03)
    np.testing.assert_array_equal(plain[..., 3], turned[..., 3])


@pytest.mark.parametrize("angle", [2.0, 20.0])
def test_a_rougher_surface_has_a_wider_and_lower_highlight(angle):
    lamp = Lamp(np.array([0.0, 0.0, 1.0]), np.ones(3), angle)
    light = LightSet("lamp", np.zeros((9, 3)), (lamp,))
    seen = [
        relight(ball_head((0, 0, 0), 0.04, rough), look_at_ball(), (SIDE, SIDE), light)[..., 0]
        for rough in (0.3, 0.6)
    ]
    cover = relight(ball_head(), look_at_ball(), (SIDE, SIDE), light)[..., 3] > 0.99
    smooth, rough = (np.where(cover, picture, 0) for picture in seen)
    assert smooth.max() > 1.5 * rough.max()
    assert (rough > rough.max() / 2).sum() > 1.5 * (smooth > smooth.max() / 2).sum()


def test_the_half_of_a_ball_that_looks_away_is_dark():
    lamp = Lamp(np.array([1.0, 0.0, 0.0]), np.ones(3), 1.0)
    light = LightSet("lamp", np.zeros((9, 3)), (lamp,))
    picture = relight(ball_head(specular=0.03), look_at_ball(), (SIDE, SIDE), light)
    inside = picture[..., 3] > 0.99
    left, right = (np.where(inside, picture[..., 0], 0)[:, part].max()
                   for part in (slice(0, SIDE // 2 - 3), slice(SIDE // 2 + 3, None)))  # fmt: skip
    assert left == 0 and right > 0.3


def test_the_five_lights_have_names_of_their_own_and_shine_on_the_face():
    assert len({light.name for light in LIGHT_SETS}) == 5
    for light in LIGHT_SETS:
        front = irradiance(np.array([0.0, 0.0, 1.0]), light.harmonics())
        assert 0.1 < front.mean() < 1.2, light.name


def test_development_keeps_what_is_not_bright_and_never_turns_brighter_light_darker():
    ramp = np.linspace(0, 3, 200, dtype=np.float32)
    picture = developed(np.repeat(ramp[None, :, None], 3, axis=2))[0, :, 0]
    dark = ramp < 0.8
    np.testing.assert_array_equal(picture[dark], np.rint(255 * linear_to_srgb(ramp[dark])))
    assert (np.diff(picture.astype(int)) >= 0).all() and picture[-1] == 255


def test_maps_and_charts_that_do_not_fit_are_refused():
    vertices, triangles = ball()
    plane = np.ones((4, 4), np.float32)
    good = Reflectance(np.ones((4, 4, 3), np.float32), plane, plane)
    bad = Reflectance(good.albedo, np.ones((5, 4), np.float32), plane)
    uv, corners = np.zeros((1, 2)), np.zeros_like(triangles)
    with pytest.raises(ShapeError, match="specular"):
        lit_head(vertices, triangles, uv, corners, bad)
    with pytest.raises(ShapeError, match="uv_triangles"):
        lit_head(vertices, triangles, uv, corners[:-1], good)
