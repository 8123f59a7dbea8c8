"""How many mm a unit of length of cameras is that nobody measured."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, Landmarks
from lib.rig.cameras import Cameras
from lib.rig.options import RigOptions
from lib.rig.triangulate import triangulate

CORNER_SIGMA_PX = 0.5
CORNERS = 4


def scale_from_distance(
    cameras: Cameras, landmarks: Landmarks, options: RigOptions
) -> float | None:
    """mm per unit from `rig.distance_mm`; None when an end of it was not measured."""
    points = triangulate(cameras, landmarks.ibug68_px, landmarks.ibug68_sigma_px).points
    ends = [points[list(end)] for end in options.ends()]
    ends = [end[np.isfinite(end).all(1)] for end in ends]
    if not all(len(end) for end in ends):
        return None
    return options.distance_mm / float(np.linalg.norm(ends[0].mean(0) - ends[1].mean(0)))


def scale_from_markers(cameras: Cameras, capture: Capture, options: RigOptions) -> float | None:
    """mm per unit from square markers of side `rig.marker_mm`; None when two views see none."""
    name = options.marker.upper()
    kind = getattr(cv2.aruco, f"DICT_{name}")
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(kind), _parameters())
    seen: dict[int, np.ndarray] = {}
    for view, image in enumerate(capture.image):
        corners, numbers, _ = detector.detectMarkers(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        for number, square in zip(() if numbers is None else numbers.ravel(), corners):
            nothing = np.full((len(cameras), CORNERS, 2), np.nan)
            seen.setdefault(int(number), nothing)[view] = square.reshape(CORNERS, 2)
    sides = []
    for _, points_px in sorted(seen.items()):
        sigma = np.full(points_px.shape[:2], CORNER_SIGMA_PX)
        square = triangulate(cameras, points_px, sigma).points
        sides.extend(np.linalg.norm(square - np.roll(square, 1, axis=0), axis=1))
    sides = np.array(sides)[np.isfinite(sides)]
    return options.marker_mm / float(np.median(sides)) if len(sides) else None


def _parameters() -> cv2.aruco.DetectorParameters:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    return parameters
