"""The second chart of a head, in which the detail layer's networks look at it: a cylinder unrolled.

Published points count in mm from the origin of the Basel Face Model. It is 33 mm below and 84.5 mm
behind ours, which lies between the eyes.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 512
ACROSS, MIDDLE = 160.0, 256.0  # texels per radian; column of the middle of the face
UP, TOP = 2.2, 220.0  # texels per mm; row of the origin
# Our origin in the Basel frame, by the lids of its mean: (0, 33, 95) mm, and 10.5 mm behind them.
BASEL_MM = (0.0, 33.0, 84.5)
SMOOTHING = 10  # rounds over neighbours, on the mesh of the Basel Face Model
BASEL_EDGE_MM = 1.15
MASKS = ("face", "without_eyes", "without_nose", "without_brows")


@dataclass(frozen=True)
class CylinderChart:
    """Where each vertex lies on the unrolled cylinder, and which may be compared and moved.

    Args:
        origin_mm: (3,) what is added to points of the model to count them as published.
        texel: (n_vertices, 2) float32 row and column, of 512 x 512; texel k reaches from k to k+1.
        drawn: (n_triangles,) bool: triangles that are drawn into the chart.
        region: (512, 512) bool: texels that are vertices of the dense mesh.
        face: (n_vertices,) bool: the face, without ears, neck and mouth cavity.
        without_eyes: (n_vertices,) bool: all but the eyes.
        without_nose: (n_vertices,) bool: all but the nose.
        without_brows: (n_vertices,) bool: all but the brows.
    """

    origin_mm: np.ndarray
    texel: np.ndarray
    drawn: np.ndarray
    region: np.ndarray
    face: np.ndarray
    without_eyes: np.ndarray
    without_nose: np.ndarray
    without_brows: np.ndarray


def unrolled(points: np.ndarray, whole: bool = False) -> np.ndarray:
    """(..., 2) row and column of points (..., 3), mm in the Basel frame.

    Args:
        points: what lies behind the axis falls on what is before it.
        whole: cut to whole texels towards zero, as published.
    """
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    column = ACROSS * np.arctan(x / (np.abs(z) + 1e-12) * np.sign(z)) + MIDDLE
    row = TOP - UP * y
    texel = np.stack([row, column], -1)
    return np.trunc(texel) if whole else texel


def smoothing_rounds(vertices: np.ndarray, triangles: np.ndarray) -> int:
    """How often to smooth masks on a mesh (n, 3) so that they reach as far, in mm, as published."""
    step = np.linalg.norm(vertices[triangles] - vertices[np.roll(triangles, 1, 1)], axis=2)
    edge = max(float(np.median(step)), 1e-6)
    return int(np.clip(np.rint(SMOOTHING * (BASEL_EDGE_MM / edge) ** 2), 1, SMOOTHING))


def smoothed_mask(values: np.ndarray, triangles: np.ndarray, rounds: int = SMOOTHING) -> np.ndarray:
    """(n,) float64 values 0..1 of vertices, each replaced by the mean of its neighbours, often.

    Args:
        values: (n,).
        triangles: (t, 3).
        rounds: how often.
    """
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    count = np.bincount(one, minlength=len(values))
    result = np.asarray(values, np.float64)
    for _ in range(rounds):
        total = np.bincount(one, weights=result[other], minlength=len(values))
        result = np.where(count > 0, total / np.maximum(count, 1), result)
    return result
