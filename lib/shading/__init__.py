"""Shading: from the light and dark of one photo to relief over the fitted head."""

from lib.shading.options import ShadingOptions
from lib.shading.shade import shade_capture

__all__ = ["ShadingOptions", "shade_capture"]
