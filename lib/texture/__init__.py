"""The capture's colour on the head's UV chart."""

from lib.texture.blend import blend_texture
from lib.texture.chart import Chart, prepare_chart
from lib.texture.options import TextureOptions

__all__ = ["Chart", "TextureOptions", "blend_texture", "prepare_chart"]
