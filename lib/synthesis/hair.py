"""Simple hair: a rough shell over the scalp, thin at the hairline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals
from lib.synthesis.chance import smooth_noise

# The hairline of a head seen from the side: height above the brows over distance behind them, mm.
# It runs above the ears, which are not modelled by name, and down again behind them.
BEHIND = (0.0, 30.0, 48.0, 60.0, 75.0, 116.0, 124.0, 170.0)
ABOVE = (46.0, 40.0, 20.0, 10.0, 12.0, 14.0, -60.0, -90.0)
FULL_AT_MM = 22.0  # inside the hairline the shell has its full height
HAIR_TONES = ((0.012, 0.009, 0.008), (0.05, 0.028, 0.016), (0.16, 0.09, 0.045), (0.33, 0.23, 0.12))
GREY = (0.2, 0.19, 0.185)
SUNK_MM = 1.0


@dataclass(frozen=True)
class Hair:
    """A cap of hair on the mean head's vertices.

    Args:
        triangles: (t, 3) vertex indices of the head.
        height_mm: (n_vertices,) of the shell over the skin; negative = below it.
        shade: (n_vertices,) factor on the colour.
        colour: (3,) linear RGB.
    """

    triangles: np.ndarray
    height_mm: np.ndarray
    shade: np.ndarray
    colour: np.ndarray

    def on(self, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(n_vertices, 3) mm: the shell over a head."""
        normals = vertex_normals(vertices, triangles)
        return vertices + self.height_mm[:, None] * normals


def draw_hair(model: FaceModel, chance: np.random.Generator, dark: bool) -> Hair:
    """Hair of random colour, thickness and hairline.

    Args:
        model: the head.
        chance: source of random numbers.
        dark: only dark tones, as dark skin has.
    """
    mean = model.mean.astype(np.float64)
    inside = _inside_hairline(model, chance)
    thickness = chance.uniform(4, 16)
    clumps = smooth_noise(mean, 16.0, chance)
    from_edge, _ = cKDTree(mean[inside < 0]).query(mean)
    full = np.clip(from_edge / FULL_AT_MM, 0, 1) ** 0.6
    height = thickness * full * (1 + 0.10 * clumps) - SUNK_MM * (from_edge < 4)
    skin = model.triangles[model.region("skin")]
    strands = smooth_noise(mean * [1.0, 0.25, 0.6], 7.0, chance)
    tones = HAIR_TONES[:2] if dark else (*HAIR_TONES, GREY)
    colour = np.array(tones[chance.integers(len(tones))]) * np.exp(chance.normal(0, 0.25))
    return Hair(
        skin[(inside[skin] > -2).all(axis=1)],
        height.astype(np.float32),
        np.exp(0.35 * strands).astype(np.float32),
        colour,
    )


def _inside_hairline(model: FaceModel, chance: np.random.Generator) -> np.ndarray:
    """(n_vertices,) mm above the hairline; negative on the face and the neck."""
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    brows = marks[17:27]
    _, y, z = model.mean.astype(np.float64).T
    behind, above = brows[:, 2].max() - z, y - brows[:, 1].max()
    shift = chance.normal(0, 5.0)
    line = np.interp(behind, BEHIND, ABOVE) + shift
    return above - line + 3.0 * smooth_noise(model.mean.astype(np.float64), 14.0, chance)
