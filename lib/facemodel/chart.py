"""A uv chart without flips: a disk of triangles laid into a convex outline by convex combinations.

The weights are mean value coordinates, divided again and again by the local stretch, which evens
out the area per texel and keeps every weight positive, so that no triangle can flip.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from lib.errors import ShapeError


def cut_midline(
    points: np.ndarray, triangles: np.ndarray, seam: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Split a mirror-symmetric mesh along a path on its plane of symmetry.

    Args:
        points: (n, 3) vertices, symmetric about x = 0.
        triangles: (t, 3) indices; none crosses x = 0.
        seam: (k,) vertices on x = 0 from the border inwards; the last one stays single.

    Returns:
        cut: (t, 3) indices into the vertices after; triangles at x > 0 own the copies.
        original: (n + k - 1,) vertex of each.
    """
    copy_of = np.arange(len(points))
    copy_of[seam[:-1]] = len(points) + np.arange(len(seam) - 1)
    left = points[triangles, 0].mean(axis=1) > 0
    cut = np.where(left[:, None], copy_of[triangles], triangles)
    return cut, np.concatenate([np.arange(len(points)), seam[:-1]])


def border_loops(triangles: np.ndarray) -> list[np.ndarray]:
    """Border loops, each with the surface on its left, in order of their smallest vertex."""
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    directed = directed.astype(np.int64)
    count = int(directed.max(initial=-1)) + 1
    one_way, other_way = directed @ [count, 1], directed @ [1, count]
    border = directed[~np.isin(one_way, other_way)]
    following = dict(border.tolist())
    loops = []
    while following:
        start = min(following)
        loop, vertex = [], start
        while vertex in following:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return loops


def convex_chart(
    points: np.ndarray,
    triangles: np.ndarray,
    border: np.ndarray,
    border_uv: np.ndarray,
    importance: np.ndarray,
    iterations: int = 12,
) -> np.ndarray:
    """Lay a disk (holes allowed) into a convex outline; no triangle flips.

    Args:
        points: (n, 3) vertices.
        triangles: (t, 3).
        border: (k,) outer border loop, surface on its left.
        border_uv: (k, 2) its place on a strictly convex outline, counter-clockwise.
        importance: (t,) wanted uv area per surface area, up to a factor.
        iterations: of the stretch-evening weights.

    Returns:
        (n, 2) uv.

    Raises:
        ShapeError: `border_uv` does not belong to `border`.

    Source: Floater 2003, Mean value coordinates (CAGD 20); stretch weights after Yoshizawa,
        Belyaev & Seidel 2004 (Shape Modeling International), with a wanted density added.
    """
    if border_uv.shape != (len(border), 2):
        raise ShapeError("border_uv", border_uv.shape, f"({len(border)}, 2)")
    filled, solid = _fill_holes(points, triangles, border)
    wanted = np.concatenate([importance, np.full(len(solid) - len(triangles), importance.mean())])
    rows, columns, weight = _mean_value_weights(filled, solid)
    fixed = np.zeros(len(filled), bool)
    fixed[border] = True
    uv = np.zeros((len(filled), 2))
    uv[border] = border_uv
    area = _areas(filled, solid)
    best, best_spread = uv, np.inf
    for _ in range(iterations):
        uv = _solve(rows, columns, weight, fixed, uv)
        stretch = np.sqrt(area * wanted / np.maximum(_areas(uv, solid), 1e-14))
        spread = float(np.average(np.log(stretch) ** 2, weights=area * wanted))
        if spread < best_spread:
            best, best_spread = uv, spread
        share = np.repeat(area * wanted, 3)
        total = np.bincount(solid.ravel(), share, len(filled))
        vertex = np.bincount(solid.ravel(), share * np.repeat(stretch, 3), len(filled)) / total
        vertex /= np.median(vertex)
        weight = weight / np.clip(vertex, 0.2, 5)[columns] ** 0.5
    return best[: len(points)]


def _fill_holes(
    points: np.ndarray, triangles: np.ndarray, border: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Close every hole but the outer border with a fan about its centre."""
    outer = set(border.tolist())
    for loop in border_loops(triangles):
        if outer.intersection(loop.tolist()):
            continue
        fan = np.stack([np.roll(loop, -1), loop, np.full(len(loop), len(points))], axis=1)
        triangles = np.concatenate([triangles, fan])
        points = np.concatenate([points, points[loop].mean(axis=0, keepdims=True)])
    return points, triangles


def _mean_value_weights(
    points: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns, values = [], [], []
    for k in range(3):
        here, right, left = triangles[:, k], triangles[:, (k + 1) % 3], triangles[:, (k + 2) % 3]
        to_right, to_left = points[right] - points[here], points[left] - points[here]
        r, s = np.linalg.norm(to_right, axis=1), np.linalg.norm(to_left, axis=1)
        cosine = np.clip((to_right * to_left).sum(axis=1) / np.maximum(r * s, 1e-12), -0.99, 1)
        half_tangent = np.sqrt((1 - cosine) / (1 + cosine)) + 1e-3
        rows += [here, here]
        columns += [right, left]
        values += [half_tangent / np.maximum(r, 1e-6), half_tangent / np.maximum(s, 1e-6)]
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


def _solve(
    rows: np.ndarray, columns: np.ndarray, weight: np.ndarray, fixed: np.ndarray, uv: np.ndarray
) -> np.ndarray:
    n = len(fixed)
    total = np.bincount(rows, weight, n)
    laplacian = sp.csr_matrix((weight / total[rows], (rows, columns)), shape=(n, n))
    free = np.flatnonzero(~fixed)
    held = np.flatnonzero(fixed)
    system = sp.identity(len(free), format="csc") - laplacian[free][:, free].tocsc()
    solution = uv.copy()
    solution[free] = splu(system).solve(laplacian[free][:, held] @ uv[held])
    return solution


def _areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    first = points[triangles[:, 1]] - points[triangles[:, 0]]
    second = points[triangles[:, 2]] - points[triangles[:, 0]]
    if points.shape[1] == 2:
        return 0.5 * (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    return 0.5 * np.linalg.norm(np.cross(first, second), axis=1)


def squircle(parameter: np.ndarray, exponent: float = 4.0) -> np.ndarray:
    """Points (n, 2) of |x|^e + |y|^e = 1, counter-clockwise from the top as `parameter` runs 0..1.

    Equal steps of the parameter are equal steps of arc length.
    """
    angle = np.linspace(0, 2 * np.pi, 4097)
    direction = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    curve = direction / (np.abs(direction) ** exponent).sum(axis=1, keepdims=True) ** (1 / exponent)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = np.asarray(parameter) % 1.0 * length[-1]
    return np.stack([np.interp(at, length, curve[:, k]) for k in range(2)], axis=1)
