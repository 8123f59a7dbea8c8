"""Which way the lines of the skin run, and where wrinkles form, from the 68 landmarks.

Source: after the relaxed skin tension lines of Borges 1984, Plast Reconstr Surg 73, in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from lib.render import fill_margins
from lib.synthesis.skin.charts import SkinChart

REACH_MM = 13.0  # how far a known direction spreads
STEP_MM = 0.8  # between points of a wrinkle


@dataclass(frozen=True)
class Line:
    """A place where a wrinkle forms.

    Args:
        place: (n, 2) float32 (column, row) on the canvas.
        kind: name of the family, e.g. `forehead`.
        share: (n,) 0..1 depth along the line, 0 at faint ends.
        to_mm: (n, 4) float32 canvas texels -> mm along and across the line.
        sideways: (n, 2) canvas texels per mm across.
    """

    place: np.ndarray
    kind: str
    share: np.ndarray
    to_mm: np.ndarray
    sideways: np.ndarray


def _known_directions(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k, 3) places and directions on the right half of the face and its middle."""
    brow = marks[[21, 22]].mean(axis=0)
    across, up = [1.0, 0, 0], [0, 1.0, 0]
    nasolabial = marks[48] - marks[31]
    jaw = marks[4] - marks[1]
    middle_lip, low_lip = marks[51], marks[57]
    out = marks[36] + [-9, 0, -5]
    pairs = [
        (brow + [0, 18, 0], across),
        (brow + [0, 40, -4], across),
        (marks[19] + [0, 16, 0], [1, 0.1, 0]),
        (marks[19] + [0, 36, -4], [1, 0.1, 0]),
        (marks[17] + [-6, 18, -10], [0.6, 0.5, 0.4]),
        (brow, up),
        (marks[27], across),
        (marks[28] + [-6, 0, -4], [0.5, 1, -0.3]),
        (marks[29], across),
        (marks[30], up),
        (marks[31] + [-4, 4, -3], [0.4, 1, 0]),
        (marks[38] + [0, 5, 0], marks[38] - marks[37]),
        (marks[37] + [0, 5, 0], marks[38] - marks[36]),
        (marks[40] - [0, 6, 0], marks[40] - marks[39] + [0, -2, 0]),
        (marks[41] - [0, 7, 0], marks[36] - marks[41] + [0, 1, 0]),
        (out + [0, 8, 0], [-0.7, 0.6, -0.4]),
        (out, [-0.8, 0, -0.5]),
        (out - [0, 9, 0], [-0.6, -0.6, -0.4]),
        ((marks[31] + marks[41]) / 2, nasolabial + [-6, 4, 0]),
        ((marks[31] + marks[48]) / 2 + [-5, 0, 0], nasolabial),
        ((marks[2] + marks[31]) / 2, nasolabial + [-8, -4, -8]),
        ((marks[3] + marks[48]) / 2, jaw + nasolabial),
        ((marks[2] + marks[48]) / 2, jaw + nasolabial),
        (marks[2] + [4, 0, 4], jaw),
        (marks[4] + [4, 4, 4], jaw),
        (middle_lip + [0, 6, 0], up),
        (marks[49] + [-2, 5, 0], [-0.4, 1, 0]),
        (middle_lip - [0, 3, 0], up),
        (low_lip + [0, 4, 0], up),
        (low_lip - [0, 3, 0], up),
        (marks[48] + [-5, -2, 0], up),
        (marks[48] + [-3, -14, 0], [0.25, -1, 0]),
        (low_lip - [0, 11, 0], across),
        (marks[8] + [0, 12, 8], across),
        (marks[6] + [0, 6, 0], marks[7] - marks[5]),
        (marks[8] + [0, -12, -20], across),
        (marks[5] + [0, -20, -15], [1, -0.15, 0]),
        (marks[3] + [0, -40, -20], [1, -0.25, 0.3]),
        (marks[8] + [0, -40, -30], across),
    ]
    place, way = (np.array(column, np.float64) for column in zip(*pairs))
    return place, way / np.linalg.norm(way, axis=1, keepdims=True)


