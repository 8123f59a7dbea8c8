"""Which relief an expression makes: skin that it squeezes across a wrinkle folds deeper.

A squeeze s (share of length lost across a wrinkle) folds skin by about `FOLD_MM` * (s - `SLACK`);
what is deeper stays when the face rests.
"""

from __future__ import annotations

import cv2
import numpy as np

from lib.facemodel import FaceModel
from lib.geometry.strain import squeeze
from lib.render import interpolate, uv_buffers
from lib.uvspace.bands import blur_mm
from lib.uvspace.grid import Grid, grid_of, outer_skin

FOLD_MM = 0.8  # depth per unit of squeeze
SLACK = 0.02  # squeeze that skin takes without folding
AROUND_MM = 2.0  # how far around a place its relief and direction are judged
LEAST_MM = 0.01  # of relief that is divided
SIDE = 512  # texels a side at which it is judged


def expression_share(
    model: FaceModel, neutral: np.ndarray, posed: np.ndarray, grid: Grid, distance_mm: np.ndarray
) -> np.ndarray:
    """(rows, cols) float32 0..1 of the relief's size that goes when the expression does.

    Args:
        model: the head model.
        neutral: (n_vertices, 3) mm, the resting face.
        posed: (n_vertices, 3) mm, with the expression of the photo.
        grid: chart of the posed head.
        distance_mm: (rows, cols) relief along its normals.
    """
    small = _reduced(grid, distance_mm)
    place, relief = small
    spacing = np.full(place.mask.shape, max(place.spacing_mm, 1e-3), np.float32)
    lost = squeeze_across(model, neutral, posed, place, relief)
    fold = FOLD_MM * np.maximum(lost - SLACK, 0)
    weight = place.mask.astype(np.float32)
    size = np.sqrt(2 * np.maximum(blur_mm(relief**2, weight, spacing, AROUND_MM), 0))
    share = np.minimum(fold / np.maximum(size, LEAST_MM), 1)
    share = blur_mm(share.astype(np.float32), weight, spacing, AROUND_MM)
    rows, cols = distance_mm.shape
    return np.clip(cv2.resize(share, (cols, rows), interpolation=cv2.INTER_LINEAR), 0, 1)


def squeeze_across(
    model: FaceModel, neutral: np.ndarray, posed: np.ndarray, grid: Grid, relief_mm: np.ndarray
) -> np.ndarray:
    """(rows, cols) float32 share of its length that skin loses across its own wrinkles.

    Negative where it is stretched; of flat skin the mean over all directions.

    Args:
        model: the head model.
        neutral: (n_vertices, 3) mm.
        posed: (n_vertices, 3) mm.
        grid: chart of the posed head.
        relief_mm: (rows, cols) along its normals.
    """
    way = wrinkle_ways(grid, relief_mm)
    lost = squeeze_map(model, neutral, posed, grid.mask.shape)
    return across_ways(lost, way) * grid.mask


def squeeze_map(
    model: FaceModel, neutral: np.ndarray, posed: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """(rows, cols, 6) float32 `squeeze` at the texels, as `SIX`."""
    triangles = model.triangles[outer_skin(model)]
    six = six_of(squeeze(neutral, posed, triangles))
    buffers = uv_buffers(model.uv, model.uv_triangles[outer_skin(model)], shape)
    return interpolate(buffers, six, triangles)


def six_of(tensors: np.ndarray) -> np.ndarray:
    """(n, 6) float32 of symmetric (n, 3, 3): xx, yy, zz, xy, yz, xz."""
    return np.stack([tensors[:, i, j] for i, j in SIX], axis=1).astype(np.float32)


SIX = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
TWICE = np.array([1, 1, 1, 2, 2, 2], np.float32)


def wrinkle_ways(grid: Grid, relief_mm: np.ndarray) -> np.ndarray:
    """(rows, cols, 6) float32 mean of t t^T over the steepest ways t around, trace 1, as `SIX`."""
    tilt = grid_of(grid.position + grid.normal * relief_mm[..., None], grid.mask, 0).normal
    tilt -= grid_of(grid.position, grid.mask, 0).normal
    six = np.stack([tilt[..., i] * tilt[..., j] for i, j in SIX], axis=2)
    flat = np.stack([(i == j) - grid.normal[..., i] * grid.normal[..., j] for i, j in SIX], axis=2)
    spacing = np.full(grid.mask.shape, max(grid.spacing_mm, 1e-3), np.float32)
    six = six + 1e-6 * flat
    mean = blur_mm(six.astype(np.float32), grid.mask.astype(np.float32), spacing, AROUND_MM)
    return mean / np.maximum(mean[..., :3].sum(axis=2, keepdims=True), 1e-12)


def across_ways(lost: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(rows, cols) float32 squeeze along the ways; both as `SIX` along the last axis."""
    return (lost * way) @ TWICE


def _reduced(grid: Grid, distance_mm: np.ndarray) -> tuple[Grid, np.ndarray]:
    """Grid and relief at no more than `SIDE` texels a side."""
    step = -(-len(distance_mm) // SIDE)
    if step == 1:
        return grid, distance_mm.astype(np.float32)
    rows = slice(step // 2, None, step)
    part = Grid(grid.position[rows, rows], grid.normal[rows, rows], grid.mask[rows, rows])
    relief = cv2.GaussianBlur(distance_mm.astype(np.float32), (0, 0), step / 2)
    return part, np.ascontiguousarray(relief[rows, rows])
