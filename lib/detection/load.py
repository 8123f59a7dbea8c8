"""The detector that the settings name."""

from __future__ import annotations

from pathlib import Path

from lib.detection.blaze import BlazeDetector
from lib.detection.options import DetectionOptions, Detector


def load_detector(options: DetectionOptions, models: str | Path) -> Detector:
    """The detector `options.method`, ready to run.

    Args:
        options: settings.
        models: folder of the network files.

    Raises:
        MissingModelError: a network file is missing.
        ConfigError: a folder or file that the settings name is missing.
    """
    return BlazeDetector(options, models)