def line_frames(canvas: SkinChart, marks: np.ndarray) -> np.ndarray:
    """(side, side, 4) float32 from texels to mm along and across the skin lines.

    Args:
        canvas: the chart.
        marks: (68, 3) mm on the mean head.
    """
    place, way = _known_directions(marks)
    mirror = np.array([-1.0, 1, 1])
    place, way = np.concatenate([place, place * mirror]), np.concatenate([way, way * mirror])
    inside = canvas.inside
    points, normal = canvas.position[inside], canvas.normal[inside]
    u, v = canvas.along_u[inside], canvas.along_v[inside]
    one = u / np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-9)
    two = np.cross(normal, one)
    twice = np.zeros((len(points), 2))  # doubled angle: a line has no sign
    for centre, direction in zip([*place, None], [*way, np.array([1.0, 0, 0])]):
        weight = 1e-5
        if centre is not None:
            away = np.square(points - centre).sum(axis=1)
            weight = np.exp(-0.5 * away / REACH_MM**2) + 1e-3 / (1 + away / REACH_MM**2) ** 2
        a, b = one @ direction, two @ direction
        twice += np.stack([a * a - b * b, 2 * a * b], axis=1) * np.reshape(weight, (-1, 1))
    angle = 0.5 * np.arctan2(twice[:, 1], twice[:, 0])[:, None]
    along = np.cos(angle) * one + np.sin(angle) * two
    across = np.cross(normal, along)
    frame = np.zeros((*inside.shape, 4), np.float32)
    products = [(u * along), (v * along), (u * across), (v * across)]
    frame[inside] = np.stack([product.sum(axis=1) for product in products], axis=1)
    return fill_margins(frame, inside, 8)


def wrinkle_lines(canvas: SkinChart, marks: np.ndarray, frame: np.ndarray) -> tuple[Line, ...]:
    """Where wrinkles form on the mean head.

    Args:
        canvas: the chart.
        marks: (68, 3) mm on the mean head.
        frame: (side, side, 4) of `line_frames`.
    """
    index = np.argwhere(canvas.inside)
    outer = canvas.position[canvas.inside]
    tree = cKDTree(outer)
    lines = []
    for kind, control in _controls(marks):
        points = _curve(control)
        _, nearest = tree.query(points, workers=1)
        row, column = index[nearest].T
        place = _smoothed(np.stack([column, row], axis=1).astype(np.float64))
        share = np.sin(np.linspace(0, np.pi, len(place) + 2)[1:-1]) ** 0.6
        to_mm, sideways = _along(place, frame[row, column])
        arrays = (array.astype(np.float32) for array in (share, to_mm, sideways))
        lines.append(Line(place.astype(np.float32), kind, *arrays))
    return tuple(lines)


def _along(place: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, 4) turned along a line of places (n, 2), and texels per mm across it."""
    matrix = frame.reshape(-1, 2, 2).astype(np.float64)
    matrix[np.abs(np.linalg.det(matrix)) < 1e-9] = np.eye(2)
    way = np.einsum("nij,nj->ni", matrix, np.gradient(place, axis=0))
    cosine, sine = (way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)).T
    turn = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
    turned = turn @ matrix
    return turned.reshape(-1, 4), np.linalg.inv(turned)[..., 1]


def _curve(control: np.ndarray) -> np.ndarray:
    """(n, 3) points every STEP_MM on a spline through (k, 3) points."""
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(control, axis=0), axis=1))]
    kind = CubicSpline(length, control, bc_type="natural")
    return kind(np.linspace(0, length[-1], max(int(length[-1] / STEP_MM), 4)))


def _smoothed(place: np.ndarray) -> np.ndarray:
    """Without the steps of the nearest texel; the ends stay."""
    for _ in range(6):
        place[1:-1] = 0.25 * (place[:-2] + place[2:]) + 0.5 * place[1:-1]
    return place


def _controls(marks: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """(kind, control points (k, 3)) of all lines; those of the right side and their mirrors."""
    middle, sides = _middle_lines(marks), _side_lines(marks)
    mirror = np.array([-1.0, 1, 1])
    both = [(kind, control * sign) for kind, control in sides for sign in (np.ones(3), mirror)]
    return [(kind, np.asarray(control)) for kind, control in [*middle, *both]]


def _middle_lines(marks: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Lines that cross the middle of the face."""
    brow = marks[[21, 22]].mean(axis=0)
    x = np.array([-38, -27, -14, 0, 14, 27, 38.0])
    lines = []
    for height in (13, 19, 25, 31, 37.5):
        bend = -0.004 * x**2 - 2.5 * np.exp(-0.5 * (x / 10) ** 2)  # arches over the brows
        depth = -0.011 * x**2
        lines.append(
            ("forehead", np.stack([x, brow[1] + height + bend, brow[2] - 0.12 * height + depth], 1))
        )
    for y in (-1.0, 2.5):
        span = np.array([-7, -3, 0, 3, 7.0])
        root = marks[27] + [0, y, 0]
        lines.append(("root", np.stack([span, root[1] + 0 * span, root[2] - 0.05 * span**2], 1)))
    below = marks[57] - [0, 10.5, 1.0]
    span = np.array([-14, -7, 0, 7, 14.0])
    lines.append(
        ("chin", np.stack([span, below[1] - 0.012 * span**2, below[2] - 0.015 * span**2], 1))
    )
    for low in (14.0, 26.0, 38.0):
        span = np.array([-40, -25, -10, 0, 10, 25, 40.0])
        start = marks[8] - [0, low, 0.9 * low + 12]
        lines.append(
            ("neck", np.stack([span, start[1] + 0.006 * span**2, start[2] - 0.012 * span**2], 1))
        )
    return lines


