"""ICT-FaceKit (MIT): a checkout of its repository, or a development copy, as a head model."""

from lib.facemodel.ict.model import ict_model
from lib.facemodel.ict.source import IctSource, read_ict_checkout, read_ict_development_copy

__all__ = ["IctSource", "ict_model", "read_ict_checkout", "read_ict_development_copy"]
