"""The landmarker that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lib.facemodel import FaceModel
from lib.landmarks.blaze import BlazeLandmarker
from lib.landmarks.dlib68 import DlibLandmarker
from lib.landmarks.given import GivenLandmarker
from lib.landmarks.options import Landmarker, LandmarkOptions

if TYPE_CHECKING:
    import torch


def load_landmarker(
    options: LandmarkOptions,
    models: str | Path,
    model: FaceModel,
    device: torch.device | str = "cpu",
) -> Landmarker:
    """The landmarker `options.method`, ready to run.

    Args:
        options: settings.
        models: folder of the network files.
        model: the head model that the landmarks are for.
        device: where `points106` runs; the others use the CPU.

    Raises:
        MissingModelError: a network file is missing.
        ConfigError: a licence is not accepted, or the user's folder cannot be used.
    """
    if options.method == "dlib":
        return DlibLandmarker(options, models)
    if options.method == "points106":
        from lib.landmarks.points106 import Points106Landmarker  # imports torch

        return Points106Landmarker(options, device)
    if options.method == "files":
        return GivenLandmarker(options)
    return BlazeLandmarker(options, models, model)
