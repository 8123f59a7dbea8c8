"""Gaussian filters of masked texel grids, on the CPU by OpenCV and on other devices by PyTorch."""

from __future__ import annotations

import math

import cv2
import torch
import torch.nn.functional as F

REACH = 3.0  # standard deviations that the kernel covers to each side


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian average of each (..., rows, cols) image, zero outside.

    Args:
        images: (..., rows, cols) float32.
        sigma: standard deviation in texels; 0 returns the images themselves.
    """
    if sigma <= 0:
        return images
    radius = max(1, math.ceil(REACH * sigma))
    flat = images.reshape(-1, *images.shape[-2:])
    filtered = _by_opencv if images.device.type == "cpu" else _by_convolution
    return filtered(flat, sigma, radius).reshape(images.shape)


def _by_opencv(images: torch.Tensor, sigma: float, radius: int) -> torch.Tensor:
    """(n, rows, cols) in memory of the CPU."""
    result = torch.empty_like(images)
    size = (2 * radius + 1, 2 * radius + 1)
    for source, target in zip(images.numpy(), result.numpy(), strict=True):
        cv2.GaussianBlur(source, size, sigma, target, sigma, cv2.BORDER_CONSTANT)
    return result


def _by_convolution(images: torch.Tensor, sigma: float, radius: int) -> torch.Tensor:
    """(n, rows, cols) on any device."""
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32, device=images.device)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    result = F.conv2d(images[:, None], kernel.view(1, 1, 1, -1), padding=(0, radius))
    return F.conv2d(result, kernel.view(1, 1, -1, 1), padding=(radius, 0))[:, 0]


def masked_blur(images: torch.Tensor, weight: torch.Tensor, sigma: float) -> torch.Tensor:
    """Weighted Gaussian average; 0 where no weight is near.

    Args:
        images: (..., rows, cols).
        weight: of the same shape, not negative.
        sigma: standard deviation in texels.
    """
    return blur(images * weight, sigma) / blur(weight, sigma).clamp_min(1e-6)
