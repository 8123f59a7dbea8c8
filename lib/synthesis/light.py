"""Light from all around as a set of directions, and what of it reaches the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.geometry import vertex_normals
from lib.imaging import luminance
from lib.render import Camera, distant_light, render_buffers, visible

N_DIRECTIONS = 48
FAR_MM = 4000.0
SHADOW_PX = 224
SHADOW_TOLERANCE_MM = 2.5
KEY_SHARPNESS = (4.0, 40.0)  # von Mises-Fisher concentration: a window .. a lamp


@dataclass(frozen=True)
class Environment:
    """Distant light.

    Args:
        directions: (n, 3) unit, towards the light, model frame.
        colours: (n, 3) linear RGB: irradiance over pi of a surface that faces each one.
    """

    directions: np.ndarray
    colours: np.ndarray

    def harmonics(self) -> np.ndarray:
        """(9, 3) the same light in bands 0-2, without shadows; see `lib.render.irradiance`."""
        return np.sum(
            [distant_light(d, tuple(c)) for d, c in zip(self.directions, self.colours)], axis=0
        )


def draw_environment(chance: np.random.Generator, rotation: np.ndarray) -> Environment:
    """A sky and ground with one to three lamps or windows, mostly before and above the face.

    Args:
        chance: source of random numbers.
        rotation: (3, 3) model frame to camera frame; lamps stand about the camera.
    """
    directions = _sphere(N_DIRECTIONS)  # camera frame: x right, y down, z forward
    up = -directions[:, 1:2]
    sky, ground = _tint(chance, 0.12), _tint(chance, 0.12)
    colours = (0.5 + 0.5 * up) * sky + (0.5 - 0.5 * up) * ground * chance.uniform(0.3, 0.9)
    colours *= chance.uniform(0.15, 0.6) / colours.sum(axis=0).mean()
    for strength in (chance.uniform(0.5, 1.0), *chance.uniform(0, 0.4, chance.integers(0, 3))):
        towards = chance.normal([0, -0.7, -1.0], [0.9, 0.5, 0.5])
        towards /= np.linalg.norm(towards)
        sharpness = np.exp(chance.uniform(*np.log(KEY_SHARPNESS)))
        lobe = np.exp(sharpness * (directions @ towards - 1))
        colours += strength * (lobe / lobe.sum())[:, None] * _tint(chance, 0.10)
    return Environment(directions @ rotation, colours)


def _tint(chance: np.random.Generator, spread: float) -> np.ndarray:
    """(3,) near white, from bluish to yellowish; a camera's white balance leaves little of it."""
    warmth = chance.normal(0, spread)
    return np.exp(warmth * np.array([1.0, 0.1, -1.1]))


def _sphere(count: int) -> np.ndarray:
    """(count, 3) directions spread evenly (a Fibonacci lattice)."""
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=1)


def light_on_vertices(
    vertices: np.ndarray, triangles: np.ndarray, environment: Environment, n_strongest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shadowed irradiance, and how much of the strongest lights reaches each vertex.

    Args:
        vertices: (n, 3) mm.
        triangles: (t, 3).
        environment: the light.
        n_strongest: number of lights to tell apart, for highlights.

    Returns:
        (n, 3) irradiance over pi; (k,) rows of `environment`; (n, k) 0..1 share that arrives.
    """
    normals = vertex_normals(vertices, triangles).astype(np.float64)
    irradiance = np.zeros((len(vertices), 3))
    strength = luminance(environment.colours)
    strongest = np.argsort(-strength, kind="stable")[:n_strongest]
    arrives = np.zeros((len(vertices), n_strongest))
    for row, direction in enumerate(environment.directions):
        camera = _camera_of_light(vertices, direction)
        buffers = render_buffers(
            vertices, triangles, *camera, (SHADOW_PX, SHADOW_PX), cull_back_faces=False
        )
        seen = visible(vertices, normals, buffers, camera, SHADOW_TOLERANCE_MM)
        cosine = np.maximum(normals @ direction, 0)
        irradiance += (seen * cosine)[:, None] * environment.colours[row]
        arrives[:, strongest == row] = seen[:, None]
    return irradiance, strongest, arrives


def _camera_of_light(vertices: np.ndarray, direction: np.ndarray) -> Camera:
    """A camera far away in the direction of a light, that sees the whole mesh."""
    middle = (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    radius = np.linalg.norm(vertices - middle, axis=1).max()
    forward = -direction
    side = np.cross(forward, [0, 1, 0] if abs(forward[1]) < 0.9 else [1, 0, 0])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(forward, side), forward])
    pose = np.column_stack([rotation, [0, 0, FAR_MM] - rotation @ middle])
    focal = 0.49 * SHADOW_PX * (FAR_MM - radius) / radius
    return Camera(pose, float(focal), np.full(2, (SHADOW_PX - 1) / 2))
