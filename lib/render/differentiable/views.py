"""What fitting builds from the four primitives: soft masks, visibility, charts and blur."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from lib.errors import ShapeError
from lib.render.differentiable.antialias import antialias
from lib.render.differentiable.cameras import chart_clip
from lib.render.differentiable.interpolate import interpolate
from lib.render.differentiable.raster import Raster
from lib.render.differentiable.rasterise import rasterise
from lib.render.differentiable.topology import EdgeTable


def soft_mask(
    raster: Raster, clip: torch.Tensor, triangles: torch.Tensor, edges: EdgeTable | None = None
) -> torch.Tensor:
    """(B, h, w) share of each pixel that the mesh covers, with a gradient to its outline.

    Args:
        raster: of `rasterise`.
        clip: (B, V, 4) that was rasterised.
        triangles: (T, 3)
        edges: `edge_table(triangles)`, to share it between calls.
    """
    mask = raster.mask[..., None].to(clip.dtype)
    return antialias(mask, raster, clip, triangles, edges)[..., 0]


def visible_vertices(raster: Raster, triangles: torch.Tensor, n_vertices: int) -> torch.Tensor:
    """(B, V) bool: vertices of the triangles that at least one pixel shows."""
    result = torch.zeros(len(raster.packed), n_vertices, dtype=torch.bool, device=triangles.device)
    for image, ids in enumerate(raster.triangle_id):
        seen = ids[ids >= 0].unique().to(triangles.device)
        result[image, triangles[seen].long().flatten()] = True
    return result


def soft_visibility(
    points: torch.Tensor, depth_mm: torch.Tensor, softness_mm: float, tolerance_mm: float = 1.0
) -> torch.Tensor:
    """(B, P) how surely nothing lies before a point: 1 in front of the depth image, 0 far behind.

    1 / (1 + exp((z - z_image - tolerance) / softness)). Points outside the image or behind the
    camera are 0.

    Args:
        points: (B, P, 4) clip positions of `camera_clip`, whose w is the depth.
        depth_mm: (B, h, w) of `raster_depth` with the same camera; inf = background.
        softness_mm: how gradually visibility fades.
        tolerance_mm: how far behind the image a point still counts as on the surface.

    Raises:
        ShapeError: `points` is not (B, P, 4) or `depth_mm` has another batch.
    """
    if points.ndim != 3 or points.shape[2] != 4 or len(points) != len(depth_mm):
        raise ShapeError("points", tuple(points.shape), f"({len(depth_mm)}, P, 4)")
    height, width = depth_mm.shape[1:]
    w = points[..., 3]
    safe = w.detach().clamp_min(1e-6)
    column = (((points[..., 0].detach() / safe + 1) * width - 1) / 2).round()
    row = (((points[..., 1].detach() / safe + 1) * height - 1) / 2).round()
    inside = (w > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    flat = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    seen = depth_mm.detach().flatten(1).gather(1, flat.long())
    return torch.sigmoid((seen + tolerance_mm - w) / softness_mm) * inside


def bake(
    attributes: torch.Tensor,
    triangles: torch.Tensor,
    uv: torch.Tensor,
    uv_triangles: torch.Tensor,
    size: tuple[int, int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertex attributes drawn into a chart, with a gradient to them.

    Args:
        attributes: (B, V, C) per vertex.
        triangles: (T, 3) indices into `attributes`.
        uv: (n_uv, 2) origin bottom-left.
        uv_triangles: (T, 3) indices into `uv`.
        size: (rows, columns); row 0 is v = 1.

    Returns:
        (B, rows, columns, C) attributes, 0 off the chart; (rows, columns) bool where the chart is.
    """
    chart = rasterise(chart_clip(uv.to(attributes))[None], uv_triangles, size)
    batch = len(attributes)
    packed = chart.packed.expand(batch, -1, -1, -1)
    values, _ = interpolate(attributes, Raster(packed.contiguous()), triangles)
    return values, chart.mask[0]


def gaussian_blur(images: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """(B, h, w, C) images blurred, borders continued: wider basins for the first steps of a fit."""
    if sigma_px <= 0:
        return images
    reach = max(1, math.ceil(3 * sigma_px))
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    planes = images.permute(0, 3, 1, 2).flatten(0, 1)[:, None]  # (B C, 1, h, w)
    planes = F.pad(planes, (reach,) * 4, mode="replicate")
    planes = F.conv2d(F.conv2d(planes, kernel[None, None, :, None]), kernel[None, None, None])
    shape = (len(images), images.shape[3], *images.shape[1:3])
    return planes[:, 0].reshape(shape).permute(0, 2, 3, 1)
