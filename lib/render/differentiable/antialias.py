"""Smooth outlines: blends of neighbouring pixels that move with the mesh, and so tell where to."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from lib.errors import ShapeError
from lib.render.differentiable import checks, nvdiffrast
from lib.render.differentiable.outlines import Pairs, find_pairs, run
from lib.render.differentiable.raster import Raster
from lib.render.differentiable.topology import EdgeTable, edge_table
from lib.render.kernels import outline_blend
from lib.render.kernels.silhouettes import TOLERANCE_PX

# How far outside its pair a crossing counts: the rasteriser's rounding of vertices leaves coverage
# and outline apart. nvdiffrast's rule saturates there, which loses 2-6 % of the gradient.
SLACK_PX = {"edges": TOLERANCE_PX, "pairs": 0.0}


def antialias(
    colour: torch.Tensor,
    raster: Raster,
    clip: torch.Tensor,
    triangles: torch.Tensor,
    edges: EdgeTable | None = None,
    silhouette: Literal["pairs", "edges"] = "edges",
    gradient_boost: float = 1.0,
) -> torch.Tensor:
    """Colours in which pixels on an outline hold as much of either side as the outline leaves.

    Where an outline (an open edge, or one with both triangles on one side of it in the image)
    crosses between two pixel centres, the pixel it has eaten into takes colour from the other, up
    to a half. Steep edges act on pixels side by side, flat ones on pixels one below the other. The
    blend moves with the edge, and so carries a gradient to x, y and w of its two vertices.

    Args:
        colour: (B, h, w, C) of the visible surface; gradient to both pixels of a pair.
        raster: of the same image; only ids and depth are used.
        clip: (B, V, 4) positions that were rasterised; no gradient to z, nor to the depth.
        triangles: (T, 3) vertex indices.
        edges: `edge_table(triangles)`; None = made here, at each call.
        silhouette: how pairs are found. `pairs`: each two neighbours with different triangles,
            and the outlines of the nearer triangle, as nvdiffrast does; on meshes with triangles
            below a pixel most outlines belong to triangles that no pixel shows, and are missed.
            `edges`: walk along every outline, whether a pixel shows its triangle or not.
        gradient_boost: factor on the gradient to positions.

    Returns:
        (B, h, w, C); equal bytes for any number of threads.

    Raises:
        ShapeError: an argument's shape does not match the others.
        TypeError: `colour`, `clip` and the raster differ in type or device, or are no floats.
        IndexError: `triangles` names a vertex that `clip` does not have.
        ValueError: `silhouette` is none of the two.

    Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering,
        section 3.5; the walk along edges is ours.
    """
    if silhouette not in SLACK_PX:
        raise ValueError(f"silhouette is {silhouette!r}, expected one of {tuple(SLACK_PX)}.")
    _check(colour, raster, clip)
    if colour.is_cuda and silhouette == "pairs":
        return nvdiffrast.antialias(colour, raster, clip, triangles, gradient_boost)
    edges = edge_table(triangles) if edges is None else edges
    _check_table(edges, triangles, clip)
    clip, boost = raster.viewport.zoom(clip), float(gradient_boost)
    slack = SLACK_PX[silhouette]
    pairs = find_pairs(
        checks.to_array(clip.cpu()), checks.to_array(raster.packed.cpu()), edges, silhouette
    )
    if colour.is_cuda:
        return _blend_by_tensors(colour, clip, pairs, edges, slack, boost)
    return _Blend.apply(colour, clip, pairs, edges, slack, boost)


def _check(colour: torch.Tensor, raster: Raster, clip: torch.Tensor) -> None:
    checks.check_float("colour", colour)
    checks.check_shape("colour", colour, ("B", "h", "w", "C"))
    checks.check_shape("raster.packed", raster.packed, (*colour.shape[:3], 4))
    checks.check_shape("clip", clip, (len(colour), "V", 4))
    checks.check_same("raster.packed", raster.packed, "colour", colour)
    checks.check_same("clip", clip, "colour", colour)


def _check_table(edges: EdgeTable, triangles: torch.Tensor, clip: torch.Tensor) -> None:
    if tuple(triangles.shape) != edges.triangles.shape:
        expected = f"{edges.triangles.shape}, that of the edge table"
        raise ShapeError("triangles", tuple(triangles.shape), expected)
    if edges.n_vertices > clip.shape[1]:
        raise IndexError(
            f"triangles has the index {edges.n_vertices - 1}, expected indices into "
            f"{clip.shape[1]} vertices."
        )


class _Blend(torch.autograd.Function):
    """Blending over known pairs on the CPU."""

    @staticmethod
    def forward(ctx, colour, clip, pairs, edges, slack, boost):
        before = colour.contiguous()
        after = checks.new_tensor(before.shape, before).copy_(before)
        source, result = _by_pixel(before), _by_pixel(after)
        run(
            partial(outline_blend.blend, source[b], found.pixels, found.crossing, slack, result[b])
            for b, found in enumerate(pairs)
        )
        ctx.save_for_backward(before, clip.contiguous())
        ctx.outlines, ctx.boost = (pairs, edges, slack), boost
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        before, clip = ctx.saved_tensors
        pairs, edges, slack = ctx.outlines
        gradient = gradient.contiguous()
        to_colour = to_clip = None
        if ctx.needs_input_grad[0]:
            to_colour = _colour_gradient(gradient, pairs, slack)
        if ctx.needs_input_grad[1]:
            to_clip = _position_gradient(before, gradient, clip, pairs, edges, slack, ctx.boost)
        return to_colour, to_clip, None, None, None, None


def _colour_gradient(gradient: torch.Tensor, pairs: list[Pairs], slack: float) -> torch.Tensor:
    """Gradient of the colours before blending; `gradient` (B, h, w, C) is that of those after."""
    result = checks.new_tensor(gradient.shape, gradient).copy_(gradient)
    after, before = _by_pixel(gradient), _by_pixel(result)
    run(
        partial(
            outline_blend.blend_colour_gradient,
            after[b],
            found.pixels,
            found.crossing,
            slack,
            before[b],
        )
        for b, found in enumerate(pairs)
    )
    return result


def _position_gradient(
    colour: torch.Tensor,
    gradient: torch.Tensor,
    clip: torch.Tensor,
    pairs: list[Pairs],
    edges: EdgeTable,
    slack: float,
    boost: float,
) -> torch.Tensor:
    """(B, V, 4) gradient of the positions; the list of pairs is short, so each image is serial."""
    result = torch.zeros_like(clip)
    before, after = _by_pixel(colour), _by_pixel(gradient)
    positions, to_positions = clip.numpy(), result.numpy()
    size = tuple(colour.shape[1:3])
    run(
        partial(
            outline_blend.blend_position_gradient, before[b], after[b], positions[b], edges.ends,
            *found, slack, size, boost, to_positions[b],
        )
        for b, found in enumerate(pairs)
    )  # fmt: skip
    return result


def _blend_by_tensors(
    colour: torch.Tensor,
    clip: torch.Tensor,
    pairs: list[Pairs],
    edges: EdgeTable,
    slack: float,
    boost: float,
) -> torch.Tensor:
    """What `_Blend` gives, in tensor operations: pairs found on the CPU, colours anywhere."""
    height, width, channels = colour.shape[1:]
    image = np.repeat(np.arange(len(pairs)), [len(found.edge) for found in pairs])
    pixels = np.concatenate([np.empty((0, 2), np.int32), *(found.pixels for found in pairs)])
    chosen = np.concatenate([np.empty(0, np.int32), *(found.edge for found in pairs)])
    indices = np.column_stack([image, pixels, edges.ends[chosen]]).astype(np.int64)
    image, near, far, start, end = torch.from_numpy(indices.T).to(colour.device)
    corners = clip[..., [0, 1, 3]].double()
    line = torch.linalg.cross(corners[image, start], corners[image, end])
    share = _crossing(line, near, far, height, width)
    share = share.detach() + boost * (share - share.detach())
    weight = (share.clamp(-slack, 1 + slack) - 0.5)[:, None].to(colour)
    every, first = colour.reshape(-1, channels), image * (height * width)
    change = weight * (every[first + near] - every[first + far])
    into = first + torch.where(share < 0.5, near, far)
    return every.index_add(0, into, change).reshape(colour.shape)


def _crossing(
    line: torch.Tensor, near: torch.Tensor, far: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    """(N,) where lines (N, 3) pass between pixels, 0 = near centre, 1 = far centre."""
    upright = ((far - near).abs() != 1) | (width == 1)  # one pixel below the other
    x, y = near % width, near // width
    pitch, lines = torch.where(upright, height, width), torch.where(upright, width, height)
    position = (2 * torch.where(upright, x, y) + 1) / lines.double() - 1
    across = torch.where(upright, line[:, 1], line[:, 0])
    along = torch.where(upright, line[:, 0], line[:, 1])
    at = 0.5 * pitch * (1 - (along * position + line[:, 2]) / across) - 0.5
    return (at - torch.where(upright, y, x)) * (far - near).sign()


def _by_pixel(image: torch.Tensor) -> np.ndarray:
    """(B, h, w, C) contiguous as (B, h * w, C), the same memory."""
    batch, height, width, channels = image.shape
    return image.detach().numpy().reshape(batch, height * width, channels)
