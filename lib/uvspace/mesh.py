"""Texel grids as triangle meshes."""

from __future__ import annotations

import numpy as np


def grid_triangles(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles for each square of four texels on a mask.

    Args:
        mask: (rows, cols) bool.

    Returns:
        texel: (n,) flat index of each texel that a triangle uses: the vertices of the mesh.
        triangles: (t, 3) int32 into these n, counter-clockwise seen from outside.
    """
    cols = mask.shape[1]
    whole = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]
    corner = np.flatnonzero(np.pad(whole, ((0, 1), (0, 1))))
    right, below, across = corner + 1, corner + cols, corner + cols + 1
    flat = np.concatenate(
        [np.stack([corner, below, right], 1), np.stack([across, right, below], 1)]
    )
    used = np.zeros(mask.size, bool)
    used[flat.ravel()] = True
    texel = np.flatnonzero(used)
    number = np.full(mask.size, -1, np.int32)
    number[texel] = np.arange(len(texel), dtype=np.int32)
    return texel, number[flat]
