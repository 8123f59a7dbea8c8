"""Light to look at heads in: lamps of a size and a sky, and five sets that show what matters.

Directions are in the model frame: x to the subject's left, y up, z out of the face. Colours are
linear RGB, irradiance over pi of a surface that faces the lamp, so that a white matte one shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.render.harmonics import SH_COSINE, ambient_light, distant_light, sh_basis


@dataclass(frozen=True)
class Lamp:
    """A round lamp infinitely far away.

    Args:
        direction: (3,) unit, towards it.
        colour: (3,) linear RGB.
        half_angle_deg: from its middle to its rim: how soft its shadows are.
    """

    direction: np.ndarray
    colour: np.ndarray
    half_angle_deg: float


@dataclass(frozen=True)
class LightSet:
    """All light of a scene.

    Args:
        name: what it is called, also in file names.
        sky: (9, 3) SH light from everywhere; see `lib.render.irradiance`.
        lamps: that cast shadows.
    """

    name: str
    sky: np.ndarray
    lamps: tuple[Lamp, ...] = ()

    def turned(self, yaw_deg: float) -> LightSet:
        """The same light carried around the head to its left."""
        turn = np.radians(yaw_deg)
        rotation = np.array(
            [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
        )
        lamps = (replace(lamp, direction=rotation @ lamp.direction) for lamp in self.lamps)
        return LightSet(self.name, turned_light(self.sky, rotation), tuple(lamps))

    def harmonics(self) -> np.ndarray:
        """(9, 3) all of it in bands 0-2, without shadows."""
        lamps = [distant_light(lamp.direction, tuple(lamp.colour)) for lamp in self.lamps]
        return np.sum([self.sky, *lamps], axis=0).astype(np.float32)


def turned_light(light: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(9, 3) SH light carried along by a rotation (3, 3) of the model frame."""
    steps = np.arange(64)
    height, turn = 1 - (2 * steps + 1) / 64, np.pi * (3 - np.sqrt(5)) * steps
    around = np.sqrt(1 - height**2)
    places = np.stack([around * np.cos(turn), height, around * np.sin(turn)], axis=1)
    # Bands turn into themselves, so values at enough places tell the coefficients exactly.
    values = sh_basis(places @ rotation) @ light
    return np.linalg.lstsq(sh_basis(places), values, rcond=None)[0].astype(np.float32)


def softened(light: np.ndarray, alpha: float) -> np.ndarray:
    """(9, 3) light seen in a mirror of roughness: each band fades as in a lobe of that width.

    The scale is that of `irradiance`: light from everywhere keeps its colour.

    Args:
        light: (9, 3).
        alpha: of GGX, 0 = a mirror.

    Source: Ramamoorthi & Hanrahan 2001, A signal-processing framework for inverse rendering, on a
    Gaussian lobe; band l fades by exp(-(alpha l)^2).
    """
    band = np.array([0] + 3 * [1] + 5 * [2])
    fade = np.exp(-((alpha * band) ** 2)) / SH_COSINE
    return (fade[:, None] * light).astype(np.float32)


def _lamp(yaw_deg: float, pitch_deg: float, colour: tuple, half_angle_deg: float) -> Lamp:
    """A lamp to the subject's left by `yaw_deg` and above by `pitch_deg`."""
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    direction = [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
    return Lamp(np.array(direction), np.array(colour), half_angle_deg)


def _sky(above: tuple, below: tuple) -> np.ndarray:
    """(9, 3) light that goes evenly from one colour above to another below."""
    above, below = np.array(above), np.array(below)
    light = ambient_light(tuple((above + below) / 2))
    # distant_light of strength s shows s * (1/4 + cos/2 + ...): only its first band is wanted.
    up = distant_light(np.array([0.0, 1.0, 0.0]), tuple(above - below))
    light[1:4] += up[1:4]
    return light.astype(np.float32)


LIGHT_SETS = (
    LightSet("overcast", _sky((0.88, 0.92, 1.0), (0.30, 0.28, 0.25))),
    LightSet(
        "window",
        _sky((0.17, 0.17, 0.18), (0.11, 0.10, 0.09)),
        (_lamp(62, 18, (0.92, 0.96, 1.02), 22),),
    ),
    LightSet(
        "sun",
        _sky((0.20, 0.27, 0.40), (0.15, 0.13, 0.10)),
        (_lamp(-38, 48, (1.16, 1.04, 0.86), 1.5),),
    ),
    LightSet(
        "studio",
        _sky((0.10, 0.10, 0.10), (0.06, 0.06, 0.06)),
        (
            _lamp(-40, 30, (0.80, 0.79, 0.77), 12),
            _lamp(55, 8, (0.22, 0.22, 0.23), 25),
            _lamp(160, 35, (0.55, 0.56, 0.60), 8),
        ),
    ),
    LightSet(
        "two_colours",
        _sky((0.05, 0.05, 0.06), (0.04, 0.04, 0.04)),
        (
            _lamp(-75, 10, (1.05, 0.45, 0.18), 10),
            _lamp(70, 15, (0.20, 0.52, 0.95), 10),
        ),
    ),
)
