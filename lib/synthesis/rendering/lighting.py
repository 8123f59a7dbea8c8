"""Light about a head: lamps of a size, and a dome of weak light from all around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib.geometry import sphere_directions
from lib.render import distant_light, sh_basis
from lib.render.light_sets import LightSet

N_DOME = 32
DOME_REACH_MM = 6000.0  # where the dome stands when it casts shadows
NEAREST_LAMP_MM = 550.0
SUN_RADIUS = 0.009  # radians; larger than the real one, as haze makes it
MAX_LAMPS = 6


@dataclass(frozen=True)
class Lamp:
    """A round lamp that faces the head.

    Args:
        direction: (3,) unit, from the head's middle towards it, model frame.
        distance_mm: from there; inf = a distant light.
        radius: mm, or radians for a distant light.
        colour: (3,) linear: irradiance over pi of a surface that faces it, at the head's middle.
    """

    direction: np.ndarray
    distance_mm: float
    radius: float
    colour: np.ndarray

    @property
    def half_angle(self) -> float:
        """Radians that its radius takes, seen from the head."""
        if np.isinf(self.distance_mm):
            return self.radius
        return float(np.arctan(self.radius / self.distance_mm))

    def places(self, count: int) -> np.ndarray:
        """(count, 3) mm: points spread evenly over the lamp, seen from the head."""
        step = np.arange(count)
        ring = np.sqrt((step + 0.5) / count) * np.tan(self.half_angle)
        turn = np.pi * (3 - np.sqrt(5)) * step
        side, up = _across(self.direction)
        spread = ring[:, None] * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up)
        distance = DOME_REACH_MM if np.isinf(self.distance_mm) else self.distance_mm
        return (self.direction + spread) * distance


@dataclass(frozen=True)
class Lighting:
    """All light of a scene.

    Args:
        kind: `window`, `sun`, ...
        lamps: at most MAX_LAMPS.
        dome_directions: (n, 3) unit, spread evenly, model frame.
        dome_colours: (n, 3) linear: irradiance over pi of a surface that faces each one.
    """

    kind: str
    lamps: tuple[Lamp, ...]
    dome_directions: np.ndarray
    dome_colours: np.ndarray

    def harmonics(self) -> np.ndarray:
        """(9, 3) all of it in bands 0-2, without shadows; see `lib.render.irradiance`."""
        distant = [(lamp.direction, lamp.colour) for lamp in self.lamps]
        distant += list(zip(self.dome_directions, self.dome_colours))
        return np.sum([distant_light(d, tuple(c)) for d, c in distant], axis=0)


def draw_lighting(
    chance: np.random.Generator, rotation: np.ndarray, kind: str | None = None
) -> Lighting:
    """Light as photos have it: windows, sun, overcast sky, studio, flash, lamps of two colours.

    Args:
        chance: source of random numbers.
        rotation: (3, 3) model frame to camera frame; lamps stand about the camera.
        kind: one of `KINDS`; None = any, the common ones more often.
    """
    drawn = kind or str(chance.choice(list(KINDS), p=_SHARES))
    lamps, sky, ground, strength = KINDS[drawn](chance)
    directions = sphere_directions(N_DOME)  # camera frame: x right, y down, z forward
    up = -directions[:, 1:2]
    colours = (0.5 + 0.5 * up) * sky + (0.5 - 0.5 * up) * ground
    side = chance.normal(0, 0.35, 3) * [1.0, 0.3, 0.6]  # rooms are brighter on one side
    colours *= np.exp(directions @ side)[:, None]
    colours *= strength / (colours.mean() * N_DOME / 4)  # 1/4: mean of the clamped cosine
    return Lighting(drawn, tuple(_turned(lamp, rotation) for lamp in lamps), directions @ rotation,
                    colours)  # fmt: skip


def studio_lighting(chance: np.random.Generator) -> Lighting:
    """Soft boxes all around, as capture rigs have them; in the model frame."""
    lamps = []
    for turn, height in ((-60, 25), (60, 25), (-25, 50), (25, 50), (-20, -25), (20, -25)):
        yaw, pitch = np.radians([turn, height]) + chance.normal(0, 0.06, 2)
        direction = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch),
                              np.cos(yaw) * np.cos(pitch)])  # fmt: skip
        colour = 0.16 * np.exp(chance.normal(0, 0.12)) * tint(chance, 0.01)
        lamps.append(Lamp(direction, chance.uniform(1100, 1500), chance.uniform(180, 300), colour))
    colours = np.full((N_DOME, 3), 0.28 * 4 / N_DOME)
    return Lighting("rig", tuple(lamps), sphere_directions(N_DOME), colours)


def lighting_of(light: LightSet) -> Lighting:
    """The lamps and the sky of a set of lights; where harmonics are negative, the sky is dark."""
    directions = sphere_directions(N_DOME)
    radiance = np.maximum(sh_basis(directions) @ light.sky, 0)
    lamps = [
        Lamp(lamp.direction, np.inf, float(np.radians(lamp.half_angle_deg)), lamp.colour)
        for lamp in light.lamps
    ]
    return Lighting(light.name, tuple(lamps), directions, radiance * 4 / N_DOME)


def tint(chance: np.random.Generator, spread: float) -> np.ndarray:
    """(3,) near white, from bluish to yellowish; a camera's white balance leaves little of it."""
    return np.exp(chance.normal(0, spread) * np.array([1.0, 0.12, -1.15]))


