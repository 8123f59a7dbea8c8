"""A second, independent answer to which triangle each pixel shows, in plain torch operations.

It lists every (triangle, pixel) pair of all bounding boxes and asks each pair whether the pixel is
covered. The fill rule is not the one of the compiled loops but what it stands for: a pixel centre
counts as if it were moved right by an infinitely small step, and down by one far smaller still.
Triangles must lie wholly inside the view volume.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

DEPTH_BITS = 31
PAIRS_AT_ONCE = 4_000_000


def visible_triangles(
    clip: torch.Tensor, triangles: torch.Tensor, size: tuple[int, int], steps: int = 16
) -> torch.Tensor:
    """(h, w) int64 visible triangle, -1 = background; of equally near ones the highest.

    Args:
        clip: (V, 4) x, y, z, w of the vertices, all inside the view volume.
        triangles: (T, 3)
        size: (h, w)
        steps: of the grid that vertices are rounded to, per pixel; even.
    """
    height, width = size
    corners = grid_points(clip.double(), size, steps)[triangles]  # T x 3 x 2
    depth = (0.5 * clip[:, 2].double() / clip[:, 3].double() + 0.5)[triangles]
    nearest = torch.full((height * width,), 2**63 - 1)
    for triangle, pixel in _pairs(corners, size, steps):
        weights, inside = _weights(corners[triangle], pixel * steps)
        triangle, pixel, weights = triangle[inside], pixel[inside], weights[inside]
        z = (weights * depth[triangle]).sum(1) / weights.sum(1)
        order = (z * (2**DEPTH_BITS - 1)).long() << 32 | (2**31 - 1 - triangle)
        nearest.scatter_reduce_(0, pixel[:, 1] * width + pixel[:, 0], order, "amin")
    ids = 2**31 - 1 - (nearest & (2**31 - 1))
    return torch.where(nearest == 2**63 - 1, -1, ids).reshape(size)


def grid_points(clip: torch.Tensor, size: tuple[int, int], steps: int) -> torch.Tensor:
    """(V, 2) int64 places of vertices on the grid; pixel centre (x, y) is at steps * (x, y)."""
    scale = clip.new_tensor([size[1], size[0]])
    pixels = (clip[:, :2] / clip[:, 3:] + 1) * scale / 2 - 0.5
    return torch.round(pixels * steps).long()


def exact_weights(
    clip: torch.Tensor, triangles: torch.Tensor, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Perspective-correct weights of the visible triangle, differentiable by `clip`.

    The weights w of corners c solve sum(w c_x) = X sum(w c_w), likewise for y, and sum(w) = 1.

    Returns:
        (n, 3) weights and (n,) flat index of the pixels that show a triangle.
    """
    height, width = ids.shape
    pixel = (ids.reshape(-1) >= 0).nonzero()[:, 0]
    x = (2 * (pixel % width) + 1).to(clip) / width - 1
    y = (2 * (pixel // width) + 1).to(clip) / height - 1
    corner = clip[triangles[ids.reshape(-1)[pixel]]]  # n x 3 x 4
    seen = torch.stack(
        [
            corner[..., 0] - x[:, None] * corner[..., 3],
            corner[..., 1] - y[:, None] * corner[..., 3],
        ],
        dim=-1,
    )
    first, second, third = seen.unbind(1)
    parts = torch.stack([_cross(second, third), _cross(third, first), _cross(first, second)], 1)
    return parts / parts.sum(1, keepdim=True), pixel


def _pairs(
    corners: torch.Tensor, size: tuple[int, int], steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Triangles (n,) and pixels (n, 2) of their bounding boxes, in parts that fit into memory."""
    limit = torch.tensor([size[1] - 1, size[0] - 1])
    low = (-(-corners.amin(1) // steps)).clamp(min=0)
    high = torch.minimum(corners.amax(1) // steps, limit)
    extent = (high - low + 1).clamp(min=0)
    count = extent.prod(1)
    edges = torch.cumsum(count, 0)
    for part in range(int(edges[-1]) // PAIRS_AT_ONCE + 1):
        whole = (edges // PAIRS_AT_ONCE == part).nonzero()[:, 0]
        repeats = count[whole]
        triangle = whole.repeat_interleave(repeats)
        first = torch.cumsum(repeats, 0) - repeats
        rank = torch.arange(len(triangle)) - first.repeat_interleave(repeats)
        columns = extent[triangle, 0]
        yield triangle, low[triangle] + torch.stack([rank % columns, rank // columns], 1)


def _weights(corners: torch.Tensor, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 3) int64 edge functions, positive inside, and (n,) whether the point counts as inside."""
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sign = torch.sign(area)
    values, inside = [], area != 0
    for start in (1, 2, 0):
        origin = corners[:, start]
        edge = (corners[:, (start + 1) % 3] - origin) * sign[:, None]
        value = _cross(edge, point - origin)
        right, down = -edge[:, 1], edge[:, 0]  # what a step to the right, or down, adds
        on_edge_but_in = (value == 0) & ((right > 0) | ((right == 0) & (down > 0)))
        inside = inside & ((value > 0) | on_edge_but_in)
        values.append(value)
    return torch.stack(values, 1), inside


def _cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
