"""Hair as strands: curves that are carried by the skin, and the strips that picture them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numba import njit

from lib.errors import ShapeError

Kind = Literal["hair", "brow", "lash", "beard"]
TAPER_FROM = 0.7  # share of a strand from which it grows thinner
TIP = 0.2  # width at the tip over the width before the taper


@dataclass(frozen=True)
class Strands:
    """Hairs of one kind. Any first part of them is spread as evenly as the whole.

    Args:
        points: (n, k, 3) float32 mm, root first.
        radius_mm: (n,) float32, half the width of the strip that stands for the strand.
        colour: (n, 3) float32 linear reflectance.
        shade: (n, k) float32 factor on the colour: roots and what lies deep in the hair are darker.
        root_triangle: (n,) int32 triangle of the head.
        root_barycentric: (n, 3) float32 weights of its corners.
        kind: where they grow.
        scalp_cover: (n_vertices,) float32 0..1, how much of the skin under the hair it hides; the
            skin takes that share of `tint`.
        tint: (3,) float32 linear colour of the hair on the whole.
    """

    points: np.ndarray
    radius_mm: np.ndarray
    colour: np.ndarray
    shade: np.ndarray
    root_triangle: np.ndarray
    root_barycentric: np.ndarray
    kind: Kind
    scalp_cover: np.ndarray
    tint: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def carried(self, rest: np.ndarray, posed: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(n, k, 3) float32 mm: the points where the skin has gone from `rest` to `posed`.

        Hair of the scalp turns as the scalp does on the whole; other hair turns with the triangle
        that it grows on.

        Args:
            rest: (n_vertices, 3) mm, the head that the strands were drawn on.
            posed: (n_vertices, 3) mm.
            triangles: (t, 3) of the model.
        """
        corners = triangles[self.root_triangle]
        before, after = rest[corners].astype(np.float64), posed[corners].astype(np.float64)
        if len(self) == 0 or (before == after).all():
            return self.points.copy()
        weights = self.root_barycentric.astype(np.float64)[..., None]
        old, new = (before * weights).sum(axis=1), (after * weights).sum(axis=1)
        if self.kind == "hair":
            turn = _best_rotation(old, new)[None]
        else:
            turn = _frames(after) @ _frames(before).swapaxes(1, 2)
        offset = self.points - old[:, None]
        return (offset @ turn.swapaxes(1, 2) + new[:, None]).astype(np.float32)


def resampled(strands: Strands, n: int) -> Strands:
    """The first `n` strands, widened so that they cover what all of them covered."""
    if n >= len(strands):
        return strands
    wider = np.float32(len(strands) / max(n, 1))
    return replace(
        strands,
        points=strands.points[:n],
        radius_mm=strands.radius_mm[:n] * wider,
        colour=strands.colour[:n],
        shade=strands.shade[:n],
        root_triangle=strands.root_triangle[:n],
        root_barycentric=strands.root_barycentric[:n],
    )


