"""The detector that the settings name."""

from __future__ import annotations

from pathlib import Path

from lib.detection.blaze import BlazeDetector
from lib.detection.classic import DlibDetector, HaarDetector
from lib.detection.given import GivenDetector
from lib.detection.onnx import YuNetDetector
from lib.detection.options import DetectionOptions, Detector


def load_detector(options: DetectionOptions, models: str | Path) -> Detector:
    """The detector `options.method`, ready to run.

    Args:
        options: settings.
        models: folder of the network files.

    Raises:
        MissingModelError: a network file is missing.
        ConfigError: a folder or file that the settings name cannot be used.
    """
    if options.method == "blaze":
        return BlazeDetector(options, models)
    if options.method == "mtcnn":
        from lib.detection.mtcnn import MtcnnDetector  # imports torch

        return MtcnnDetector(options, models)
    own = {
        "dlib": DlibDetector,
        "haar": HaarDetector,
        "onnx": YuNetDetector,
        "files": GivenDetector,
    }
    return own[options.method](options)
