"""Interpolate vertex attributes over a raster; gradients flow to attributes and weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from lib.errors import ShapeError
from lib.render import threads
from lib.render.differentiable import checks, nvdiffrast
from lib.render.differentiable.raster import Raster
from lib.render.kernels import attributes as kernels


def interpolate(
    attributes: torch.Tensor,
    raster: Raster,
    triangles: torch.Tensor,
    differentiate: Sequence[int] | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Vertex attributes at every pixel, and how they change from pixel to pixel.

    Args:
        attributes: (B, V, C) per vertex; (1, V, C) or (V, C) serves all images.
        raster: of `rasterise`.
        triangles: (T, 3) indices into `attributes`; may differ from those rasterised, as texture
            coordinates do, as long as triangle i is the same triangle.
        differentiate: which of the C attributes to differentiate; needs `raster.derivatives`.

    Returns:
        (B, h, w, C) attributes, 0 on the background; and (B, h, w, 2 K) their derivatives, d/dX and
        d/dY per pixel of each in turn, or None.

    Raises:
        ShapeError: `attributes` or `triangles` has the wrong shape.
        IndexError: a triangle or `differentiate` names what does not exist.
        TypeError: `attributes` and the raster differ in type or device.
        ValueError: derivatives are asked for and the raster has none.

    Source: Laine et al. 2020, section 3.3.
    """
    checks.check_same("attributes", attributes, "raster", raster.packed)
    shared = attributes.ndim == 2
    attributes = attributes[None] if shared else attributes
    checks.check_shape("attributes", attributes, ("B", "V", "C"))
    if len(attributes) not in (1, len(raster.packed)):
        raise ShapeError("attributes", tuple(attributes.shape), f"({len(raster.packed)}|1, V, C)")
    checks.check_triangles(triangles, attributes.shape[1])
    which = _checked_choice(differentiate, attributes.shape[2], raster)
    if attributes.is_cuda:
        return nvdiffrast.interpolate(attributes, raster, triangles, which)
    indices = checks.index_array(triangles)
    values = _Interpolate.apply(attributes, raster.packed, indices)
    if which is None:
        return values, None
    order = np.array(which, np.int64)
    return values, _Differentiate.apply(
        attributes, raster.derivatives, raster.packed.detach(), indices, order
    )


def _checked_choice(
    differentiate: Sequence[int] | None, channels: int, raster: Raster
) -> list[int] | None:
    if differentiate is None:
        return None
    if raster.derivatives is None:
        raise ValueError(
            "the raster has no derivatives, expected them for `differentiate`: call "
            "rasterise(..., derivatives=True)."
        )
    which = [int(k) for k in differentiate]
    if any(not 0 <= k < channels for k in which):
        raise IndexError(f"differentiate is {which}, expected indices into {channels} attributes.")
    return which


class _Interpolate(torch.autograd.Function):
    """Interpolation on the CPU."""

    @staticmethod
    def forward(ctx, attributes, packed, triangles):
        ctx.save_for_backward(attributes, packed)
        ctx.triangles = triangles
        result = checks.new_tensor((*packed.shape[:3], attributes.shape[2]), attributes)
        values, stored = checks.to_array(attributes), checks.to_array(packed)
        out, count = result.numpy(), torch.get_num_threads()
        tasks = [
            partial(
                kernels.interpolate,
                stored[b, rows],
                values[b % len(values)],
                triangles,
                out[b, rows],
            )
            for b in range(len(stored))
            for rows in threads.row_bands(*stored.shape[1:3], len(stored), count)
        ]
        threads.run(tasks, count)
        return result

    @staticmethod
    def backward(ctx, grad):
        attributes, packed = ctx.saved_tensors
        to_attributes, to_packed, _ = ctx.needs_input_grad
        parts = _Parts(attributes, packed, to_attributes)
        shape = packed.shape if to_packed else (len(packed), 0, 0, 0)
        grad_packed = checks.new_tensor(shape, packed)
        values, stored, back = map(checks.to_array, (attributes, packed, grad))
        out = grad_packed.numpy()
        tasks = [
            partial(
                kernels.interpolate_backward,
                stored[b, rows],
                values[b % len(values)],
                ctx.triangles,
                back[b, rows],
                out[b, rows],
                parts.of(b, chunk),
            )
            for b in range(len(stored))
            for chunk, rows in enumerate(parts.chunks)
        ]
        threads.run(tasks, torch.get_num_threads())
        return parts.total(), grad_packed if to_packed else None, None


class _Differentiate(torch.autograd.Function):
    """Screen-space derivatives on the CPU."""

    @staticmethod
    def forward(ctx, attributes, derivatives, packed, triangles, which):
        ctx.save_for_backward(attributes, derivatives, packed)
        ctx.triangles, ctx.which = triangles, which
        result = checks.new_tensor((*packed.shape[:3], 2 * len(which)), attributes)
        values, by_pixel, stored = map(checks.to_array, (attributes, derivatives, packed))
        out, count = result.numpy(), torch.get_num_threads()
        tasks = [
            partial(
                kernels.differentiate,
                stored[b, rows],
                by_pixel[b, rows],
                values[b % len(values)],
                triangles,
                which,
                out[b, rows],
            )
            for b in range(len(stored))
            for rows in threads.row_bands(*stored.shape[1:3], len(stored), count)
        ]
        threads.run(tasks, count)
        return result

    @staticmethod
    def backward(ctx, grad):
        attributes, derivatives, packed = ctx.saved_tensors
        to_attributes, to_derivatives = ctx.needs_input_grad[:2]
        parts = _Parts(attributes, packed, to_attributes)
        shape = derivatives.shape if to_derivatives else (len(packed), 0, 0, 0)
        grad_derivatives = checks.new_tensor(shape, derivatives)
        values, by_pixel, stored, back = map(
            checks.to_array, (attributes, derivatives, packed, grad)
        )
        out = grad_derivatives.numpy()
        tasks = [
            partial(
                kernels.differentiate_backward,
                stored[b, rows],
                by_pixel[b, rows],
                values[b % len(values)],
                ctx.triangles,
                ctx.which,
                back[b, rows],
                out[b, rows],
                parts.of(b, chunk),
            )
            for b in range(len(stored))
            for chunk, rows in enumerate(parts.chunks)
        ]
        threads.run(tasks, torch.get_num_threads())
        return parts.total(), grad_derivatives if to_derivatives else None, None, None, None


class _Parts:
    """Sums over vertices of each image's chunks of rows, added in one order whoever made them."""

    def __init__(self, attributes: torch.Tensor, packed: torch.Tensor, wanted: bool):
        self.shared = len(attributes) == 1
        self.wanted = wanted
        self.chunks = threads.row_chunks(*packed.shape[1:3], attributes.shape[1])
        per_image = (len(packed), len(self.chunks), *attributes.shape[1:])
        self.sums = np.zeros(per_image if wanted else (1, 1, 0, 0), checks.array_type(attributes))

    def of(self, image: int, chunk: int) -> np.ndarray:
        """(V, C) sums of one chunk; (0, 0) when none are wanted."""
        return self.sums[image, chunk] if self.wanted else self.sums[0, 0]

    def total(self) -> torch.Tensor | None:
        """(B, V, C), or (1, V, C) for attributes that serve all images."""
        if not self.wanted:
            return None
        total = self.sums.sum(axis=1) if self.sums.shape[1] > 1 else self.sums[:, 0]
        return torch.from_numpy(total.sum(axis=0, keepdims=True) if self.shared else total)
