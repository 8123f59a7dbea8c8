"""A random person: shape, painted skin, hair."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.facemodel import FaceModel, base_texture, random_skin
from lib.facemodel.base_texture import IRIS_COLOURS
from lib.facemodel.parts import brow_cover
from lib.facemodel.skin_fields import ITA_CLASSES
from lib.render import interpolate, uv_buffers
from lib.synthesis.chance import generator, smooth_noise
from lib.synthesis.hair import Hair, draw_hair

LASH_MM = 1.1
LIDS = ((36, 37, 38, 39), (42, 43, 44, 45))
BROW_TONE = 0.06  # brows are darker than fair hair
UNEVEN = 0.05  # relative amplitude of fine mottling


@dataclass(frozen=True)
class Person:
    """Whose photos are made.

    Args:
        identity: (n_identity,) sigma.
        texture: (side, side, 3) linear RGB, row 0 is v = 1.
        hair: cap on the scalp.
        roughness: GGX roughness of the skin.
        cloth: (3,) linear RGB.
    """

    identity: np.ndarray
    texture: np.ndarray
    hair: Hair
    roughness: float
    cloth: np.ndarray


def draw_person(
    model: FaceModel, seed: int, index: int, identity_sigma: float = 1.0, texture_px: int = 1024
) -> Person:
    """Person `index` of a world: skin tones of all classes in turn.

    Args:
        model: the head.
        seed: of the world.
        index: of the person.
        identity_sigma: spread of the identity coefficients.
        texture_px: side of the texture.
    """
    chance = generator(seed, index, "person")
    low, high = ITA_CLASSES[index % len(ITA_CLASSES)]
    skin = random_skin(model, chance.uniform(low, high), chance)
    iris = list(IRIS_COLOURS)[chance.integers(len(IRIS_COLOURS)) if low > 20 else 0]
    texture = base_texture(model, texture_px, vertex_albedo=skin, iris=iris)
    hair = draw_hair(model, chance, dark=low < 20)
    return Person(
        (identity_sigma * chance.standard_normal(model.n_identity)).astype(np.float32),
        _painted(model, texture, hair.colour, chance),
        hair,
        float(chance.uniform(0.38, 0.55)),
        chance.uniform(0.03, 0.5) * np.exp(chance.normal(0, 0.3, 3)),
    )


def _painted(
    model: FaceModel, texture: np.ndarray, hair: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """The texture with hairs in the brows, lashes, and mottled skin."""
    buffers = uv_buffers(model.uv, model.uv_triangles, texture.shape[:2])
    place = interpolate(buffers, model.mean, model.triangles)
    on_skin = buffers.mask & model.region("skin")[np.maximum(buffers.triangle_id, 0)]
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    points = place[on_skin].astype(np.float64)

    coarse, fine = (chance.standard_normal(texture.shape[:2]).astype(np.float32) for _ in range(2))
    mottled = cv2.GaussianBlur(coarse, (0, 0), 4) * 14 + cv2.GaussianBlur(fine, (0, 0), 1) * 3.5
    colour = texture[on_skin] * np.exp(UNEVEN * mottled[on_skin])[:, None]

    strokes = smooth_noise(points * [1.0, 0.45, 0.45], 1.4, chance)
    brows = np.maximum(brow_cover(points, marks[17:22]), brow_cover(points, marks[22:27]))
    density = np.clip(brows * (0.8 + 0.2 * strokes), 0, 1) * chance.uniform(0.55, 0.95)
    lashes = np.maximum.reduce([_near_line(points, marks[list(lid)]) for lid in LIDS])
    for cover, tone in (
        (density, np.minimum(hair, BROW_TONE)),
        (chance.uniform(0.5, 0.9) * lashes, 0.5 * hair),
    ):
        colour = colour * (1 - cover[:, None]) + tone * cover[:, None]
    painted = texture.copy()
    painted[on_skin] = np.clip(colour, 0, 1)
    return painted


def _near_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(n,) 1 on a line through points (k, 3), falling to 0 within about two lash widths."""
    share = np.linspace(0, len(line) - 1, 24)
    along = np.stack([np.interp(share, np.arange(len(line)), line[:, k]) for k in range(3)], 1)
    reach = ((points > along.min(0) - 6) & (points < along.max(0) + 6)).all(axis=1)
    cover = np.zeros(len(points))
    offset = points[reach, None] - along
    cover[reach] = np.exp(-0.5 * (np.linalg.norm(offset, axis=2).min(axis=1) / LASH_MM) ** 2)
    return cover
