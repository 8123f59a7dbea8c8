"""The four differentiable primitives, with the meaning of nvdiffrast, on torch tensors.

Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering.
"""

from lib.render.differentiable.raster import Raster

__all__ = ["Raster"]
