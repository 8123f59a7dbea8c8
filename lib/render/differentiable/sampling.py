"""Texture sampling on the CPU: compiled loops over bands of pixels, and over strips of texels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch

from lib.render import threads
from lib.render.differentiable import checks
from lib.render.differentiable.mipmap import collapse_gradient, count_texels, pyramid_table
from lib.render.kernels import mipmaps as level_kernels
from lib.render.kernels import textures as kernels

BOUNDARIES = {"wrap": kernels.WRAP, "clamp": kernels.CLAMP, "zero": kernels.ZERO}
STRIP_ROWS = 8  # texture rows that one task adds to, in turn: faces fill a chart unevenly


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Args:
        filter: as of `texture`, but never "auto".
        boundary: as of `texture`.
        sizes: (h, w) of each level in use; one without mip maps.
    """

    filter: str
    boundary: str
    sizes: tuple[tuple[int, int], ...]

    @cached_property
    def table(self) -> np.ndarray:
        """(L + 1, 3) width, height and first texel of each level."""
        return pyramid_table(self.sizes)

    @property
    def rule(self) -> tuple[int, bool]:
        """The boundary's number, and whether two mip levels are blended."""
        return BOUNDARIES[self.boundary], self.filter == "linear-mipmap-linear"

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """First level and last + 1 of the image itself, and of its mip levels if there are any."""
        return ((0, 1), (1, len(self.sizes)))[: min(len(self.sizes), 2)]


def sample(
    image: torch.Tensor,
    uv: torch.Tensor,
    derivatives: torch.Tensor | None,
    bias: torch.Tensor | None,
    mips: torch.Tensor | None,
    sampling: Sampling,
) -> torch.Tensor:
    """See `lib.render.differentiable.texture`; arguments are checked, `mips` as in `MipStack`."""
    return _Sample.apply(image, uv, derivatives, bias, mips, sampling)[0]


class _Sample(torch.autograd.Function):
    """Sampling on the CPU: values, and the mip level of each pixel."""

    @staticmethod
    def forward(image, uv, derivatives, bias, mips, sampling):
        level = _pixel_levels(derivatives, bias, sampling, uv)
        result = checks.new_tensor((*uv.shape[:3], image.shape[3]), image)
        values, points, levels = result.numpy(), checks.to_array(uv), level.numpy()
        texels, coarse = _texel_rows(image, mips)
        tasks = []
        for b, rows in _parts(uv):
            source = 0 if len(image) == 1 else b
            target = values[b, rows].reshape(-1, values.shape[3])
            at = points[b, rows].reshape(-1, 2)
            if sampling.filter == "nearest":
                task = partial(
                    kernels.sample_nearest,
                    texels[source],
                    sampling.table,
                    at,
                    sampling.rule[0],
                    target,
                )
            else:
                task = partial(
                    _sample,
                    (texels[source], coarse[source]),
                    sampling,
                    at,
                    _flat(levels, b, rows),
                    target,
                )
            tasks.append(task)
        threads.run(tasks, torch.get_num_threads())
        return result, level

    @staticmethod
    def setup_context(ctx, inputs, output):
        image, uv, derivatives, _, mips, ctx.sampling = inputs
        level = output[1]
        ctx.save_for_backward(image, uv, derivatives, mips, level)
        ctx.mark_non_differentiable(level)
        ctx.set_materialize_grads(False)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, _):
        image, uv, derivatives, mips, level = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        results = [None] * 6
        if grad is None:
            return tuple(results)
        if wanted[0]:
            results[0] = _texel_gradient(grad, image, uv, level, ctx.sampling)
        if any(wanted[1:4]) and ctx.sampling.filter == "nearest":
            results[1] = torch.zeros_like(uv) if wanted[1] else None
        elif any(wanted[1:4]):
            uv_slope, level_slope = _pixel_gradients(grad, image, mips, uv, level, ctx.sampling)
            results[1] = uv_slope if wanted[1] else None
            if wanted[2]:
                results[2] = _derivative_gradient(derivatives, level_slope, ctx.sampling)
            results[3] = level_slope if wanted[3] else None
        return tuple(results)


