"""The detector that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lib.detection.blaze import BlazeDetector
from lib.detection.classic import DlibDetector, HaarDetector
from lib.detection.given import GivenDetector
from lib.detection.onnx import YuNetDetector
from lib.detection.options import DetectionOptions, Detector

if TYPE_CHECKING:
    import torch


def load_detector(
    options: DetectionOptions, models: str | Path, device: torch.device | str = "cpu"
) -> Detector:
    """The detector `options.method`, ready to run.

    Args:
        options: settings.
        models: folder of the network files.
        device: where `retinaface` runs; the others use the CPU.

    Raises:
        MissingModelError: a network file is missing.
        ConfigError: a folder or file that the settings name cannot be used.
    """
    if options.method == "blaze":
        return BlazeDetector(options, models)
    if options.method == "mtcnn":
        from lib.detection.mtcnn import MtcnnDetector  # imports torch

        return MtcnnDetector(options, models)
    if options.method == "retinaface":
        from lib.detection.retinaface import RetinaFaceDetector

        return RetinaFaceDetector(options, device)
    own = {
        "dlib": DlibDetector,
        "haar": HaarDetector,
        "onnx": YuNetDetector,
        "files": GivenDetector,
    }
    return own[options.method](options)
