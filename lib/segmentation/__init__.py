"""The eight parts of a fitted face on its photos, and its dense landmarks."""

from lib.segmentation.options import SegmentationOptions
from lib.segmentation.paint import PART_COLOURS, paint_parts, paint_points, paint_whole
from lib.segmentation.segment import segment_parts
from lib.segmentation.surfaces import PartSurfaces, part_surfaces

__all__ = [
    "PART_COLOURS",
    "PartSurfaces",
    "SegmentationOptions",
    "paint_parts",
    "paint_points",
    "paint_whole",
    "part_surfaces",
    "segment_parts",
]