def ribbons(
    points: np.ndarray, radius_mm: np.ndarray, eye: np.ndarray, min_width_mm: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strips along strands that face the eye and grow thinner to the tip.

    Args:
        points: (n, k, 3) mm, k >= 2.
        radius_mm: (n,) half the width of a strip at its root.
        eye: (3,) mm, where it is seen from.
        min_width_mm: no part of a strip is narrower.

    Returns:
        vertices (n * k * 2, 3) float32 mm: of strand i and point j the rows (i k + j) 2 and the
        next, left and right of the point. triangles (n * (k - 1) * 2, 3) int32, counter-clockwise
        from the eye. tangents (n * k * 2, 3) float32, unit, from root to tip.

    Raises:
        ShapeError: `points` is not (n, k, 3) with k >= 2.
    """
    _check(points)
    n, k = points.shape[:2]
    vertices, tangents = (np.empty((n * k * 2, 3), np.float32) for _ in range(2))
    _strips(
        np.ascontiguousarray(points, np.float32),
        np.ascontiguousarray(radius_mm, np.float32),
        np.asarray(eye, np.float64),
        taper(k),
        0.5 * float(min_width_mm),
        vertices,
        tangents,
    )
    return vertices, _strip_triangles(n, k), tangents


def hull(points: np.ndarray, n: int, width_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Few fat strips, two crossed ones for each strand, that stand for the hair in shadow maps.

    Args:
        points: (m, k, 3) mm.
        n: strands to take, evenly spread as the first strands are.
        width_mm: of the strips.

    Returns:
        vertices (4 n k, 3) float32 mm and triangles (4 n (k - 1), 3) int32; no strip is closed, so
        do not leave out those seen from behind.
    """
    _check(points)
    some = np.ascontiguousarray(points[:n], np.float32)
    radius = np.full(len(some), 0.5 * width_mm, np.float32)
    n, k = some.shape[:2]
    vertices = np.empty((2, n * k * 2, 3), np.float32)
    tangents = np.empty((n * k * 2, 3), np.float32)
    far = some.reshape(-1, 3).mean(axis=0, dtype=np.float64) if n else np.zeros(3)
    for side, eye in enumerate((far, far + np.array([0.0, 1e6, 0.0]))):
        _strips(some, radius, eye, np.ones(k, np.float32), 0.0, vertices[side], tangents)
    triangles = _strip_triangles(2 * n, k)
    return vertices.reshape(-1, 3), triangles


def taper(k: int) -> np.ndarray:
    """(k,) float32 width of a strand along it over that at its root."""
    share = np.clip((np.linspace(0, 1, k) - TAPER_FROM) / (1 - TAPER_FROM), 0, 1)
    return (1 - (1 - TIP) * share**1.5).astype(np.float32)


def _check(points: np.ndarray) -> None:
    if points.ndim != 3 or points.shape[2] != 3 or points.shape[1] < 2:
        raise ShapeError("points", points.shape, "(n, k >= 2, 3)")


def _strip_triangles(n: int, k: int) -> np.ndarray:
    first = (np.arange(n)[:, None] * k + np.arange(k - 1)) * 2
    corners = first[..., None, None] + np.array([[0, 1, 2], [1, 3, 2]])
    return corners.reshape(-1, 3).astype(np.int32)


@njit(cache=True, nogil=True)
def _strips(points, radius, eye, thinning, least, vertices, tangents):
    """Fill in the two sides of every point and its tangent; see `ribbons`."""
    n, k = points.shape[:2]
    for i in range(n):
        sx, sy, sz = 1.0, 0.0, 0.0
        for j in range(k):
            a, b = max(j - 1, 0), min(j + 1, k - 1)
            tx = float(points[i, b, 0]) - points[i, a, 0]
            ty = float(points[i, b, 1]) - points[i, a, 1]
            tz = float(points[i, b, 2]) - points[i, a, 2]
            length = np.sqrt(tx * tx + ty * ty + tz * tz)
            if length > 1e-9:
                tx, ty, tz = tx / length, ty / length, tz / length
            else:
                tx, ty, tz = 0.0, 1.0, 0.0
            ex = eye[0] - points[i, j, 0]
            ey = eye[1] - points[i, j, 1]
            ez = eye[2] - points[i, j, 2]
            # left of the strand as the eye sees it; along the line of sight the last one stays
            cx, cy, cz = ty * ez - tz * ey, tz * ex - tx * ez, tx * ey - ty * ex
            across = np.sqrt(cx * cx + cy * cy + cz * cz)
            if across > 1e-6 * np.sqrt(ex * ex + ey * ey + ez * ez):
                sx, sy, sz = cx / across, cy / across, cz / across
            half = max(radius[i] * thinning[j], least)
            row = (i * k + j) * 2
            vertices[row, 0] = points[i, j, 0] - half * sx
            vertices[row, 1] = points[i, j, 1] - half * sy
            vertices[row, 2] = points[i, j, 2] - half * sz
            vertices[row + 1, 0] = points[i, j, 0] + half * sx
            vertices[row + 1, 1] = points[i, j, 1] + half * sy
            vertices[row + 1, 2] = points[i, j, 2] + half * sz
            for side in range(2):
                tangents[row + side, 0] = tx
                tangents[row + side, 1] = ty
                tangents[row + side, 2] = tz


def _frames(corners: np.ndarray) -> np.ndarray:
    """(n, 3, 3) rotations whose columns are an edge, the normal and what is at right angles."""
    edge = corners[:, 1] - corners[:, 0]
    normal = np.cross(edge, corners[:, 2] - corners[:, 0])
    edge = edge / np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-12)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.stack([edge, normal, np.cross(edge, normal)], axis=2)


def _best_rotation(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(3, 3) rotation that takes the old points nearest to the new ones, but for a shift.

    Source: Kabsch 1976, Acta Cryst. A32.
    """
    if len(old) < 3:
        return np.eye(3)
    u, _, vt = np.linalg.svd((new - new.mean(axis=0)).T @ (old - old.mean(axis=0)))
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return (u * flip) @ vt
