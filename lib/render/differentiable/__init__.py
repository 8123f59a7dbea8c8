"""The four differentiable primitives, with the meaning of nvdiffrast, on torch tensors.

Tensors on the CPU are rendered by compiled loops of this project, tensors on a GPU by nvdiffrast.

Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering.
"""

from lib.render.differentiable.interpolate import interpolate
from lib.render.differentiable.raster import Raster, Viewport
from lib.render.differentiable.rasterise import rasterise

__all__ = ["Raster", "Viewport", "interpolate", "rasterise"]
