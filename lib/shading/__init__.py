"""Shading: from the light and dark of one photo to relief over the fitted head."""

from lib.shading.options import ShadingOptions
from lib.shading.shade import ShadingTools, shade_capture

__all__ = ["ShadingOptions", "ShadingTools", "shade_capture"]
