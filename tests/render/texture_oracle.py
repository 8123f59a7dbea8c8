"""A second, independent answer to what a texture shows, in plain torch operations.

Every texel and every mip level has a weight in every pixel, which is a function of distance: a tent
for linear filters, a box for nearest ones. No indices, no cases at borders; slow, and for small
images only. Gradients come from autograd.
"""

from __future__ import annotations

import torch


def sample_densely(
    image: torch.Tensor,
    uv: torch.Tensor,
    uv_derivatives: torch.Tensor | None = None,
    level_bias: torch.Tensor | None = None,
    filter: str = "linear",
    boundary: str = "wrap",
    max_level: int | None = None,
) -> torch.Tensor:
    """(B, h, w, C) values; arguments as those of `lib.render.differentiable.texture`."""
    stack = mip_levels(image, max_level) if "mipmap" in filter else [image]
    profile = box if filter == "nearest" else tent
    values = torch.stack([_sample_level(level, uv, boundary, profile) for level in stack], -1)
    if len(stack) == 1:
        return values[..., 0]
    level = footprint_level(image, uv_derivatives, level_bias).clamp(0, len(stack) - 1)
    across = tent if filter == "linear-mipmap-linear" else box
    weight = across(level[..., None] - torch.arange(len(stack)))
    return (values * weight[..., None, :]).sum(-1)


def footprint_level(
    image: torch.Tensor, uv_derivatives: torch.Tensor | None, level_bias: torch.Tensor | None
) -> torch.Tensor:
    """(B, h, w) mip level by an eigenvalue solver, not clamped."""
    bias = 0.0 if level_bias is None else level_bias
    if uv_derivatives is None:
        return bias
    size = torch.tensor([[image.shape[2]], [image.shape[1]]], dtype=image.dtype)
    jacobian = uv_derivatives.unflatten(-1, (2, 2)) * size
    return 0.5 * torch.linalg.eigvalsh(jacobian @ jacobian.mT)[..., -1].log2() + bias


def mip_levels(image: torch.Tensor, max_level: int | None = None) -> list[torch.Tensor]:
    """The image and its means over 2 x 2, 4 x 4, ... texels."""
    stack = [image]
    while max(stack[-1].shape[1:3]) > 1 and len(stack) - 1 != max_level:
        n, height, width, channels = stack[-1].shape
        shape = n, -1, min(height, 2), max(width // 2, 1), min(width, 2), channels
        stack.append(stack[-1].reshape(shape).mean((2, 4)))
    return stack


def tent(distance: torch.Tensor) -> torch.Tensor:
    """1 at 0, falling to 0 at a distance of 1."""
    return (1 - distance.abs()).clamp(min=0)


def box(distance: torch.Tensor) -> torch.Tensor:
    """1 within half a unit."""
    return ((distance >= -0.5) & (distance < 0.5)).to(distance.dtype)


def _sample_level(image, uv, boundary, profile):
    rows = _weights(uv[..., 1], image.shape[1], boundary, profile)
    columns = _weights(uv[..., 0], image.shape[2], boundary, profile)
    image = image.expand(len(uv), -1, -1, -1)
    return torch.einsum("bhwy,byxc,bhwx->bhwc", rows, image, columns)


def _weights(coordinate, size, boundary, profile):
    """(B, h, w, size) share of each row or column of texels."""
    x = coordinate * size - 0.5
    centres = torch.arange(size, dtype=x.dtype)
    if boundary == "clamp":
        x = x.clamp(0, size - 1)
    if boundary != "wrap":
        return profile(x[..., None] - centres)
    copies = size * torch.arange(-1, 2, dtype=x.dtype)[:, None]
    return profile((x % size)[..., None, None] - centres - copies).sum(-2)
