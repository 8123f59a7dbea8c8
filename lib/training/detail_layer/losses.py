"""The terms that the networks of the detail layer are trained with, one function each.

Vertices are taken by `index_select`, whose gradients add up in one order on any number of threads.

Colours count 0..255, image places in px of the crop of 300, lengths on the mesh in mm.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP,
with the weights and limits of their program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from lib.facemodel.points86 import N_POINTS

# Points of the 86 that count more than once.
HEAVY = {
    2.0: (1, 4, 8, 12, 15),
    5.0: (35, 38, 43, 46, 59, 60, 63, 66, 70),
    15.0: (41, 42, 49, 50),
    10.0: (68, 71, 79, 82),
}
N_OUTLINE = 17
PUBLISHED_OUTLINE = 18  # the last of these is a point of the brow
HEAVY_OUTLINE, OUTLINE_WEIGHT = (1, 4, 8, 12, 15), 5.0
FARTHEST = 7 * 300 / 224  # what an outline point costs at most
LARGEST = 10.0  # of the squared sizes of relief
ROUGHNESS, NORMAL_ROUGHNESS, BEND = 0.2, 1e-3, 1e-4  # squared, below which nothing is smoothed


def landmark3d_loss(points: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Weighted mean of squared differences of the 86 points (n, 86, 2) px, over both axes."""
    weight = points.new_ones(N_POINTS)
    for value, chosen in HEAVY.items():
        weight[list(chosen)] = value
    return (weight[:, None] * (wanted - points) ** 2).mean()


@dataclass(frozen=True)
class Outline:
    """What of a face the points of the outline may be drawn to.

    Args:
        points: (n, p, 2) px, points 0.. of the 86 on the mesh.
        facing: (n, p) z of the normals there, camera's frame; they face it above 0.
        contour: (n, k, 2) px, vertices of the seen outline; k is the longest of all faces.
        known: (n, k) bool, which of those are there.
    """

    points: torch.Tensor
    facing: torch.Tensor
    contour: torch.Tensor
    known: torch.Tensor


def landmark2d_loss(
    outline: Outline, wanted: torch.Tensor, contour: Literal["fixed", "published"]
) -> torch.Tensor:
    """How far the outline's points (n, 68, 2) px lie from the face's.

    A point whose place on the mesh faces the camera belongs there: mean squared difference of x
    and y. One that turned away belongs to the nearest vertex of the seen outline: weighted squared
    difference, at most `FARTHEST`.

    Args:
        outline: of the faces; 17 points, of `published` 18.
        wanted: the iBUG points on the visible outline.
        contour: `published` = no vertex ever is of the outline, since a count is asked to lie
            between 0 and 1: turned points cost `FARTHEST` and pull nothing.
    """
    count = PUBLISHED_OUTLINE if contour == "published" else N_OUTLINE
    marks, there = wanted[:, :count], outline.points[:, :count]
    direct = ((there - marks) ** 2).mean(-1)
    turned = torch.full_like(direct, FARTHEST)
    if contour == "fixed" and outline.contour.shape[1]:
        turned = _to_contour(outline, marks)
    return torch.where(outline.facing[:, :count] > 0, direct, turned).mean()


def _to_contour(outline: Outline, marks: torch.Tensor) -> torch.Tensor:
    """(n, p) weighted squared distance to the nearest vertex of the outline, limited."""
    away = ((outline.contour[:, None] - marks[:, :, None]) ** 2).mean(-1)  # (n, p, k)
    away = torch.where(outline.known[:, None], away, torch.inf).amin(-1)
    weight = away.new_ones(marks.shape[1])
    weight[list(HEAVY_OUTLINE)] = OUTLINE_WEIGHT
    return (weight * away).clamp(max=FARTHEST)


