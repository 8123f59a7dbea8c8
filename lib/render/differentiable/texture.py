"""Sample textures, with and without mip maps; gradients flow to texels, uv, footprint and level."""

from __future__ import annotations

from typing import Literal

import torch

from lib.errors import ShapeError
from lib.render.differentiable import checks, nvdiffrast
from lib.render.differentiable.mipmap import MipStack, build_mipmaps, level_sizes
from lib.render.differentiable.sampling import BOUNDARIES, Sampling, sample

Filter = Literal["auto", "nearest", "linear", "linear-mipmap-nearest", "linear-mipmap-linear"]
Boundary = Literal["wrap", "clamp", "zero"]

FILTERS = ("auto", "nearest", "linear", "linear-mipmap-nearest", "linear-mipmap-linear")


def texture(
    image: torch.Tensor,
    uv: torch.Tensor,
    uv_derivatives: torch.Tensor | None = None,
    level_bias: torch.Tensor | None = None,
    filter: Filter = "auto",
    boundary: Boundary = "wrap",
    max_level: int | None = None,
    mip: MipStack | None = None,
) -> torch.Tensor:
    """Values of an image at the texture coordinates of each pixel.

    Row 0 of the image is at v = 0, and texel (x, y) has its centre at u = (x + 0.5) / tw,
    v = (y + 0.5) / th. With J the derivatives of (u tw, v th) by pixel, the mip level is

        0.5 log2(larger eigenvalue of J J^T) + level_bias,

    the log2 of the longer axis of the pixel's footprint in texels, clamped to 0..max_level; without
    derivatives the bias alone is the level. A pixel whose uv or level is not a number is 0 and
    passes no gradient. Gradients reach `image` (through its mip levels too), `uv`,
    `uv_derivatives` and `level_bias`; none pass where a coordinate or level was clamped, nor to uv
    from "nearest". On the CPU the result is bit-equal for any number of threads; tensors on a GPU
    are sampled by nvdiffrast. There are no cube maps.

    Args:
        image: (B, th, tw, C), or (1, th, tw, C) for all B.
        uv: (B, h, w, 2).
        uv_derivatives: (B, h, w, 4) du/dX, du/dY, dv/dX, dv/dY per pixel; only for mip maps.
        level_bias: (B, h, w) added to the mip level.
        filter: "auto" = "linear-mipmap-linear" with derivatives or bias, else "linear".
        boundary: outside of 0..1, "wrap" repeats the image, "clamp" continues the centres of its
            border texels, "zero" has 0 everywhere.
        max_level: coarsest mip level; None = one texel.
        mip: of `build_mipmaps(image)`, for an image that stays the same over several calls.

    Returns:
        (B, h, w, C).

    Raises:
        ShapeError: a shape is wrong, or the image cannot be halved down to `max_level`.
        TypeError: the tensors are not all float32 or all float64, on one device.
        ValueError: unknown filter or boundary, or mip maps without derivatives or bias.

    Source: Laine et al. 2020, section 3.4; footprints: Heckbert 1989, Fundamentals of texture
    mapping and image warping, section 3.
    """
    _check_tensors(image, uv, uv_derivatives, level_bias)
    filter = _checked_filter(filter, boundary, uv_derivatives is None and level_bias is None)
    mipmapped = "mipmap" in filter
    derivatives, bias = (uv_derivatives, level_bias) if mipmapped else (None, None)
    if mip is not None:
        max_level = mip.max_level if max_level is None else min(mip.max_level, max_level)
    if image.is_cuda:
        return nvdiffrast.texture(image, uv, derivatives, bias, filter, boundary, max_level)
    texels, sizes = None, (tuple(image.shape[1:3]),)
    if mipmapped:
        sizes = level_sizes(tuple(image.shape), max_level)
        texels = (build_mipmaps(image, max_level) if mip is None else _checked(mip, image)).texels
    return sample(image, uv, derivatives, bias, texels, Sampling(filter, boundary, sizes))


def _check_tensors(
    image: torch.Tensor,
    uv: torch.Tensor,
    uv_derivatives: torch.Tensor | None,
    level_bias: torch.Tensor | None,
) -> None:
    checks.check_float("image", image)
    checks.check_shape("image", image, ("B|1", "th", "tw", "C"))
    checks.check_shape("uv", uv, ("B", "h", "w", 2))
    if len(image) not in (1, len(uv)) or 0 in image.shape[1:]:
        raise ShapeError("image", tuple(image.shape), f"({len(uv)}|1, th, tw, C), no side 0")
    checks.check_same("uv", uv, "image", image)
    for name, tensor, last in (
        ("uv_derivatives", uv_derivatives, (4,)),
        ("level_bias", level_bias, ()),
    ):
        if tensor is not None:
            checks.check_shape(name, tensor, (*uv.shape[:3], *last))
            checks.check_same(name, tensor, "image", image)


def _checked_filter(filter: str, boundary: str, bare: bool) -> str:
    if filter not in FILTERS:
        raise ValueError(f"filter is {filter!r}, expected one of {', '.join(FILTERS)}.")
    if boundary not in BOUNDARIES:
        raise ValueError(f"boundary is {boundary!r}, expected one of {', '.join(BOUNDARIES)}.")
    if filter == "auto":
        return "linear" if bare else "linear-mipmap-linear"
    if bare and "mipmap" in filter:
        raise ValueError(
            f"filter is {filter!r} without uv_derivatives or level_bias, expected one of the two: "
            "they choose the mip level. Give one, or set filter to 'linear'."
        )
    return filter


def _checked(mip: MipStack, image: torch.Tensor) -> MipStack:
    height, width = mip.sizes[0]
    expected = (len(mip.texels), height, width, mip.texels.shape[-1])
    if tuple(image.shape) != expected:
        raise ShapeError("image", tuple(image.shape), f"{expected}, the image that mip is of")
    checks.check_same("mip", mip.texels, "image", image)
    return mip
