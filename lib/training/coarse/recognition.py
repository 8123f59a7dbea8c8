"""The perceptual term: how alike two pictures of a face are to a recognition network.

Without its weights, gradients of the picture stand in: a histogram of orientations in each of
7 x 7 cells. It knows edges and their places, and nothing of who somebody is, so it is weaker.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from lib.geometry.aligned_crop import standard_five
from lib.networks.arcface import SIDE_PX

# Eyes, nose tip and mouth corners in pictures of 112 px, the picture's left first; y down.
FIVE_PX = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
CELLS, ORIENTATIONS = 7, 8
GREY = (0.299, 0.587, 0.114)


class Describer(Protocol):
    """(n, 3, 112, 112) RGB -1..1 -> (n, k) of length 1."""

    def __call__(self, faces: torch.Tensor) -> torch.Tensor: ...


def recognition_matrix(five: np.ndarray) -> np.ndarray:
    """(2, 3) similarity from crop px (y down) to the recognition network's picture.

    Args:
        five: (5, 2) eye centres, nose tip, mouth corners; y down.

    Source: Umeyama 1991, IEEE PAMI 13.
    """
    middle, there = five.mean(0), FIVE_PX.mean(0)
    a, b = five - middle, FIVE_PX - there
    if not np.isfinite(five).all() or (a**2).sum() < 1e-9:
        return np.eye(2, 3)
    left, singular, right = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    turn = (left * sign) @ right * ((singular * sign).sum() / (a**2).sum())
    return np.column_stack([turn, there - turn @ middle])


def matrices_of(landmarks_up: torch.Tensor, side: int) -> torch.Tensor:
    """(n, 2, 3) of (n, 68, 2) crop px with y up; carries no gradient."""
    marks = landmarks_up.detach().cpu().double().numpy().copy()
    marks[..., 1] = side - 1 - marks[..., 1]
    found = np.stack([recognition_matrix(five) for five in standard_five(marks)])
    return torch.tensor(found, dtype=torch.float32, device=landmarks_up.device)


def warped(images: torch.Tensor, matrices: torch.Tensor, side: int = SIDE_PX) -> torch.Tensor:
    """(n, c, side, side) of images (n, c, h, w), by matrices (n, 2, 3) from image to result px."""
    bottom = torch.tensor([[[0.0, 0.0, 1.0]]], device=images.device).expand(len(images), 1, 3)
    back = torch.linalg.inv(torch.cat([matrices, bottom], 1))[:, :2]
    step = torch.arange(side, dtype=torch.float32, device=images.device)
    v, u = torch.meshgrid(step, step, indexing="ij")
    target = torch.stack([u, v, torch.ones_like(u)], -1)
    source = torch.einsum("hwk,nck->nhwc", target, back)
    size = images.new_tensor([images.shape[3], images.shape[2]])
    return F.grid_sample(images, (2 * source + 1) / size - 1, align_corners=False)


def perceptual_distance(
    describe: Describer,
    pictures: torch.Tensor,
    photos: torch.Tensor,
    matrices: torch.Tensor,
    photo_matrices: torch.Tensor,
) -> torch.Tensor:
    """Mean of 1 - cosine between pictures and photos (n, 3, h, w) in 0..1.

    Source: Deng et al. 2019, CVPRW, eq. 4.
    """
    first = describe(2 * warped(pictures, matrices) - 1)
    with torch.no_grad():
        second = describe(2 * warped(photos, photo_matrices) - 1)
    return (1 - (first * second).sum(1)).mean()


def gradient_histogram(faces: torch.Tensor) -> torch.Tensor:
    """(n, 392) of length 1: soft histograms of gradient orientation in cells of 16 px.

    Source: Dalal & Triggs 2005, CVPR, with soft bins so that it has derivatives.
    """
    weight = faces.new_tensor(GREY)[None, :, None, None]
    grey = (faces * weight).sum(1, keepdim=True)
    padded = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    size = (x * x + y * y + 1e-6).sqrt()
    bins = []
    for k in range(ORIENTATIONS):
        angle = 2 * math.pi * k / ORIENTATIONS
        along = (x * math.cos(angle) + y * math.sin(angle)) / size
        bins.append(size * along.clamp_min(0) ** 4)
    cell = faces.shape[-1] // CELLS
    cells = F.avg_pool2d(torch.cat(bins, 1), cell)
    cells = cells / (cells.norm(dim=1, keepdim=True) + 0.02)
    return F.normalize(cells.flatten(1))
