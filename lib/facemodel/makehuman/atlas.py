"""One uv square for the whole head: skin in a large chart, the rest in a row of cells below it."""

from __future__ import annotations

import numpy as np

from lib.facemodel.chart import border_loops, convex_chart, cut_midline, squircle
from lib.facemodel.makehuman.source import REGIONS

CELLS = (
    "eye_right front",
    "eye_left front",
    "eye_right back",
    "eye_left back",
    "socket_right",
    "socket_left",
    "mouth",
    "teeth_upper",
    "teeth_lower",
    "tongue right",
    "tongue left",
)
ROW_HEIGHT = 1 / len(CELLS)
MARGIN = 0.005  # of the square, around each chart
NECK_SHARE = 0.26  # of the outline of the skin chart; the seam at the back has the rest
SKIN_IMPORTANCE = 0.22  # uv area per surface area outside the face, relative to the face


def head_atlas(
    vertices: np.ndarray,
    triangles: np.ndarray,
    region: np.ndarray,
    mirror: np.ndarray,
    face: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Chart coordinates of every region, without overlaps.

    Args:
        vertices: (n, 3) mm, mirror-symmetric.
        triangles: (t, 3).
        region: (t,) index into REGIONS.
        mirror: (n,) vertex on the other side.
        face: (n,) 0..1, where the map shall be fine.

    Returns:
        uv: (n_uv, 2) 0..1, origin bottom-left.
        uv_triangles: (t, 3), row by row beside `triangles`.
    """
    uv: list[np.ndarray] = []
    uv_triangles = np.zeros_like(triangles)
    offset = 0
    for name, rows in _pieces(vertices, triangles, region):
        if name == "skin":
            chart, local = _skin_chart(vertices, triangles[rows], mirror, face)
            low, high = (MARGIN, ROW_HEIGHT + MARGIN), (1 - MARGIN, 1 - MARGIN)
        else:
            chart, local = _disk_chart(vertices, triangles[rows])
            cell = CELLS.index(name)
            low = (cell * ROW_HEIGHT + MARGIN, MARGIN)
            high = ((cell + 1) * ROW_HEIGHT - MARGIN, ROW_HEIGHT - MARGIN)
        low, high = np.array(low), np.array(high)
        uv.append(low + (chart + 1) / 2 * (high - low))
        uv_triangles[rows] = local + offset
        offset += len(chart)
    return np.concatenate(uv), uv_triangles


def _pieces(
    vertices: np.ndarray, triangles: np.ndarray, region: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    """(chart, rows of `triangles`), closed regions halved so that each piece is a disk."""
    centre = vertices[triangles].mean(axis=1)
    pieces = []
    for index, name in enumerate(REGIONS):
        rows = np.flatnonzero(region == index)
        if name.startswith("eye_"):
            middle = np.unique(vertices[triangles[rows]].reshape(-1, 3), axis=0)[:, 2]
            front = centre[rows, 2] > (middle.min() + middle.max()) / 2
            pieces += [(f"{name} front", rows[front]), (f"{name} back", rows[~front])]
        elif name == "tongue":
            right = centre[rows, 0] < 0
            pieces += [("tongue right", rows[right]), ("tongue left", rows[~right])]
        else:
            pieces.append((name, rows))
    return pieces


def _disk_chart(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A disk in the square -1..1, upright as seen from where its surface faces."""
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    points = vertices[used]
    border = max(border_loops(local), key=len)
    start = int(np.argmax(points[border, 1]))
    border = np.roll(border, -start)
    parameter = _arc_parameter(points[border])
    importance = np.ones(len(local))
    return convex_chart(points, local, border, squircle(parameter, 2.0), importance, 6), local


def _arc_parameter(loop: np.ndarray) -> np.ndarray:
    """(k,) 0..1 share of the length of a closed loop."""
    steps = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1)
    return np.concatenate([[0], np.cumsum(steps[:-1])]) / steps.sum()


def _skin_chart(
    vertices: np.ndarray, triangles: np.ndarray, mirror: np.ndarray, face: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    points = vertices[used]
    on_plane = mirror[used] == used
    seam = _back_seam(points, local, on_plane)
    cut, original = cut_midline(points, local, seam)
    solid = points[original]
    outer = next(loop for loop in border_loops(cut) if seam[-1] in loop)
    outer = np.roll(outer, -int(np.flatnonzero(outer == seam[-1])[0]))
    importance = SKIN_IMPORTANCE + (1 - SKIN_IMPORTANCE) * face[used][original][cut].mean(axis=1)
    outline = squircle(_seam_parameter(solid[outer], original[outer], seam))
    return convex_chart(solid, cut, outer, outline, importance, 30), cut


def _back_seam(points: np.ndarray, triangles: np.ndarray, on_plane: np.ndarray) -> np.ndarray:
    """Midline vertices from the nape's border up to the crown."""
    edges = np.unique(np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]],
                                              triangles[:, [2, 0]]]), axis=1), axis=0)  # fmt: skip
    edges = edges[on_plane[edges].all(axis=1)]
    plane = np.flatnonzero(on_plane)
    crown = plane[points[plane, 1].argmax()]
    low = plane[points[plane, 1] < np.quantile(points[:, 1], 0.2)]
    path = [int(low[points[low, 2].argmin()])]
    while path[-1] != crown:
        touching = edges[(edges == path[-1]).any(axis=1)].ravel()
        ahead = [int(v) for v in touching if v not in path]
        path.append(ahead[0] if len(ahead) == 1 else max(ahead, key=lambda v: points[v, 1]))
    return np.array(path)


def _seam_parameter(loop: np.ndarray, original: np.ndarray, seam: np.ndarray) -> np.ndarray:
    """Places on the outline: the seam's end at the top, its sides down to the neck below."""
    is_seam = np.isin(original, seam)
    steps = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1)
    on_side = is_seam & np.roll(is_seam, -1)
    steps = np.where(on_side, steps / steps[on_side].sum() * (1 - NECK_SHARE), steps)
    steps = np.where(on_side, steps, steps / steps[~on_side].sum() * NECK_SHARE)
    return np.concatenate([[0], np.cumsum(steps[:-1])])