def _sample(
    texels: tuple[np.ndarray, np.ndarray],
    sampling: Sampling,
    uv: np.ndarray,
    level: np.ndarray,
    result: np.ndarray,
) -> None:
    """Fill `result` (P, C) from the texels of the image and of its mip levels."""
    for rows, (low, high) in zip(texels, sampling.ranges):
        kernels.sample_linear(
            rows,
            sampling.table,
            low,
            high,
            uv,
            level,
            *sampling.rule,
            result,
        )


def _texel_rows(image: torch.Tensor, mips: torch.Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """(T, N, C) texels of the image, and (T, M, C) of its mip levels, M = 0 without."""
    rows = checks.to_array(image)
    rows = rows.reshape(len(rows), -1, rows.shape[3])
    return rows, rows[:, :0] if mips is None else checks.to_array(mips)


def _parts(uv: torch.Tensor) -> list[tuple[int, slice]]:
    """Image and band of rows of each task that writes to pixels."""
    bands = threads.row_bands(*uv.shape[1:3], len(uv), torch.get_num_threads())
    return [(b, band) for b in range(len(uv)) for band in bands]


def _flat(array: np.ndarray, b: int, rows: slice) -> np.ndarray:
    """Rows of image b of (B, h, w) as (P,); of (0, 0, 0), which stands for nothing, as (0,)."""
    return array[b, rows].reshape(-1) if array.size else array.reshape(-1)


def _pixel_levels(
    derivatives: torch.Tensor | None,
    bias: torch.Tensor | None,
    sampling: Sampling,
    uv: torch.Tensor,
) -> torch.Tensor:
    """(B, h, w) mip level of each pixel, not clamped; (0, 0, 0) without mip maps."""
    if derivatives is None and bias is None:
        return checks.new_tensor((0, 0, 0), uv)
    level = checks.new_tensor(tuple(uv.shape[:3]), uv)
    result, nothing = level.numpy(), np.empty(0, checks.array_type(uv))
    footprints = None if derivatives is None else checks.to_array(derivatives)
    added = nothing if bias is None else checks.to_array(bias)
    width, height = (float(side) for side in sampling.table[0, :2])
    tasks = [
        partial(
            level_kernels.footprint_levels,
            nothing.reshape(0, 4) if footprints is None else footprints[b, rows].reshape(-1, 4),
            _flat(added, b, rows),
            width,
            height,
            result[b, rows].reshape(-1),
        )
        for b, rows in _parts(uv)
    ]
    threads.run(tasks, torch.get_num_threads())
    return level


def _derivative_gradient(
    derivatives: torch.Tensor, level_slope: torch.Tensor, sampling: Sampling
) -> torch.Tensor:
    """(B, h, w, 4) gradient of the uv derivatives, from that of the levels."""
    result = checks.new_tensor(tuple(derivatives.shape), derivatives)
    footprints, slopes, values = checks.to_array(derivatives), level_slope.numpy(), result.numpy()
    width, height = (float(side) for side in sampling.table[0, :2])
    tasks = [
        partial(
            level_kernels.footprint_slopes,
            footprints[b, rows].reshape(-1, 4),
            slopes[b, rows].reshape(-1),
            width,
            height,
            values[b, rows].reshape(-1, 4),
        )
        for b, rows in _parts(derivatives)
    ]
    threads.run(tasks, torch.get_num_threads())
    return result


def _pixel_gradients(
    grad: torch.Tensor,
    image: torch.Tensor,
    mips: torch.Tensor | None,
    uv: torch.Tensor,
    level: torch.Tensor,
    sampling: Sampling,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, h, w, 2) gradient of uv and (B, h, w) of the levels, or (0, 0, 0) without mip maps."""
    uv_slope = checks.new_tensor(tuple(uv.shape), uv)
    level_slope = checks.new_tensor(tuple(level.shape), uv)
    texels, coarse = _texel_rows(image, mips)
    pixels, points, levels = map(checks.to_array, (grad, uv, level))
    by_point, by_level = uv_slope.numpy(), level_slope.numpy()
    tasks = []
    for b, rows in _parts(uv):
        source = 0 if len(image) == 1 else b
        task = partial(
            _slopes,
            (texels[source], coarse[source]),
            sampling,
            points[b, rows].reshape(-1, 2),
            _flat(levels, b, rows),
            pixels[b, rows].reshape(-1, pixels.shape[3]),
            by_point[b, rows].reshape(-1, 2),
            _flat(by_level, b, rows),
        )
        tasks.append(task)
    threads.run(tasks, torch.get_num_threads())
    return uv_slope, level_slope


def _slopes(
    texels: tuple[np.ndarray, np.ndarray],
    sampling: Sampling,
    uv: np.ndarray,
    level: np.ndarray,
    gradient: np.ndarray,
    uv_slope: np.ndarray,
    level_slope: np.ndarray,
) -> None:
    """Fill `uv_slope` (P, 2) and `level_slope` (P,)."""
    for rows, (low, high) in zip(texels, sampling.ranges):
        kernels.slopes_linear(
            rows,
            sampling.table,
            low,
            high,
            uv,
            level,
            *sampling.rule,
            gradient,
            uv_slope,
            level_slope,
        )


def _texel_gradient(
    grad: torch.Tensor,
    image: torch.Tensor,
    uv: torch.Tensor,
    level: torch.Tensor,
    sampling: Sampling,
) -> torch.Tensor:
    """Gradient of the image; each task adds to its own rows of texels, in the order of pixels."""
    kind = checks.array_type(image)
    result, n_images = np.zeros(tuple(image.shape), kind), len(image)
    base = result.reshape(n_images, -1, result.shape[3])
    mips = np.zeros((n_images, count_texels(sampling.table), result.shape[3]))  # long sums
    size = _size_to_share(uv, n_images)
    owner = _row_owners(sampling.table, len(threads.row_bands(*size, torch.get_num_threads())))
    pixels, points, levels = map(checks.to_array, (grad, uv, level))

    def spread(source: int, task: int) -> None:
        for b in range(len(points)) if n_images == 1 else (source,):
            shown, at = pixels[b].reshape(-1, pixels.shape[3]), points[b].reshape(-1, 2)
            if sampling.filter == "nearest":
                kernels.spread_nearest(
                    shown, at, sampling.rule[0], sampling.table, owner, task, base[source]
                )
                continue
            for rows, (low, high) in zip((base[source], mips[source]), sampling.ranges):
                kernels.spread_linear(
                    shown,
                    at,
                    _flat(levels, b, slice(None)),
                    *sampling.rule,
                    sampling.table,
                    low,
                    high,
                    owner,
                    task,
                    rows,
                )

    tasks = range(int(owner.max()) + 1)
    threads.run(
        [partial(spread, source, task) for source in range(n_images) for task in tasks],
        torch.get_num_threads(),
    )
    collapse_gradient(result, mips, sampling.table)
    return torch.from_numpy(result)


def _size_to_share(uv: torch.Tensor, n_images: int) -> tuple[int, int, int]:
    """Rows and columns of pixels that add to one texture, and the number of textures."""
    n, height, width = uv.shape[:3]
    return (height * n if n_images == 1 else height), width, n_images


def _row_owners(table: np.ndarray, n_tasks: int) -> np.ndarray:
    """(L + 1, th) int16 task of each row of texels: strips in turn, at all levels the same in v."""
    rows = np.arange(int(table[0, 1]))
    strips = [rows // max(STRIP_ROWS >> k, 1) for k in range(len(table))]
    return (np.stack(strips) % n_tasks).astype(np.int16)
