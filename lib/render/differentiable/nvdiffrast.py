"""The four primitives on a GPU, by nvdiffrast, which the user installs; arguments are checked.

Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch

from lib.devices import INSTALL_RENDERER
from lib.errors import ConfigError
from lib.render.differentiable.raster import Raster, Viewport

TILE = 8  # px; image sizes are rounded up to it, and the result is cut


def rasterise(
    clip: torch.Tensor,
    triangles: torch.Tensor,
    viewport: Viewport,
    ranges: torch.Tensor | None,
    derivatives: bool,
) -> Raster:
    """See `lib.render.differentiable.rasterise`."""
    library = load_library()
    left, top, height, width = viewport.window
    padded = Viewport(viewport.size, (left, top, _rounded(height), _rounded(width)))
    packed, by_pixel = library.rasterize(
        _context(clip.device),
        padded.zoom(_single(clip, "clip")).contiguous(),
        _indices(triangles, clip),
        resolution=padded.window[2:],
        ranges=None if ranges is None else ranges.to("cpu", torch.int32),
        grad_db=derivatives,
    )
    packed = packed[:, :height, :width].contiguous()
    by_pixel = by_pixel[:, :height, :width].contiguous() if derivatives else None
    return Raster(packed, by_pixel, viewport)


def interpolate(
    attributes: torch.Tensor,
    raster: Raster,
    triangles: torch.Tensor,
    differentiate: Sequence[int] | None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """See `lib.render.differentiable.interpolate`."""
    values, by_pixel = load_library().interpolate(
        _single(attributes, "attributes").contiguous(),
        raster.packed,
        _indices(triangles, attributes),
        rast_db=None if differentiate is None else raster.derivatives,
        diff_attrs=None if differentiate is None else list(differentiate),
    )
    return values, None if differentiate is None else by_pixel


def texture(
    image: torch.Tensor,
    uv: torch.Tensor,
    uv_derivatives: torch.Tensor | None,
    level_bias: torch.Tensor | None,
    filter: str,
    boundary: str,
    max_level: int | None,
) -> torch.Tensor:
    """See `lib.render.differentiable.texture`."""
    return load_library().texture(
        _single(image, "image").contiguous(),
        uv.contiguous(),
        uv_da=None if uv_derivatives is None else uv_derivatives.contiguous(),
        mip_level_bias=None if level_bias is None else level_bias.contiguous(),
        filter_mode=filter,
        boundary_mode=boundary,
        max_mip_level=max_level,
    )


def antialias(
    colour: torch.Tensor,
    raster: Raster,
    clip: torch.Tensor,
    triangles: torch.Tensor,
    gradient_boost: float,
) -> torch.Tensor:
    """See `lib.render.differentiable.antialias`, silhouette = "pairs"."""
    return load_library().antialias(
        _single(colour, "colour").contiguous(),
        raster.packed.contiguous(),
        raster.viewport.zoom(clip).contiguous(),
        _indices(triangles, clip),
        pos_gradient_boost=gradient_boost,
    )


def load_library() -> ModuleType:
    """The module `nvdiffrast.torch`.

    Raises:
        ConfigError: nvdiffrast is not installed.
    """
    try:
        import nvdiffrast.torch as library
    except ImportError as error:
        raise ConfigError(
            f"rendering on a GPU needs nvdiffrast, which cannot be imported ({error}). "
            f"{INSTALL_RENDERER}"
        ) from error
    return library


@functools.cache
def _context(device: torch.device) -> Any:
    """One context per device; it owns buffers that grow with the largest image."""
    return load_library().RasterizeCudaContext(device=device)


def _rounded(size: int) -> int:
    return -(-size // TILE) * TILE


def _indices(triangles: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return triangles.to(like.device, torch.int32).contiguous()


def _single(tensor: torch.Tensor, name: str) -> torch.Tensor:
    if tensor.dtype != torch.float32:
        raise TypeError(f"{name} is {tensor.dtype}, expected float32: nvdiffrast has no other.")
    return tensor
