"""The sets of 106 and 134 points on a head model, and the contour that a view shows.

`docs/face_models.md` has the table of indices. Both sets are placed by rule on the curves of
`lib.facemodel.face_curves`; right is the subject's right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from lib.facemodel.face_curves import FaceCurves, face_curves
from lib.facemodel.landmark_rules import (
    INNER_LIP_FRACTION,
    LIP_FRACTIONS,
    SIGMA_BRIDGE,
    SIGMA_BROW,
    SIGMA_JAW,
    SIGMA_LID,
    SIGMA_MOUTH,
    SIGMA_NOSE,
    closest_weights,
)
from lib.facemodel.model import PARTS, FaceModel, SurfacePoints
from lib.facemodel.part_labels import eyeball_regions

N_CONTOUR = 33

DENSE_SCHEMES = ("ldm106", "ldm134")

# Polylines of each set: a name and its indices in drawing order. Lids and lips are closed.
LINES106: dict[str, range] = {
    "contour": range(33),
    "right_brow_upper": range(33, 38),
    "right_brow_lower": range(38, 42),
    "left_brow_upper": range(42, 47),
    "left_brow_lower": range(47, 51),
    "nose_bridge": range(51, 55),
    "nose_outline": range(55, 66),
    "right_eye": range(66, 74),
    "left_eye": range(75, 83),
    "outer_lips": range(84, 96),
    "inner_lips": range(96, 104),
}
EYE_CENTRES106 = (74, 83)
PUPILS106 = (104, 105)
LINES134: dict[str, range] = {
    "right_brow_upper": range(9),
    "right_brow_lower": range(9, 17),
    "left_brow_upper": range(17, 26),
    "left_brow_lower": range(26, 34),
    "right_eye": range(34, 58),
    "left_eye": range(58, 82),
    "outer_lips": range(82, 110),
    "inner_lips": range(110, 134),
}
CLOSED = ("right_eye", "left_eye", "outer_lips", "inner_lips")

NEAR_TRIANGLES = 24  # whose middles are nearest to a point; one of them holds its nearest place


def _opposite106() -> np.ndarray:
    other = np.arange(106)
    other[:33] = np.arange(32, -1, -1)
    other[33:38], other[42:47] = np.arange(46, 41, -1), np.arange(37, 32, -1)
    other[38:42], other[47:51] = np.arange(50, 46, -1), np.arange(41, 37, -1)
    other[55:66] = np.arange(65, 54, -1)
    other[[74, 83, 104, 105]] = [83, 74, 105, 104]
    _swap_rings(other, 66, 75, 8)
    _swap_ring(other, 84, 12)
    _swap_ring(other, 96, 8)
    return other


def _opposite134() -> np.ndarray:
    other = np.arange(134)
    other[:9], other[17:26] = np.arange(25, 16, -1), np.arange(8, -1, -1)
    other[9:17], other[26:34] = np.arange(33, 25, -1), np.arange(16, 8, -1)
    _swap_rings(other, 34, 58, 24)
    _swap_ring(other, 82, 28)
    _swap_ring(other, 110, 24)
    return other


def _swap_rings(other: np.ndarray, right: int, left: int, count: int) -> None:
    """A right ring starts at the outer, a left one at the inner corner; both go over the top."""
    step = np.arange(count)
    other[right + step] = left + (count // 2 - step) % count
    other[left + step] = right + (count // 2 - step) % count


def _swap_ring(other: np.ndarray, first: int, count: int) -> None:
    step = np.arange(count)
    other[first + step] = first + (count // 2 - step) % count


OPPOSITE106, OPPOSITE134 = _opposite106(), _opposite134()


def dense_landmarks(model: FaceModel) -> dict[str, SurfacePoints]:
    """`ldm106` and `ldm134`; empty for a model without what the rules start from.

    These are the schemes `ibug68` and `points5`, the eight parts, and openings of the skin for
    the eyes and the mouth.
    """
    if not {"ibug68", "points5"} <= set(model.landmarks) or not set(PARTS) <= set(model.parts):
        return {}
    curves = face_curves(model)
    if curves is None:
        return {}
    place = _Placement(model, curves)
    return {"ldm106": _set106(model, curves, place), "ldm134": _set134(curves, place)}


def landmarks106(model: FaceModel, vertices: np.ndarray) -> np.ndarray:
    """(106, 3) mm: `ldm106` on a mesh, with the centres of the eyes amid the lids.

    The scheme itself holds the centres to the eyeballs, so that they turn with the gaze as the
    pupils do. Here they lie where the ball is amid the lids, however it is turned.

    Args:
        model: with the scheme `ldm106`.
        vertices: (n_vertices, 3) mm.
    """
    points = model.landmarks["ldm106"].on(vertices, model.triangles)
    for index, side in zip(EYE_CENTRES106, ("right", "left")):
        if f"eye_{side}" not in eyeball_regions(model):
            continue  # the scheme's own point moves with the surface
        ball = vertices[np.unique(model.triangles[model.region(f"eye_{side}")])]
        middle, radius = _sphere(ball.astype(np.float64))
        outward = points[list(LINES106[f"{side}_eye"])].mean(axis=0) - middle
        points[index] = middle + radius * outward / np.linalg.norm(outward)
    return points


def _sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle and radius of the sphere that fits points (n, 3) best."""
    origin = points.mean(axis=0)
    offset = points - origin
    system = np.column_stack([2 * offset, np.ones(len(offset))])
    found = np.linalg.lstsq(system, (offset**2).sum(axis=1), rcond=None)[0]
    return origin + found[:3], float(np.sqrt(found[3] + found[:3] @ found[:3]))


