"""Landmarks that the user brings in files."""

from __future__ import annotations

import numpy as np

from lib.errors import CaptureFailure, ConfigError
from lib.landmarks.ibug106 import ibug68_of_106, ibug68_sigma_of_106
from lib.landmarks.options import FaceSeen, LandmarkOptions, ViewLandmarks
from lib.networks.given import Given, check_folder, read_given

_SIGMA = 0.010  # of hand-placed points, per axis, in sides of the points' bounding box
_N_POINTS = {"points5": 5, "ibug68": 68, "ldm106": 106, "mesh468": 468}


class GivenLandmarker:
    """Points from `<folder>/<photo name>.txt|.json|.pts|.csv`, all in one scheme.

    Files count in px of the upright original, freed of lens distortion where a camera tells it.

    Args:
        options: settings with the folder.

    Raises:
        ConfigError: the folder is missing, or holds no file of points.
    """

    def __init__(self, options: LandmarkOptions):
        self._folder = check_folder(options.folder, "landmarks.folder")
        names = sorted(path.name for path in self._folder.iterdir() if path.is_file())
        for name in names:
            found = read_given(self._folder, name.rsplit(".", 1)[0])
            if found and found[0].scheme:
                self.scheme = found[0].scheme
                self.n_points = _N_POINTS[self.scheme]
                return
        raise ConfigError(
            f"landmarks.folder '{self._folder}' holds {len(names)} files and no points; expected "
            "5, 68, 106 or 468 points per photo."
        )

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """The points of the face that lies in the box of `face`.

        Raises:
            CaptureFailure: `no_landmarks`: the folder has no points of this face.
        """
        points = self._of_face(read_given(self._folder, face.name), face)
        side = float((np.nanmax(points, 0) - np.nanmin(points, 0)).max())
        sigma = np.where(np.isfinite(points).all(1), _SIGMA * side, np.nan)
        ibug, ibug_sigma = np.full((68, 2), np.nan), np.full(68, np.nan)
        if self.scheme == "ibug68":
            ibug, ibug_sigma = points, sigma
        if self.scheme == "ldm106":
            ibug, ibug_sigma = ibug68_of_106(points), ibug68_sigma_of_106(sigma)
        return ViewLandmarks(points, sigma, np.full(len(points), np.nan), ibug, ibug_sigma, 1.0)

    def _of_face(self, found: list[Given], face: FaceSeen) -> np.ndarray:
        """Points in working px of the face nearest to the box."""
        scale = np.array(face.working_to_original)
        usable = [
            (given.points_px + 0.5) / scale - 0.5 for given in found if given.scheme == self.scheme
        ]
        if not usable:
            raise CaptureFailure(
                "no_landmarks",
                f"{self._folder} has no {self.n_points} points for {face.name}; expected "
                f"{face.name.rsplit('.', 1)[0]}.txt, .json, .pts or .csv.",
            )
        centre = (face.box_px[:2] + face.box_px[2:]) / 2
        gaps = [np.linalg.norm(np.nanmean(points, 0) - centre) for points in usable]
        return usable[int(np.argmin(gaps))]
