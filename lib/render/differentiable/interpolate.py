"""Interpolate vertex attributes over a raster; gradients flow to attributes and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        _fill(kernels.interpolate, (packed,), attributes, (triangles,), result)
        return result

    @staticmethod
    def backward(ctx, grad):
        attributes, packed = ctx.saved_tensors
        to_attributes, to_packed, _ = ctx.needs_input_grad
        parts = _Parts(attributes, packed, to_attributes)
        grad_packed = _new_gradient(packed, to_packed)
        _give_back(
            kernels.interpolate_backward,
            (packed,),
            attributes,
            (ctx.triangles,),
            grad,
            grad_packed,
            parts,
        )
        return parts.total(), grad_packed if to_packed else None, None


class _Differentiate(torch.autograd.Function):
    """Screen-space derivatives on the CPU."""

    @staticmethod
    def forward(ctx, attributes, derivatives, packed, triangles, which):
        ctx.save_for_backward(attributes, derivatives, packed)
        ctx.constants = (triangles, which)
        result = checks.new_tensor((*packed.shape[:3], 2 * len(which)), attributes)
        pixels = (packed, derivatives)
        _fill(kernels.differentiate, pixels, attributes, ctx.constants, result)
        return result

    @staticmethod
    def backward(ctx, grad):
        attributes, derivatives, packed = ctx.saved_tensors
        to_attributes, to_derivatives = ctx.needs_input_grad[:2]
        parts = _Parts(attributes, packed, to_attributes)
        grad_derivatives = _new_gradient(derivatives, to_derivatives)
        _give_back(
            kernels.differentiate_backward,
            (packed, derivatives),
            attributes,
            ctx.constants,
            grad,
            grad_derivatives,
            parts,
        )
        return parts.total(), grad_derivatives if to_derivatives else None, None, None, None


def _new_gradient(pixels: torch.Tensor, wanted: bool) -> torch.Tensor:
    """Memory for the gradient of (B, h, w, 4) pixels; (B, 0, 0, 0) when none is wanted."""
    return checks.new_tensor(tuple(pixels.shape) if wanted else (len(pixels), 0, 0, 0), pixels)


def _fill(
    kernel: Callable[..., None],
    pixels: tuple[torch.Tensor, ...],
    attributes: torch.Tensor,
    constants: tuple[np.ndarray, ...],
    result: torch.Tensor,
) -> None:
    """Run kernel(*pixels, attributes, *constants, result) on bands of rows of every image."""
    seen, values = [checks.to_array(part) for part in pixels], checks.to_array(attributes)
    out, count = result.numpy(), torch.get_num_threads()
    tasks = [
        partial(
            kernel,
            *(part[b, rows] for part in seen),
            values[b % len(values)],
            *constants,
            out[b, rows],
        )
        for b in range(len(out))
        for rows in threads.row_bands(*out.shape[1:3], len(out), count)
    ]
    threads.run(tasks, count)


def _give_back(
    kernel: Callable[..., None],
    pixels: tuple[torch.Tensor, ...],
    attributes: torch.Tensor,
    constants: tuple[np.ndarray, ...],
    grad: torch.Tensor,
    grad_pixels: torch.Tensor,
    parts: _Parts,
) -> None:
    """Run kernel(*pixels, attributes, *constants, grad, grad_pixels, part) on chunks of rows."""
    seen, values = [checks.to_array(part) for part in pixels], checks.to_array(attributes)
    back, out = checks.to_array(grad), grad_pixels.numpy()
    tasks = [
        partial(
            kernel,
            *(part[b, rows] for part in seen),
            values[b % len(values)],
            *constants,
            back[b, rows],
            out[b, rows],
            parts.of(b, chunk),
        )
        for b in range(len(back))
        for chunk, rows in enumerate(parts.chunks)
    ]
    threads.run(tasks, torch.get_num_threads())


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
