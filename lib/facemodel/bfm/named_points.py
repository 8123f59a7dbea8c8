"""The 68 iBUG points on a face that names some two dozen places of its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.interpolate import RBFInterpolator

from lib.errors import ConfigError
from lib.facemodel.landmark_rules import BROW_MARK, closest_on_triangles, ibug68_sigma
from lib.facemodel.model import FaceModel, SurfacePoints
from lib.geometry import align_points

FEWEST = 12
BY_NAME: Mapping[str, tuple[int, ...]] = {  # the middle of these iBUG points
    "center.chin.tip": (8,),
    "center.nose.tip": (30,),
    "center.nose.attachement_to_philtrum": (33,),
    "right.nose.wing.tip": (31,),
    "left.nose.wing.tip": (35,),
    "right.eye.corner_outer": (36,),
    "right.eye.top": (37, 38),
    "right.eye.corner_inner": (39,),
    "right.eye.bottom": (40, 41),
    "left.eye.corner_inner": (42,),
    "left.eye.top": (43, 44),
    "left.eye.corner_outer": (45,),
    "left.eye.bottom": (46, 47),
    "right.lips.corner": (48,),
    "right.lips.philtrum_ridge": (50,),
    "center.lips.upper.outer": (51,),
    "left.lips.philtrum_ridge": (52,),
    "left.lips.corner": (54,),
    "center.lips.lower.outer": (57,),
    "center.lips.upper.inner": (62,),
    "center.lips.lower.inner": (66,),
}
BROWS = {"right": slice(17, 22), "left": slice(22, 27)}
BROW_PLACES = ("inner", "bend")
LATER_SIGMA = 1.5  # of the usual sigma: points that no name tells are guessed


def ibug68_by_names(
    named: Mapping[str, np.ndarray],
    vertices: np.ndarray,
    triangles: np.ndarray,
    default: FaceModel,
    edition: str,
) -> SurfacePoints:
    """The points of the default head, bent to where the names lie, on the nearest skin.

    Args:
        named: name -> (3,) mm on the mean.
        vertices: (n, 3) mm.
        triangles: (t, 3).
        default: the default head.
        edition: for the error message.

    Raises:
        ConfigError: it names too few of the known places.
    """
    marks = default.landmarks["ibug68"].on(default.mean, default.triangles).astype(np.float64)
    known = [name for name in BY_NAME if name in named]
    if len(known) < FEWEST:
        raise ConfigError(
            f"{edition} names {len(known)} of the places that landmarks are found by, expected at "
            f"least {FEWEST} (such as {', '.join(list(BY_NAME)[:4])}). Get the published file."
        )
    here = np.array([marks[list(BY_NAME[name])].mean(axis=0) for name in known])
    there = np.array([named[name] for name in known])
    scale, rotation, translation = align_points(here, there)

    def placed(points: np.ndarray) -> np.ndarray:
        return scale * points @ rotation.T + translation

    brows = _brows(named, placed(marks))
    here = np.concatenate([placed(here), *(pair[:1] for pair in brows)])
    there = np.concatenate([there, *(pair[1:] for pair in brows)])
    bent = RBFInterpolator(here, there, kernel="thin_plate_spline")(placed(marks))
    rows = np.arange(len(triangles))
    triangle, weights = closest_on_triangles(bent, vertices, triangles, rows)
    told = [point for name in known if len(BY_NAME[name]) == 1 for point in BY_NAME[name]]
    sigma = LATER_SIGMA * ibug68_sigma()
    sigma[told] /= LATER_SIGMA
    return SurfacePoints(
        triangle.astype(np.int32), weights.astype(np.float32), sigma.astype(np.float32)
    )


def _brows(named: Mapping[str, np.ndarray], marks: np.ndarray) -> list[np.ndarray]:
    """(2, 3) each: a place on the line of the brow's marks, and where the file has it.

    The file names edges of the hair; marks lie above its middle.
    """
    pairs = []
    for side, points in BROWS.items():
        line = marks[points][np.argsort(marks[points, 0])]
        for place in BROW_PLACES:
            edges = [
                named[name]
                for name in (
                    f"{side}.eyebrow.{place}{joint}{edge}"
                    for joint in "._"
                    for edge in ("lower", "upper")
                )
                if name in named
            ]
            if len(edges) != 2:
                continue
            wanted = np.mean(edges, axis=0) + [0, BROW_MARK, 0]
            on_line = [np.interp(wanted[0], line[:, 0], line[:, axis]) for axis in (1, 2)]
            pairs.append(np.array([[wanted[0], *on_line], wanted]))
    return pairs
