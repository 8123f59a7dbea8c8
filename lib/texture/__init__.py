"""The capture's colour on the head's UV chart."""

from lib.texture.blend import blend_texture
from lib.texture.chart import Chart, prepare_chart
from lib.texture.mvfr import relocate
from lib.texture.options import TextureOptions
from lib.uvspace.measured import Measured

__all__ = ["Chart", "Measured", "TextureOptions", "blend_texture", "prepare_chart", "relocate"]
