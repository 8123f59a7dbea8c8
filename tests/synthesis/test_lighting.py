"""Lamps shine where nothing stands before them, softly where they are large."""

import numpy as np
import pytest
import torch

from lib.render import irradiance
from lib.render.differentiable import ggx
from lib.render.light_sets import LIGHT_SETS
from lib.synthesis import SynthesisOptions, draw_capture
from lib.synthesis.rendering.lighting import (
    KINDS,
    N_DOME,
    Lamp,
    Lighting,
    draw_lighting,
    lighting_of,
    studio_lighting,
)
from lib.synthesis.rendering.materials import (
    EYE,
    OTHER,
    SKIN,
    Fragments,
    dome_irradiance,
    dot,
    shade,
)
from lib.synthesis.rendering.transport import LEAK, Casters, receive

UP = np.array([0.0, 1.0, 0.0])
NO_DOME = (np.eye(3)[:1], np.zeros((1, 3)))


def floor_with_a_lid():
    """A floor of 300 mm, and 60 mm above its left half a lid."""
    quad = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    floor = np.array([[-150, 0, -150], [-150, 0, 150], [150, 0, 150], [150, 0, -150]], float)
    lid = floor * [0.5, 1, 1] + [-75, 60, 0]
    vertices = torch.tensor(np.concatenate([floor, lid]), dtype=torch.float32)
    return Casters(vertices, torch.tensor(np.concatenate([quad, quad + 4])), np.zeros(3))


def on_floor(x):
    points = torch.tensor([[float(value), 0.0, 0.0] for value in x])
    return points, torch.tensor(UP, dtype=torch.float32).expand(len(x), 3)


def from_above(radius, distance=900.0):
    return Lighting("test", (Lamp(UP, distance, radius, np.ones(3)),), *NO_DOME)


def test_a_small_lamp_casts_a_sharp_shadow():
    x = np.array([-100.0, -30, -10, 10, 30, 100])
    light = receive(*on_floor(x), torch.zeros(6, dtype=torch.bool), floor_with_a_lid(),
                    from_above(1.0), map_px=256)  # fmt: skip
    np.testing.assert_allclose(light.lamps[:, 0], [LEAK, LEAK, LEAK, 1, 1, 1], atol=1e-6)


def test_a_large_lamp_casts_a_shadow_as_soft_as_its_size_says():
    x = np.linspace(-60, 60, 61)
    lit = receive(*on_floor(x), torch.zeros(61, dtype=torch.bool), floor_with_a_lid(),
                  from_above(300.0), map_px=256).lamps[:, 0].numpy()  # fmt: skip
    assert lit[0] == pytest.approx(LEAK) and lit[-1] == 1
    assert (np.diff(lit) >= -1e-6).all()
    half_shade = x[(lit > 0.09) & (lit < 0.95)]
    # a lamp of 600 mm, 840 mm above a lid that is 60 mm above the floor
    assert np.ptp(half_shade) == pytest.approx(600 * 60 / 840, rel=0.35)


def test_light_fades_into_hair_instead_of_stopping():
    depth = np.array([0.0, 3.0, 9.0, 18.0, 40.0])
    points = torch.tensor([[-75.0, 60.0 - value, 0.0] for value in depth]).float()
    lit = receive(points, torch.zeros(5, 3), torch.ones(5, dtype=torch.bool),
                  floor_with_a_lid(), from_above(1.0), map_px=256)  # fmt: skip
    np.testing.assert_allclose(lit.lamps[:, 0], np.exp(-depth / 9.0), atol=0.03)


def test_an_open_floor_under_an_even_dome_shows_it_and_a_covered_one_is_dark():
    lighting = draw_lighting(np.random.default_rng(0), np.eye(3), "overcast")
    even = Lighting("test", (), lighting.dome_directions, np.full((N_DOME, 3), 4 / N_DOME))
    light = receive(*on_floor([120.0]), torch.zeros(1, dtype=torch.bool), floor_with_a_lid(), even)
    shown = dome_irradiance(light.dome.reshape(1, 12).T, torch.tensor(UP).float()[:, None])
    np.testing.assert_allclose(shown, 1.0, atol=0.12)
    covered = receive(
        *on_floor([-75.0]), torch.zeros(1, dtype=torch.bool), floor_with_a_lid(), even
    )
    dark = dome_irradiance(covered.dome.reshape(1, 12).T, torch.tensor(UP).float()[:, None])
    assert (dark < 0.5).all()


def fragments(kind, normal, n_lamps, dome=None):
    n = normal.shape[1]
    return Fragments(
        kind=torch.full((n,), kind),
        position=torch.zeros(3, n),
        normal=normal,
        to_eye=torch.tensor([[0.0], [0.0], [1.0]]).expand(3, n),
        tangent=torch.tensor([[1.0], [0.0], [0.0]]).expand(3, n),
        albedo=torch.ones(3, n),
        gloss=torch.tensor([[0.4], [0.028]]).expand(2, n),
        dome=torch.zeros(12, n) if dome is None else dome,
        lamps=torch.ones(n_lamps, n),
    )


