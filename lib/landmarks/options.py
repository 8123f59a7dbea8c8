"""What a landmarker gives, and the settings of the landmark stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from lib.errors import CaptureFailure, ConfigError

Method = Literal["blaze", "dlib", "points106", "files"]
METHODS = ("blaze", "dlib", "points106", "files")


@dataclass(frozen=True)
class LandmarkOptions:
    """Settings of the landmark stage (`landmarks` in config.yaml).

    Args:
        method: which landmarker; `blaze` gives the 468 points of the face mesh, `dlib` 68,
            `points106` 106.
        augmentations: how many differently cut crops the mesh network averages over; half of them
            are mirrored.
        min_presence: a face that the mesh network holds for one with less probability fails.
        accept_dlib_licence: dlib's 68-point file was trained on iBUG 300-W, whose licence excludes
            commercial use, though Debian ships it as CC0; true = you know and accept that.
        weights: for `points106`: its weights.
        folder: for `files`: folder with `<photo name>.txt|.json|.pts|.csv`.
    """

    method: Method = "blaze"
    augmentations: int = 8
    min_presence: float = 0.5
    accept_dlib_licence: bool = False
    weights: str = ""
    folder: str = ""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(
                f"landmarks.method is '{self.method}', expected one of {', '.join(METHODS)}."
            )
        if self.augmentations < 2:
            raise ConfigError(
                f"landmarks.augmentations is {self.augmentations}, expected at least 2: the "
                "spread between them tells how far the points can be trusted."
            )


@dataclass(frozen=True)
class FaceSeen:
    """One face in one view, as the detection stage left it; see `Faces`.

    Args:
        name: file name of the photo.
        box_px: (4,)
        points_px: (5, 2), NaN = unknown.
        roll_rad: in-plane rotation.
        working_to_original: scale (x, y) of the photo against this image, as in `Capture`.
    """

    name: str
    box_px: np.ndarray
    points_px: np.ndarray
    roll_rad: float
    working_to_original: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class ViewLandmarks:
    """Landmarks of one view; one row of `Landmarks`.

    Args:
        points_px: (n_points, 2), NaN = none.
        sigma_px: (n_points,) per axis.
        depth_px: (n_points,) depth away from the camera at the image's scale, from any zero;
            NaN = unknown.
        ibug68_px: (68, 2), NaN = none.
        ibug68_sigma_px: (68,) per axis.
        presence: 0..1.
    """

    points_px: np.ndarray
    sigma_px: np.ndarray
    depth_px: np.ndarray
    ibug68_px: np.ndarray
    ibug68_sigma_px: np.ndarray
    presence: float


class Landmarker(Protocol):
    """Finds the landmarks of one face."""

    scheme: str
    n_points: int

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """Landmarks of a face in an (h, w, 3) uint8 RGB image."""
        ...


FaceOnPhoto = tuple[np.ndarray, FaceSeen]


@runtime_checkable
class BatchLandmarker(Protocol):
    """A landmarker that looks at several faces at once."""

    def find_many(self, faces: Sequence[FaceOnPhoto]) -> list[ViewLandmarks | CaptureFailure]:
        """Landmarks of each face in its (h, w, 3) uint8 RGB image, or why it has none."""
        ...
