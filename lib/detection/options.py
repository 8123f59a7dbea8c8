"""What a detector gives, and the settings of the detection stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from lib.errors import ConfigError

Method = Literal["blaze", "dlib", "haar", "mtcnn", "retinaface", "onnx", "files"]
METHODS = ("blaze", "dlib", "haar", "mtcnn", "retinaface", "onnx", "files")


@dataclass(frozen=True)
class DetectionOptions:
    """Settings of the detection stage (`detection` in config.yaml).

    Args:
        method: which detector.
        faces: `largest`, or `best` = the one of the highest score: one face per photo; `all` = each
            face becomes its own capture.
        min_score: detector scores below it are ignored, 0..1.
        min_presence: a candidate counts only when the mesh network holds it for a face with at
            least this probability (method `blaze`).
        min_face_px: smaller faces are not looked for; width of the face in working-image px.
        folder: for `files`: folder with `<photo name>.txt|.json|.pts|.csv`.
        onnx_file: for `onnx`: a YuNet file for OpenCV.
        weights: for `retinaface`: its weights.
    """

    method: Method = "blaze"
    faces: Literal["largest", "best", "all"] = "largest"
    min_score: float = 0.5
    min_presence: float = 0.7
    min_face_px: float = 28.0
    folder: str = ""
    onnx_file: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(
                f"detection.method is '{self.method}', expected one of {', '.join(METHODS)}."
            )
        if self.faces not in ("largest", "best", "all"):
            raise ConfigError(f"detection.faces is '{self.faces}', expected largest, best or all.")


@dataclass(frozen=True)
class Detection:
    """One face in one image.

    Args:
        box_px: (4,) x0, y0, x1, y1 of the face (brows to chin, ear to ear), measured in axes that
            are turned by `roll_rad` about the box's centre.
        score: 0..1.
        points_px: (5, 2) right eye, left eye, nose tip, right and left mouth corner; NaN = unknown.
        roll_rad: in-plane rotation, clockwise positive.
    """

    box_px: np.ndarray
    score: float
    points_px: np.ndarray
    roll_rad: float

    @property
    def side_px(self) -> float:
        """Longer side of the box."""
        return float((self.box_px[2:] - self.box_px[:2]).max())


class Detector(Protocol):
    """Finds faces in one image."""

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, best first; `name` is the photo's file name."""
        ...


def scaled(face: Detection, factor: float | np.ndarray) -> Detection:
    """The face in a picture that is larger by a factor, or by one (2,) along x and y."""
    corners, points = (
        (values.reshape(-1, 2) + 0.5) * factor - 0.5 for values in (face.box_px, face.points_px)
    )
    return Detection(corners.reshape(4), face.score, points, face.roll_rad)


@runtime_checkable
class BatchDetector(Protocol):
    """A detector that looks at several images at once."""

    def detect_many(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Faces of each (h, w, 3) uint8 RGB image, best first."""
        ...


def roll_of_five(points_px: np.ndarray) -> float:
    """In-plane rotation (rad, clockwise positive) of five points; 0 when the eyes are unknown."""
    eyes = points_px[1] - points_px[0]
    return float(np.arctan2(eyes[1], eyes[0])) if np.isfinite(eyes).all() else 0.0


def box_of_five(points_px: np.ndarray, roll_rad: float) -> np.ndarray:
    """(4,) face box, in axes turned by the roll, about five points.

    The size is twice the larger of the eye distance and the distance from eyes to mouth, so that a
    turned head keeps its size.
    """
    eyes, mouth = points_px[:2].mean(0), points_px[3:].mean(0)
    across = np.linalg.norm(points_px[1] - points_px[0])
    side = 2.0 * max(across, float(np.linalg.norm(mouth - eyes)))
    down = np.array([-np.sin(roll_rad), np.cos(roll_rad)])
    centre = (eyes + mouth) / 2 + 0.04 * side * down
    return np.concatenate([centre - side / 2, centre + side / 2]).astype(np.float32)