Parts = tuple[list[Lamp], np.ndarray, np.ndarray, float]  # lamps, sky, ground, strength of the dome


def _towards(
    chance: np.random.Generator, x: float, y: float, z: float, spread: float = 0.25
) -> np.ndarray:
    direction = chance.normal([x, y, z], spread)
    return direction / np.linalg.norm(direction)


def _side(chance: np.random.Generator) -> float:
    return 1.0 if chance.random() < 0.5 else -1.0


def _window(chance: np.random.Generator) -> Parts:
    towards = _towards(chance, _side(chance) * chance.uniform(0.3, 1.3), -0.35, -0.9)
    distance = chance.uniform(1000, 3000)
    key = Lamp(towards, distance, chance.uniform(300, 800),
               chance.uniform(0.5, 1.1) * tint(chance, 0.05))  # fmt: skip
    warm = tint(chance, 0.08)
    return [key], warm, 0.7 * warm * tint(chance, 0.08), chance.uniform(0.15, 0.5)


def _overcast(chance: np.random.Generator) -> Parts:
    sky = tint(chance, 0.04)
    return [], sky, chance.uniform(0.15, 0.5) * sky * tint(chance, 0.1), chance.uniform(0.7, 1.0)


def _sun(chance: np.random.Generator) -> Parts:
    towards = _towards(chance, chance.normal(0, 0.8), -chance.uniform(0.5, 1.4), -0.8)
    sun = Lamp(towards, np.inf, SUN_RADIUS * chance.uniform(1, 4), 1.0 * tint(chance, 0.05))
    sky = np.array([0.82, 0.98, 1.25]) * tint(chance, 0.04)
    ground = np.array([1.05, 1.0, 0.85]) * chance.uniform(0.3, 0.8)
    return [sun], sky, ground, chance.uniform(0.25, 0.6)


def _studio(chance: np.random.Generator) -> Parts:
    side = _side(chance)
    key = Lamp(_towards(chance, 0.7 * side, -0.7, -1.0, 0.15), chance.uniform(900, 1800),
               chance.uniform(150, 500), chance.uniform(0.6, 1.0) * tint(chance, 0.02))  # fmt: skip
    fill = Lamp(_towards(chance, -1.0 * side, -0.1, -0.9, 0.15), chance.uniform(1200, 2200),
                chance.uniform(250, 600), key.colour * chance.uniform(0.15, 0.6))  # fmt: skip
    lamps = [key, fill]
    if chance.random() < 0.5:
        behind = _towards(chance, -0.8 * side, -0.6, 0.9, 0.2)
        colour = key.colour * chance.uniform(0.3, 1.2)
        lamps.append(Lamp(behind, 1500.0, chance.uniform(80, 250), colour))
    grey = np.ones(3)
    return lamps, grey, 0.7 * grey, chance.uniform(0.08, 0.3)


def _flash(chance: np.random.Generator) -> Parts:
    flash = Lamp(_towards(chance, 0.05, -0.15, -1.0, 0.04), chance.uniform(600, 2000),
                 chance.uniform(12, 45), chance.uniform(0.6, 1.0) * tint(chance, 0.02))  # fmt: skip
    room = tint(chance, 0.15) * [1.1, 1.0, 0.85]
    return [flash], room, 0.6 * room, chance.uniform(0.08, 0.35)


def _lamps(chance: np.random.Generator) -> Parts:
    """An evening indoors: a few small lamps, warm, one perhaps of a screen."""
    lamps = []
    for strength in (chance.uniform(0.4, 0.9), *chance.uniform(0.1, 0.5, chance.integers(1, 3))):
        towards = _towards(chance, chance.normal(0, 0.8), -0.6, -0.7, 0.3)
        lamps.append(Lamp(towards, chance.uniform(900, 2500), chance.uniform(60, 250),
                          strength * tint(chance, 0.13)))  # fmt: skip
    warm = np.array([1.15, 1.0, 0.8]) * tint(chance, 0.08)
    return lamps, warm, 0.7 * warm, chance.uniform(0.2, 0.5)


def _backlight(chance: np.random.Generator) -> Parts:
    behind = _towards(chance, _side(chance) * chance.uniform(0.4, 1.2), -0.6, 0.8, 0.2)
    colour = chance.uniform(0.6, 1.3) * tint(chance, 0.06)
    rim = Lamp(behind, np.inf, chance.uniform(0.01, 0.2), colour)
    sky = np.array([0.92, 1.0, 1.1]) * tint(chance, 0.05)
    return [rim], sky, 0.7 * sky, chance.uniform(0.45, 0.8)


KINDS: dict[str, Callable[[np.random.Generator], Parts]] = {
    "window": _window,
    "overcast": _overcast,
    "sun": _sun,
    "studio": _studio,
    "flash": _flash,
    "lamps": _lamps,
    "backlight": _backlight,
}
_SHARES = (0.24, 0.15, 0.15, 0.17, 0.07, 0.14, 0.08)


def _turned(lamp: Lamp, rotation: np.ndarray) -> Lamp:
    """A lamp of the camera frame in the model frame."""
    distance = max(lamp.distance_mm, NEAREST_LAMP_MM)
    return Lamp(lamp.direction @ rotation, distance, lamp.radius, lamp.colour)


def _across(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across a direction."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(helper, direction)
    side /= np.linalg.norm(side)
    return side, np.cross(direction, side)
