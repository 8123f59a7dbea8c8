"""Finds the faces in each photo."""

from lib.detection.faces import find_faces
from lib.detection.load import load_detector
from lib.detection.options import BatchDetector, Detection, DetectionOptions, Detector

__all__ = [
    "BatchDetector",
    "Detection",
    "DetectionOptions",
    "Detector",
    "find_faces",
    "load_detector",
]
