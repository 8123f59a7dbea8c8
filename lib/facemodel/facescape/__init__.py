"""FaceScape's bilinear model, as published, as a head model."""

from lib.facemodel.facescape.model import facescape_model
from lib.facemodel.facescape.source import FaceScapeSource, read_facescape

__all__ = ["FaceScapeSource", "facescape_model", "read_facescape"]