def sphere(n=400):
    points = np.random.default_rng(0).standard_normal((n, 3))
    return torch.tensor(points / np.linalg.norm(points, axis=1, keepdims=True)).float().T


def test_without_shadows_matte_light_is_that_of_the_harmonics():
    chance = np.random.default_rng(3)
    lighting = draw_lighting(chance, np.eye(3), "overcast")
    basis = np.concatenate([np.ones((N_DOME, 1)), lighting.dome_directions], axis=1)
    dome = torch.tensor(basis.T @ lighting.dome_colours).float().reshape(12, 1).expand(12, 400)
    normal = sphere()
    shown, _ = shade(fragments(OTHER, normal, 0, dome), lighting, torch.zeros(3))
    expected = irradiance(normal.T.numpy(), lighting.harmonics())
    np.testing.assert_allclose(shown.T, expected, atol=0.05 * expected.max())


def test_the_lobe_of_a_small_lamp_is_that_of_the_renderer():
    normal = sphere()
    lamp = Lamp(np.array([0.6, 0.0, 0.8]), np.inf, 0.0, np.ones(3))
    at = fragments(OTHER, normal, 1)
    _, mirrored = shade(at, Lighting("test", (lamp,), *NO_DOME), torch.zeros(3))
    to_lamp = torch.tensor(lamp.direction).float()
    seen = dot(at.normal, at.to_eye) > 0.01
    expected = ggx(normal.T, to_lamp.expand(400, 3), at.to_eye.T, 0.4, 0.028)[:, 0]
    np.testing.assert_allclose(mirrored[0][seen], expected[seen], rtol=1e-4, atol=1e-6)


def test_light_and_pictures_are_proportional():
    lighting = draw_lighting(np.random.default_rng(5), np.eye(3), "studio")
    twice = Lighting(
        "twice",
        tuple(Lamp(p.direction, p.distance_mm, p.radius, 2 * p.colour) for p in lighting.lamps),
        lighting.dome_directions,
        2 * lighting.dome_colours,
    )
    at = fragments(SKIN, sphere(), len(lighting.lamps))
    for one, two in zip(shade(at, lighting, torch.zeros(3)), shade(at, twice, torch.zeros(3))):
        np.testing.assert_allclose(2 * one, two, rtol=1e-5)


def test_skin_lets_red_light_past_the_terminator_and_eyes_do_not():
    side = Lighting("test", (Lamp(np.array([1.0, 0, 0]), np.inf, 0.005, np.ones(3)),), *NO_DOME)
    just_behind = torch.tensor([[-0.08], [0.0], [0.9968]])
    skin, _ = shade(fragments(SKIN, just_behind, 1), side, torch.zeros(3))
    eye, _ = shade(fragments(EYE, just_behind, 1), side, torch.zeros(3))
    assert skin[0, 0] > 0.02 and skin[0, 0] > 3 * skin[2, 0]
    assert (eye < 0.001).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_light_shines_on_the_face(kind):
    for seed in range(8):
        lighting = draw_lighting(np.random.default_rng(seed), np.diag([1.0, -1, -1]), kind)
        towards_camera = irradiance(np.array([[0.0, 0.0, 1.0]]), lighting.harmonics())
        assert (towards_camera > 0.03).all() and np.isfinite(towards_camera).all()
        assert len(lighting.lamps) <= 6


def test_a_rig_is_lit_from_all_sides_and_alike_each_time():
    one, two = (studio_lighting(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.harmonics(), two.harmonics())
    front = irradiance(np.array([[0.0, 0, 1], [0.9, 0, 0.44], [-0.9, 0, 0.44]]), one.harmonics())
    assert front.min() > 0.4 * front.max()


def test_a_set_of_lights_is_the_same_light_in_a_scene():
    lit = next(light for light in LIGHT_SETS if light.name == "window")
    normals = np.random.default_rng(0).normal(size=(60, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    found = irradiance(normals, lighting_of(lit).harmonics())
    np.testing.assert_allclose(found, irradiance(normals, lit.harmonics()), atol=0.02)


def test_another_light_changes_the_picture_and_nothing_of_the_head(studio):
    options = SynthesisOptions(
        seed=3, height_px=48, width_px=40, texture_px=256, maps_px=32, mesh_level=0, supersample=1
    )
    usual = draw_capture(studio, options, 0).truth
    lit = draw_capture(studio, options, 0, lighting=lighting_of(LIGHT_SETS[1])).truth
    for name in ("uv_albedo", "uv_normal", "vertices_mm", "identity", "world_to_camera"):
        np.testing.assert_array_equal(getattr(usual, name), getattr(lit, name))
    head = usual.part[0] > 0
    assert np.abs(usual.diffuse[0] - lit.diffuse[0])[head].mean() > 0.02
    assert len(lit.light_direction) == 1 + len(lighting_of(LIGHT_SETS[1]).dome_directions)
