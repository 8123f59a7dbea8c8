"""The four differentiable primitives, with the meaning of nvdiffrast, and what is built on them.

Tensors on the CPU are rendered by compiled loops of this project, tensors on a GPU by nvdiffrast.

Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering.
"""

from lib.render.differentiable.antialias import antialias
from lib.render.differentiable.cameras import (
    camera_clip,
    chart_clip,
    raster_depth,
    texture_coordinates,
)
from lib.render.differentiable.interpolate import interpolate
from lib.render.differentiable.lights import (
    DirectionalLight,
    PointLight,
    apply_normal_map,
    ggx,
    illuminate,
    irradiance,
    sh_basis,
    unit,
    uv_tangents,
)
from lib.render.differentiable.mipmap import MipStack, build_mipmaps
from lib.render.differentiable.raster import Raster, Viewport
from lib.render.differentiable.rasterise import rasterise
from lib.render.differentiable.texture import texture
from lib.render.differentiable.topology import EdgeTable, edge_table
from lib.render.differentiable.views import (
    bake,
    gaussian_blur,
    soft_mask,
    soft_visibility,
    visible_vertices,
)

__all__ = [
    "DirectionalLight",
    "EdgeTable",
    "MipStack",
    "PointLight",
    "Raster",
    "Viewport",
    "antialias",
    "apply_normal_map",
    "bake",
    "build_mipmaps",
    "camera_clip",
    "chart_clip",
    "edge_table",
    "gaussian_blur",
    "ggx",
    "illuminate",
    "interpolate",
    "irradiance",
    "raster_depth",
    "rasterise",
    "sh_basis",
    "soft_mask",
    "soft_visibility",
    "texture",
    "texture_coordinates",
    "unit",
    "uv_tangents",
    "visible_vertices",
]
