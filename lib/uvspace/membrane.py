"""Smooth functions on the surface of a head, pinned to data where there are any.

They live on vertices, not on texels, and so know nothing of chart borders and leave no seams.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from lib.geometry import triangle_areas

LEAST_WEIGHT = 1e-3  # of an edge; keeps the maximum principle where triangles are obtuse


@dataclass(frozen=True)
class Membrane:
    """The Laplacian of a mesh.

    Args:
        stiffness: (V, V) sparse symmetric, of cotangent weights.
        area: (V,) mm^2 that belongs to each vertex; 0 where no triangle does.
        triangles: (T, 3) of the surface.
    """

    stiffness: sp.csc_matrix
    area: np.ndarray
    triangles: np.ndarray

    def least_around(self, values: np.ndarray) -> np.ndarray:
        """(V,) smallest value of each vertex and its neighbours."""
        result = values.copy()
        least = values[self.triangles].min(axis=1)
        np.minimum.at(result, self.triangles.ravel(), np.repeat(least, 3))
        return result

    def solve(
        self,
        data: np.ndarray,
        weight: np.ndarray,
        detail_mm: float,
        rest: np.ndarray,
        reach_mm: float,
    ) -> np.ndarray:
        """The smoothest function near the data, which far from any data comes to rest.

        Minimises |grad f|^2 + weight / detail^2 |f - data|^2 + 1 / reach^2 |f - rest|^2 over the
        surface: a screened membrane, whose inside is the Poisson interpolation of its border.

        Args:
            data: (V, C); ignored where the weight is 0.
            weight: (V,) 0..1.
            detail_mm: the function follows data down to about this size.
            rest: (C,) value far away.
            reach_mm: how far the data's influence reaches.

        Returns:
            (V, C) float32; `rest` at vertices without a triangle.

        Source: Perez, Gangnet & Blake 2003, Poisson image editing; on a mesh.
        """
        return self.solver(weight, detail_mm, reach_mm)(data, rest)

    def solver(
        self, weight: np.ndarray, detail_mm: float, reach_mm: float
    ) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """`solve` for data (V, C) and rest (C,), with the work done that all data share."""
        used = self.area > 0
        pin = (self.area * weight / detail_mm**2)[used]
        pull = (self.area / reach_mm**2)[used]
        system = self.stiffness[used][:, used] + sp.diags(pin + pull)
        factor = splu(
            system.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

        def solve(data: np.ndarray, rest: np.ndarray) -> np.ndarray:
            values = np.where(weight[used, None] > 0, data[used], 0)
            result = np.tile(np.asarray(rest, np.float64), (len(used), 1))
            result[used] = factor.solve(pin[:, None] * values + pull[:, None] * rest)
            return result.astype(np.float32)

        return solve


def membrane(vertices: np.ndarray, triangles: np.ndarray) -> Membrane:
    """The membrane over some triangles of a mesh.

    Args:
        vertices: (V, 3) mm.
        triangles: (T, 3) those of the connected surface; other vertices take no part.
    """
    n = len(vertices)
    area = np.repeat(triangle_areas(vertices, triangles) / 3, 3)
    rows, columns, values = [], [], []
    for k in range(3):
        here, first, second = (triangles[:, (k + j) % 3] for j in range(3))
        one, other = vertices[first] - vertices[here], vertices[second] - vertices[here]
        sine = np.linalg.norm(np.cross(one, other), axis=1)
        cotangent = (one * other).sum(axis=1) / np.maximum(sine, 1e-9)
        rows.append(first)
        columns.append(second)
        values.append(np.minimum(cotangent, 20) / 2)
    rows, columns, values = map(np.concatenate, (rows, columns, values))
    edges = sp.coo_matrix((values, (rows, columns)), shape=(n, n)).tocsr()
    edges = edges + edges.T
    edges.data = np.maximum(edges.data, LEAST_WEIGHT)
    stiffness = sp.diags(np.asarray(edges.sum(axis=1)).ravel()) - edges
    owned = np.bincount(triangles.ravel(), area, minlength=n)
    return Membrane(stiffness.tocsc(), owned, triangles)