def _side_lines(marks: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Lines of the right half of the face."""
    brow = marks[[21, 22]].mean(axis=0)
    lines: list[tuple[str, np.ndarray]] = []
    for offset, low, high in ((-3.0, -7, 12), (-7.5, -3, 10)):
        y = np.linspace(low, high, 4)
        x = offset - 0.06 * (y - low)
        lines.append(("frown", np.stack([x, brow[1] + y, brow[2] + 0 * y], 1)))
    corner = marks[36]
    for degrees in (-42, -26, -12, 2, 16, 30):
        angle = np.deg2rad(degrees)
        reach = np.array([5.0, 9, 14, 19, 24])
        way = np.stack(
            [-0.82 * reach * np.cos(angle), reach * np.sin(angle), -0.62 * reach * np.cos(angle)], 1
        )
        way[:, 1] += np.sin(angle) * reach**2 * 0.012
        lines.append(("crow", corner + way))
    for low in (4.5, 7.5, 10.5):
        points = [marks[39] - [0, low - 1, 0], marks[40] - [0, low, 0], marks[41] - [0, low, 0]]
        lines.append(("under_eye", np.stack([*points, marks[36] - [4, low - 1.5, 1]])))
    wing, edge = marks[31], marks[48]
    fold = [wing + [-7, 8, -6], wing + [-11, 1, -6], (wing + edge) / 2 + [-10, -1, -5]]
    lines.append(("nasolabial", np.stack([*fold, edge + [-10, 1, -5], edge + [-11, -9, -5]])))
    lines.append(
        ("smile", np.stack([edge + [-15, 12, -6], edge + [-18, 2, -8], edge + [-17, -9, -8]]))
    )
    lines.append(
        ("smile", np.stack([edge + [-22, 14, -8], edge + [-26, 2, -11], edge + [-24, -11, -11]]))
    )
    lines.append(
        ("marionette", np.stack([edge + [-2, -3, -1], edge + [-4, -11, -1], edge + [-5, -20, -2]]))
    )
    bunny = marks[28]
    for drop in (0.0, 5.0):
        start = bunny + [-5, 3 - drop, -3]
        lines.append(("bunny", np.stack([start, start + [-4, -2, -4], start + [-7, -5, -6]])))
    upper, lower = marks[[48, 49, 50, 51]], marks[[48, 59, 58, 57]]
    for share in np.linspace(0.35, 2.9, 7):
        top = _between(upper, share)
        lines.append(
            ("upper_lip", np.stack([top + [0, 1, 0], top + [-0.4, 5, 0], top + [-0.9, 9, 0]]))
        )
        if share > 0.8:
            low = _between(lower, share)
            lines.append(
                (
                    "lower_lip",
                    np.stack([low + [0, -1, 0], low + [-0.2, -4, 0], low + [-0.5, -7, 0]]),
                )
            )
    return lines


def _between(line: np.ndarray, share: float) -> np.ndarray:
    """A point of a polyline at a share counted in its corners."""
    corner = min(int(share), len(line) - 2)
    return line[corner] + (share - corner) * (line[corner + 1] - line[corner])
