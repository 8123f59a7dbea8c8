"""468 points of a face: the mesh network over several crops, averaged, with their spread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lib.networks.crop import CropFrame
from lib.networks.facemesh import FaceMesh, frame_of_box, frame_of_points

_RECROPS = 2
_GOLDEN = 0.6180339887498949
_TURN_RAD, _SHIFT, _SCALE = 0.12, 0.03, 0.06  # largest jitter of a crop; shift in crop sides


@dataclass(frozen=True)
class MeanMesh:
    """The mesh network's answer, averaged over crops.

    Args:
        points_px: (468, 2) photo px.
        depth_px: (468,) relative depth, away from the camera positive.
        spread_px: (468,) standard deviation of one crop's points per axis.
        presence: probability that a face is there.
        frame: the crop about the face.
    """

    points_px: np.ndarray
    depth_px: np.ndarray
    spread_px: np.ndarray
    presence: float
    frame: CropFrame


class MeshMeasurer:
    """Runs the mesh network over a face and jittered, mirrored copies of its crop.

    Args:
        models: folder of the weights.
        augmentations: number of crops.

    Raises:
        MissingModelError: the weights are missing.
    """

    def __init__(self, models: str | Path, augmentations: int):
        self._net = FaceMesh(models)
        self._augmentations = augmentations

    def measure(self, image: np.ndarray, box_px: np.ndarray, roll_rad: float) -> MeanMesh:
        """Points of the face in a box (4,) of an (h, w, 3) uint8 RGB image."""
        frame = frame_of_box(box_px.astype(np.float64), roll_rad)
        for _ in range(_RECROPS):
            frame = frame_of_points(self._net(image, frame).points_px)
        crops = [self._net(image, jittered) for jittered in jitter(frame, self._augmentations)]
        points = np.array([crop.points_px for crop in crops])
        mean = points.mean(0)
        return MeanMesh(
            points_px=mean,
            depth_px=np.mean([crop.depth_px for crop in crops], axis=0),
            spread_px=np.sqrt(((points - mean) ** 2).mean((0, 2)) * len(crops) / (len(crops) - 1)),
            presence=float(np.median([crop.presence for crop in crops])),
            frame=frame,
        )


def jitter(frame: CropFrame, count: int) -> list[CropFrame]:
    """`count` copies of a crop, turned, scaled and shifted a little; every second one mirrored.

    The copies spread evenly (a golden-ratio sequence), so that their mean has no preferred side,
    and are the same in every run.
    """
    frames = []
    for index in range(count):
        step = index // 2
        u, v, w = (2 * ((0.5 + step * _GOLDEN * k) % 1) - 1 for k in (1.0, 2.3, 3.7))
        angle = 2 * np.pi * ((step * _GOLDEN) % 1)
        shift = _SHIFT * frame.side_px * w * np.array([np.cos(angle), np.sin(angle)])
        x, y = np.asarray(frame.centre_px) + shift
        frames.append(
            replace(
                frame,
                centre_px=(float(x), float(y)),
                side_px=frame.side_px * (1 + _SCALE * v),
                roll_rad=frame.roll_rad + _TURN_RAD * u,
                mirrored=index % 2 == 1,
            )
        )
    return frames
