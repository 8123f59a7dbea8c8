"""The only door to rasterising: what a camera or a UV chart sees of a mesh, and pictures of it."""

from lib.render.harmonics import (
    SH_COSINE,
    Y00,
    ambient_light,
    distant_light,
    irradiance,
    irradiance_slope,
    sh_basis,
    shade,
)
from lib.render.preview import Paint, PreviewOptions, render_head, turntable_cameras
from lib.render.rasterise import (
    Buffers,
    Camera,
    interpolate,
    rasterise,
    render_buffers,
    uv_buffers,
    uv_to_texel,
)
from lib.render.texture import fill_margins, sample_image, sample_texture
from lib.render.visibility import corners_seen, facing, landmarks_seen, visible

__all__ = [
    "SH_COSINE",
    "Y00",
    "Buffers",
    "Camera",
    "Paint",
    "PreviewOptions",
    "ambient_light",
    "corners_seen",
    "distant_light",
    "facing",
    "fill_margins",
    "interpolate",
    "irradiance",
    "irradiance_slope",
    "landmarks_seen",
    "rasterise",
    "render_buffers",
    "render_head",
    "sample_image",
    "sample_texture",
    "sh_basis",
    "shade",
    "turntable_cameras",
    "uv_buffers",
    "uv_to_texel",
    "visible",
]