class _Placement:
    """Puts points on the surface; those of a lip on that lip, whichever lies nearer."""

    def __init__(self, model: FaceModel, curves: FaceCurves):
        self._model = model
        self._vertices = model.mean.astype(np.float64)
        skin = model.region("skin")
        eyes = np.zeros(len(skin), bool)
        for name in model.region_names:
            if name.startswith("eye_"):
                eyes |= model.region(name)
        self._surfaces = {
            "skin": skin,
            "upper": curves.on_upper_lip,
            "lower": curves.on_lower_lip,
            "eyes": eyes if eyes.any() else skin,
        }

    def put(self, points: np.ndarray, surface: str) -> tuple[np.ndarray, np.ndarray]:
        """Triangle (n,) and weights (n, 3) of the nearest places to (n, 3) mm points."""
        rows = np.flatnonzero(self._surfaces[surface])
        corners = self._vertices[self._model.triangles[rows]]
        count = min(NEAR_TRIANGLES, len(rows))
        near = cKDTree(corners.mean(axis=1)).query(points, count)[1]
        corners = corners[near]
        wanted = np.repeat(points, count, axis=0)
        weights = closest_weights(wanted, corners.reshape(-1, 3, 3))
        found = np.einsum("kc,kcx->kx", weights, corners.reshape(-1, 3, 3))
        away = ((found - wanted) ** 2).sum(axis=1).reshape(-1, count)
        best = away.argmin(axis=1)
        line = np.arange(len(points))
        return rows[near[line, best]], weights.reshape(-1, count, 3)[line, best]


def _set106(model: FaceModel, curves: FaceCurves, place: _Placement) -> SurfacePoints:
    jaw = model.landmarks["ibug68"].on(model.mean, model.triangles)[:17].astype(np.float64)
    eye = model.landmarks["points5"].on(model.mean, model.triangles)[0]
    points = np.zeros((106, 3))
    points[:33] = contour_points(jaw)
    points[33:42] = _brow(curves, 5)
    points[51:55] = _along(curves.bridge, np.linspace(0, 1, 4))
    points[55:61] = curves.nose
    points[66:74] = _ring(curves.lid_upper, curves.lid_lower, 4)
    points[EYE_CENTRES106[0]] = eye
    points[PUPILS106[0]] = _pupil(model, eye)
    outer = _at_width(curves.lip_upper, curves.lip_lower, (0, *LIP_FRACTIONS, 1))
    points[[84, 85, 86, 87, 95, 94, 93]] = outer
    inner = _at_width(curves.inner_upper, curves.inner_lower, (0, INNER_LIP_FRACTION, 1))
    points[[96, 97, 98, 103, 102]] = inner
    sigma = np.full(106, SIGMA_MOUTH)
    sigma[:33], sigma[33:51], sigma[51:54], sigma[54:66] = (
        SIGMA_JAW, SIGMA_BROW, SIGMA_BRIDGE, SIGMA_NOSE,
    )  # fmt: skip
    sigma[66:84] = sigma[list(PUPILS106)] = SIGMA_LID
    surface = np.full(106, "skin", "U5")
    surface[[*EYE_CENTRES106, *PUPILS106]] = "eyes"
    surface[97:100], surface[101:104] = "upper", "lower"
    return _both_sides(points, OPPOSITE106, sigma, surface, place)


