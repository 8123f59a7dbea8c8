"""FLAME, as published, as a head model."""

from lib.facemodel.flame.model import flame_model
from lib.facemodel.flame.source import FlameSource, read_flame

__all__ = ["FlameSource", "flame_model", "read_flame"]