def photo_loss(picture: torch.Tensor, photo: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over faces of the mean colour distance of (n, h, w, 3) over a mask (n, h, w)."""
    squared = ((picture - photo) ** 2 * mask[..., None]).sum(-1)
    distance = (squared + 1e-8).sqrt()
    return (distance.sum((1, 2)) / (mask.sum((1, 2)) + 1e-8)).mean()


def size_loss(code: torch.Tensor) -> torch.Tensor:
    """Mean of squares of coefficients."""
    return (code**2).mean()


def masked_square(difference: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean square over a mask, each at most `LARGEST`; larger ones pull nothing.

    Args:
        difference: (n, h, w, c).
        mask: (n, h, w) or (1, h, w).
    """
    squared = (difference**2).clamp(0, LARGEST).mean(-1)
    mask = mask.expand(squared.shape)
    return (squared * mask).sum() / mask.sum().clamp_min(1e-8)


@dataclass(frozen=True)
class Neighbours:
    """Who is beside whom on the dense mesh.

    Args:
        first, second: (e,) vertices of every edge, each edge once.
        one, two: (b,) triangles on both sides of every inner edge.
        count: (n_vertices,) neighbours of each.
    """

    first: torch.Tensor
    second: torch.Tensor
    one: torch.Tensor
    two: torch.Tensor
    count: torch.Tensor

    def to(self, device: torch.device) -> Neighbours:
        """The same on a device."""
        parts = (self.first, self.second, self.one, self.two, self.count)
        return Neighbours(*(part.to(device) for part in parts))


def neighbours(triangles: np.ndarray, n_vertices: int) -> Neighbours:
    """The edges of a mesh of triangles (t, 3), and the pairs of triangles that share one."""
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    owner = np.repeat(np.arange(len(triangles)), 3)
    order = np.lexsort((owner, edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    again = (edges[1:] == edges[:-1]).all(1)
    single = np.concatenate([[True], ~again]) if len(edges) else np.zeros(0, bool)
    first, second = edges[single].T if len(edges) else np.zeros((2, 0), np.int64)
    count = np.bincount(np.concatenate([first, second]), minlength=n_vertices)
    parts = (first, second, owner[:-1][again], owner[1:][again])
    tensors = (torch.tensor(np.ascontiguousarray(part)) for part in parts)
    return Neighbours(*tensors, torch.tensor(count, dtype=torch.float32))


def neighbour_mean(values: torch.Tensor, beside: Neighbours) -> torch.Tensor:
    """(n, v, c) mean of each vertex's neighbours; of one without any, its own value."""
    total = torch.zeros_like(values)
    total = total.index_add(1, beside.first, values.index_select(1, beside.second))
    total = total.index_add(1, beside.second, values.index_select(1, beside.first))
    mean = total / beside.count.clamp_min(1)[:, None]
    return torch.where((beside.count > 0)[:, None], mean, values)


def smooth_loss(points: torch.Tensor, beside: Neighbours) -> torch.Tensor:
    """How far vertices (n, v, 3) mm lie from their neighbours' mean; small is not made smaller."""
    return ((neighbour_mean(points, beside) - points) ** 2).clamp_min(ROUGHNESS).mean()


def smooth_normal_loss(
    normals: torch.Tensor, triangle_normals: torch.Tensor, beside: Neighbours
) -> torch.Tensor:
    """How uneven normals are, of vertices and from triangle to triangle.

    Args:
        normals: (n, v, 3) unit.
        triangle_normals: (n, t, 3) mm2, as long as twice the area, as published.
        beside: of the mesh.
    """
    uneven = ((neighbour_mean(normals, beside) - normals) ** 2).clamp_min(NORMAL_ROUGHNESS)
    one, two = (triangle_normals.index_select(1, k) for k in (beside.one, beside.two))
    bend = (one - two) ** 2
    return uneven.mean() + bend.clamp_min(BEND).mean()


def smooth_uv_loss(relief: torch.Tensor) -> torch.Tensor:
    """Mean squared differences of (n, h, w) mm to the right, below and along both diagonals."""
    pairs = (
        (relief[:, :, 1:], relief[:, :, :-1]),
        (relief[:, 1:], relief[:, :-1]),
        (relief[:, 1:, 1:], relief[:, :-1, :-1]),
        (relief[:, 1:, :-1], relief[:, :-1, 1:]),
    )
    return sum(((a - b) ** 2).mean() for a, b in pairs)
