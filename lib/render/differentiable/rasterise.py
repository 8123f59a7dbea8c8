"""Rasterise a batch of meshes; gradients flow from barycentric weights to clip positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from lib.render import threads
from lib.render.differentiable import checks, nvdiffrast
from lib.render.differentiable.raster import Raster, Viewport
from lib.render.kernels import clipping, coverage, fragments

SUBPIXEL_SHIFT = 4  # 1/16 px, as nvdiffrast
CLIP_SLACK = 1e-5  # rounding of z of clipped corners, as a share of w
STABILISER = {torch.float32: 1e-6, torch.float64: 0.0}  # of 1 / area in gradients; float64 is exact


def rasterise(
    clip: torch.Tensor,
    triangles: torch.Tensor,
    size: tuple[int, int],
    ranges: torch.Tensor | None = None,
    window: tuple[int, int, int, int] | None = None,
    derivatives: bool = False,
) -> Raster:
    """Find the visible triangle of every pixel, and where on it the pixel's centre lies.

    Both windings are drawn. Triangles are clipped at the near and far plane, |z| <= w. Coverage is
    decided on vertices rounded to 1/16 px, weights are those of the exact positions, clamped to the
    triangle; of equally near triangles the one with the higher index wins. Gradients reach x, y and
    w; ids, coverage and depth carry none. On the CPU the result is bit-equal for any number of
    threads; tensors on a GPU are drawn by nvdiffrast.

    Args:
        clip: (B, V, 4) x, y, z, w of the vertices in clip space, one mesh in B shapes and poses; or
            (V, 4) with `ranges`.
        triangles: (T, 3) vertex indices.
        size: (h, w) of the image.
        ranges: (B, 2) first triangle and number of triangles of each image, for a batch of
            different meshes that share one list of vertices. None = all triangles in each image.
        window: (column, row, height, width) part of the image to draw, equal to that crop of the
            whole. None = all of it.
        derivatives: also give the weights' derivatives by pixel.

    Raises:
        ShapeError: `clip`, `triangles` or `ranges` has the wrong shape.
        IndexError: a triangle names a vertex, or a range a triangle, that does not exist.
        TypeError: `clip` is not float32 or float64.
        ValueError: `size` or `window` is empty.

    Source: Laine et al. 2020, section 3.2.
    """
    checks.check_float("clip", clip)
    checks.check_shape("clip", clip, ("B", "V", 4) if ranges is None else ("V", 4))
    checks.check_triangles(triangles, clip.shape[-2])
    viewport = _viewport(size, window)
    if ranges is not None:
        _check_ranges(ranges, len(triangles))
    if clip.is_cuda:
        return nvdiffrast.rasterise(clip, triangles, viewport, ranges, derivatives)
    packed, by_pixel = _Rasterise.apply(clip, triangles, viewport, ranges, derivatives)
    return Raster(packed, by_pixel if derivatives else None, viewport)


def _viewport(size: tuple[int, int], window: tuple[int, int, int, int] | None) -> Viewport:
    window = (0, 0, *size) if window is None else window
    if min(*size, *window[2:]) < 1:
        raise ValueError(f"size is {size} and window {window}, expected at least one pixel.")
    return Viewport((int(size[0]), int(size[1])), tuple(int(value) for value in window))


def _check_ranges(ranges: torch.Tensor, n_triangles: int) -> None:
    checks.check_shape("ranges", ranges, ("B", 2))
    if ranges.numel() and (int(ranges.min()) < 0 or int(ranges.sum(1).max()) > n_triangles):
        raise IndexError(
            f"ranges reach {int(ranges.min())}..{int(ranges.sum(1).max())}, expected (first, "
            f"count) within {n_triangles} triangles."
        )


@dataclass(frozen=True)
class _Image:
    """One image of a batch: its vertices and triangles.

    Args:
        clip: (V, 4)
        triangles: (T, 3) uint32.
        first_id: id of its first triangle.
        mesh: which row of a (B, V, 4) gradient belongs to it.
    """

    clip: np.ndarray
    triangles: np.ndarray
    first_id: int
    mesh: int


def _images(
    clip: torch.Tensor, triangles: torch.Tensor, ranges: torch.Tensor | None
) -> list[_Image]:
    indices, positions = checks.index_array(triangles), checks.to_array(clip)
    if ranges is None:
        return [_Image(positions[b], indices, 0, b) for b in range(len(positions))]
    return [
        _Image(positions, indices[first : first + count], first, 0)
        for first, count in ranges.tolist()
    ]


class _Rasterise(torch.autograd.Function):
    """Rasterising on the CPU."""

    @staticmethod
    def forward(ctx, clip, triangles, viewport, ranges, derivatives):
        images = _images(clip, triangles, ranges)
        shape = (len(images), *viewport.window[2:], 4)
        packed = checks.new_tensor(shape, clip)
        by_pixel = checks.new_tensor(shape if derivatives else (len(images), 0, 0, 0), clip)
        count = torch.get_num_threads()
        prepared = [_Prepared(image, viewport) for image in images]
        threads.run([image.snap for image in prepared], count)
        bands = threads.row_bands(*viewport.window[2:], len(images), count)
        tasks = [
            partial(image.draw, band, packed[b].numpy(), by_pixel[b].numpy())
            for b, image in enumerate(prepared)
            for band in bands
        ]
        threads.run(tasks, count)
        ctx.viewport, ctx.ranges = viewport, ranges
        ctx.save_for_backward(clip, triangles, packed)
        ctx.set_materialize_grads(False)
        if not derivatives:
            ctx.mark_non_differentiable(by_pixel)
        return packed, by_pixel

    @staticmethod
    def backward(ctx, grad, grad_step):
        clip, triangles, packed = ctx.saved_tensors
        nothing = (None,) * 4
        if not ctx.needs_input_grad[0] or (grad is None and grad_step is None):
            return None, *nothing
        viewport = ctx.viewport
        grad = torch.zeros_like(packed) if grad is None else grad
        grad_step = packed.new_empty(len(packed), 0, 0, 0) if grad_step is None else grad_step
        grad, grad_step, stored = map(checks.to_array, (grad, grad_step, packed))
        images = _images(clip, triangles, ctx.ranges)
        chunks = threads.row_chunks(*viewport.window[2:], clip.shape[-2])
        parts = np.zeros((len(images), len(chunks), *clip.shape[-2:]), stored.dtype)
        x, y = viewport.centres(stored.dtype)
        tasks = [
            partial(
                fragments.resolve_backward,
                stored[b, rows],
                image.first_id,
                image.clip,
                image.triangles,
                x,
                y[rows],
                viewport.step(stored.dtype),
                stored.dtype.type(STABILISER[clip.dtype]),
                grad[b, rows],
                grad_step[b, rows],
                parts[b, chunk],
            )
            for b, image in enumerate(images)
            for chunk, rows in enumerate(chunks)
        ]
        threads.run(tasks, torch.get_num_threads())
        total = parts.sum(axis=1) if len(chunks) > 1 else parts[:, 0]
        if ctx.ranges is not None:
            total = total.sum(axis=0)
        return torch.from_numpy(total), *nothing


class _Prepared:
    """The vertices of one image on the grid; draws bands of its rows."""

    def __init__(self, image: _Image, viewport: Viewport):
        self.image, self.viewport = image, viewport

    def snap(self) -> None:
        """Round the vertices, and cut the triangles that leave the view volume."""
        clip, triangles = self.image.clip, self.image.triangles
        self.whole = _Snapped(clip, triangles, np.empty(0, np.int32), self.viewport, 0.0)
        self.pieces = None
        if self.whole.n_outside:
            self.pieces = self._cut(self.whole.outside)

    def _cut(self, outside: np.ndarray) -> _Snapped | None:
        clip, triangles = self.image.clip, self.image.triangles
        height, width = self.viewport.size
        limit = 0.5 * coverage.LIMIT / (1 << SUBPIXEL_SHIFT)
        limits = 2 * limit / width, 2 * limit / height
        room = 7 * clipping.count_crossing(clip, triangles, outside, *limits)
        if not room:
            return None
        corners, ids = np.empty((room, 3, 4)), np.empty(room, np.int32)
        n = clipping.cut(clip, triangles, outside, *limits, corners, ids)
        indices = np.arange(3 * n, dtype=np.uint32).reshape(n, 3)
        return _Snapped(corners[:n].reshape(-1, 4), indices, ids[:n], self.viewport, CLIP_SLACK)

    def draw(self, rows: slice, packed: np.ndarray, derivatives: np.ndarray) -> None:
        """Fill a band of rows of `packed` and, where they are not empty, of `derivatives`."""
        left, top, _, width = self.viewport.window
        keys = np.full((rows.stop - rows.start, width), coverage.EMPTY)
        for mesh in (self.whole, self.pieces):
            if mesh is not None:
                mesh.cover(left, top + rows.start, keys)
        x, y = self.viewport.centres(packed.dtype)
        fragments.resolve(
            keys,
            self.image.clip,
            self.image.triangles,
            x,
            y[rows],
            self.viewport.step(packed.dtype),
            self.image.first_id,
            packed[rows],
            derivatives[rows],
        )


class _Snapped:
    """Triangles whose vertices are rounded to the grid."""

    def __init__(
        self,
        clip: np.ndarray,
        triangles: np.ndarray,
        ids: np.ndarray,
        viewport: Viewport,
        slack: float,
    ):
        n = len(clip)
        self.triangles, self.ids = triangles, ids
        self.x, self.y = np.empty(n, np.int32), np.empty(n, np.int32)
        self.depth, self.outside = np.empty(n), np.empty(n, bool)
        height, width = viewport.size
        self.n_outside = coverage.snap(
            clip, width, height, SUBPIXEL_SHIFT, slack, self.x, self.y, self.depth, self.outside
        )

    def cover(self, column: int, row: int, keys: np.ndarray) -> None:
        """Draw into the keys of a window whose first pixel is given."""
        grid = self.x, self.y
        window = np.array([column, row, *keys.shape], np.int64)
        kept = np.empty(len(self.triangles), np.int32)
        n = coverage.select(*grid, self.triangles, window, SUBPIXEL_SHIFT, kept)
        if self.n_outside:
            n = coverage.filter_drawable(*grid, self.outside, self.triangles, False, kept, n)
        coverage.cover(
            *grid, self.depth, self.triangles, self.ids, kept[:n], column, row, SUBPIXEL_SHIFT, keys
        )
