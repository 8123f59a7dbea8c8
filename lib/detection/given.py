"""Faces that the user gives in files: boxes, or points from which a box is made."""

from __future__ import annotations

import numpy as np

from lib.detection.options import Detection, DetectionOptions, box_of_five, roll_of_five
from lib.geometry.aligned_crop import standard_five
from lib.geometry.five_points import five_of_106
from lib.networks.facemesh import five_of_mesh
from lib.networks.given import Given, check_folder, read_given


class GivenDetector:
    """Boxes and points from `<folder>/<photo name>.txt|.json|.pts|.csv`.

    They are given back as they are, in px of the upright original.

    Args:
        options: settings with the folder.

    Raises:
        ConfigError: the folder is missing.
    """

    def __init__(self, options: DetectionOptions):
        self._folder = check_folder(options.folder, "detection.folder")

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """The user's faces of the photo `name`, in the order of the file."""
        return [_detection(given) for given in read_given(self._folder, name)]


def _detection(given: Given) -> Detection:
    five = five_of_given(given)
    roll = roll_of_five(five)
    box = given.box_px if np.isfinite(given.box_px).all() else box_of_five(five, roll)
    return Detection(box.astype(np.float32), 1.0, five.astype(np.float32), roll)


def five_of_given(given: Given) -> np.ndarray:
    """(5, 2) right eye, left eye, nose tip, right and left mouth corner; NaN = unknown."""
    points = given.points_px
    if given.scheme == "points5":
        return points
    if given.scheme == "ibug68":
        return standard_five(points)
    if given.scheme == "ldm106":
        return five_of_106(points)
    if given.scheme == "mesh468":
        return five_of_mesh(points)
    return np.full((5, 2), np.nan)