def _set134(curves: FaceCurves, place: _Placement) -> SurfacePoints:
    points = np.zeros((134, 3))
    points[:17] = _brow(curves, 9)
    points[34:58] = _ring(curves.lid_upper, curves.lid_lower, 12)
    right = [82, *range(83, 90), *range(109, 102, -1)]
    points[right] = _half_ring(curves.lip_upper, curves.lip_lower, 7)
    right = [110, *range(111, 117), *range(133, 127, -1)]
    points[right] = _half_ring(curves.inner_upper, curves.inner_lower, 6)
    sigma = np.full(134, SIGMA_MOUTH)
    sigma[:34], sigma[34:82] = SIGMA_BROW, SIGMA_LID
    surface = np.full(134, "skin", "U5")
    surface[111:122], surface[123:134] = "upper", "lower"
    return _both_sides(points, OPPOSITE134, sigma, surface, place)


def _both_sides(
    points: np.ndarray,
    opposite: np.ndarray,
    sigma: np.ndarray,
    surface: np.ndarray,
    place: _Placement,
) -> SurfacePoints:
    """The right half and the middle, mirrored to the left and put on the surface."""
    left = opposite != np.arange(len(points))
    left &= points[:, 0] == 0
    points = np.where(left[:, None], points[opposite] * [-1, 1, 1], points)
    triangle, weights = np.zeros(len(points), np.int32), np.zeros((len(points), 3), np.float32)
    for name in np.unique(surface):
        here = surface == name
        triangle[here], weights[here] = place.put(points[here], str(name))
    return SurfacePoints(triangle, weights, sigma.astype(np.float32))


def contour_points(jaw: np.ndarray) -> np.ndarray:
    """(33, 3): the 17 jaw points of iBUG-68, and midway between neighbours along a smooth curve."""
    return CubicSpline(np.arange(0, N_CONTOUR, 2), jaw)(np.arange(N_CONTOUR))


def _along(curve: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(n, 3) points of a curve (k, 3) at shares of its length."""
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    return np.stack([np.interp(share * arc[-1], arc, curve[:, axis]) for axis in range(3)], axis=1)


def _brow(curves: FaceCurves, count: int) -> np.ndarray:
    """`count` points on the upper edge from the tip on, and one fewer on the lower edge."""
    share = np.linspace(0, 1, count)
    upper, lower = _along(curves.brow_upper, share), _along(curves.brow_lower, share[1:])
    return np.concatenate([upper, lower])


def _ring(upper: np.ndarray, lower: np.ndarray, steps: int) -> np.ndarray:
    """2 * steps points round a lid opening: outer corner, upper edge, inner corner, lower edge."""
    share = np.linspace(0, 1, steps + 1)
    return np.concatenate([_along(upper, share), _along(lower, share)[-2:0:-1]])


def _half_ring(upper: np.ndarray, lower: np.ndarray, steps: int) -> np.ndarray:
    """The corner, `steps` points on the upper curve to the middle, as many on the lower one."""
    share = np.linspace(0, 1, steps + 1)
    return np.concatenate([_along(upper, share), _along(lower, share[1:])])


def _at_width(upper: np.ndarray, lower: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The corner, then points at shares of the way in x to the middle: upper, then lower curve."""
    x = upper[0, 0] * (1 - np.array(shares))
    above, below = (
        np.stack([np.interp(x, curve[:, 0], curve[:, axis]) for axis in range(3)], axis=1)
        for curve in (upper, lower)
    )
    return np.concatenate([above, below[1:]])


def _pupil(model: FaceModel, eye_centre: np.ndarray) -> np.ndarray:
    """The front of the right eyeball; the centre of the eye where there is no eyeball."""
    if "eye_right" not in model.region_names:
        return eye_centre
    ball = model.mean[np.unique(model.triangles[model.region("eye_right")])]
    middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
    return np.array([middle[0], middle[1], ball[:, 2].max()])
