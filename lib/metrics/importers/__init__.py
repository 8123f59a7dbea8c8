"""Readers of benchmark folders that a user has; nothing is fetched, each yields items to score."""

from lib.metrics.importers.facescape import (
    FaceScapeCapture,
    FaceScapeItem,
    read_facescape_benchmark,
    read_facescape_captures,
)
from lib.metrics.importers.fair import FairItem, read_fair
from lib.metrics.importers.files import DatasetError, read_mesh
from lib.metrics.importers.h3ds import H3dsScene, read_h3ds
from lib.metrics.importers.now import NowItem, read_now
from lib.metrics.importers.realy import RealyItem, read_realy
from lib.metrics.importers.shiq import ShiqItem, read_shiq
from lib.metrics.importers.three_hundred import AnnotatedFace, read_300w

__all__ = [
    "AnnotatedFace",
    "DatasetError",
    "FaceScapeCapture",
    "FaceScapeItem",
    "FairItem",
    "H3dsScene",
    "NowItem",
    "RealyItem",
    "ShiqItem",
    "read_300w",
    "read_facescape_benchmark",
    "read_facescape_captures",
    "read_fair",
    "read_h3ds",
    "read_mesh",
    "read_now",
    "read_realy",
    "read_shiq",
]
