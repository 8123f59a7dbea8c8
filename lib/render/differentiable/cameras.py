"""From cameras and charts to clip space, where row 0 of an image is y = -1, and back."""

from __future__ import annotations

import torch

from lib.render.differentiable import checks
from lib.render.differentiable.raster import Raster

NEAR_MM, FAR_MM = 10.0, 100_000.0


def camera_clip(
    vertices: torch.Tensor,
    world_to_camera: torch.Tensor,
    focal_px: torch.Tensor,
    centre_px: torch.Tensor,
    size: tuple[int, int],
    near_mm: float = NEAR_MM,
    far_mm: float = FAR_MM,
) -> torch.Tensor:
    """Clip positions of points seen by pinhole cameras in the OpenCV convention.

    Args:
        vertices: (B|1, V, 3) mm, model frame.
        world_to_camera: (B, 3, 4) rigid transform [R|t], t in mm.
        focal_px: (B,) focal length, square pixels.
        centre_px: (B, 2) principal point (x, y); integers are pixel centres.
        size: (h, w) of the image.
        near_mm: depth where drawing begins.
        far_mm: depth where it ends.

    Returns:
        (B, V, 4) with w = depth in mm.

    Raises:
        ShapeError: an argument has the wrong shape.
        ValueError: not 0 < near < far.
    """
    checks.check_shape("vertices", vertices, ("B", "V", 3))
    batch = len(world_to_camera)
    checks.check_shape("world_to_camera", world_to_camera, ("B", 3, 4))
    checks.check_shape("focal_px", focal_px, (batch,))
    checks.check_shape("centre_px", centre_px, (batch, 2))
    if not 0 < near_mm < far_mm:
        raise ValueError(f"near is {near_mm} mm and far {far_mm} mm, expected 0 < near < far.")
    rotation, shift = world_to_camera[..., :3], world_to_camera[..., None, :, 3]
    inside = vertices @ rotation.transpose(-1, -2) + shift  # (B, V, 3)
    pixels = inside.new_tensor([size[1], size[0]])
    slope = 2 * focal_px[:, None, None] / pixels
    middle = (2 * centre_px[:, None] + 1) / pixels - 1
    depth = inside[..., 2:]
    xy = slope * inside[..., :2] + middle * depth
    z = ((far_mm + near_mm) * depth - 2 * far_mm * near_mm) / (far_mm - near_mm)
    return torch.cat([xy, z, depth], dim=-1)


def chart_clip(uv: torch.Tensor) -> torch.Tensor:
    """Clip positions of texture coordinates, to draw a mesh into its own chart.

    Args:
        uv: (..., 2) origin bottom-left.

    Returns:
        (..., 4): row 0 of the image drawn is v = 1, and texel (row, column) of n x m lies at
        u = (column + 0.5) / m, v = 1 - (row + 0.5) / n.
    """
    u, v = uv.unbind(-1)
    return torch.stack([2 * u - 1, 1 - 2 * v, torch.zeros_like(u), torch.ones_like(u)], dim=-1)


def texture_coordinates(uv: torch.Tensor) -> torch.Tensor:
    """(..., 2) coordinates for `texture` of an image whose row 0 is v = 1, as all files have it."""
    return torch.stack([uv[..., 0], 1 - uv[..., 1]], dim=-1)


def raster_depth(raster: Raster, near_mm: float = NEAR_MM, far_mm: float = FAR_MM) -> torch.Tensor:
    """(B, h, w) camera depth in mm of a raster of `camera_clip`, inf on the background.

    Carries no gradient; interpolate clip[..., 3:] for a depth that does.
    """
    z = raster.depth.detach()
    depth = 2 * far_mm * near_mm / (far_mm + near_mm - z * (far_mm - near_mm))
    return torch.where(raster.mask, depth, torch.inf)
