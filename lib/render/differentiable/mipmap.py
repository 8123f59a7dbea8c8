"""Mip maps: an image at half, quarter, ... its size, for sampling that does not alias."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from lib.errors import ShapeError
from lib.render import threads
from lib.render.differentiable import checks
from lib.render.kernels import mipmaps as kernels


@dataclass(frozen=True)
class MipStack:
    """An image's mip levels: each texel is the mean of 2 x 2 of the level before.

    A side of 1 stays 1. Gradients of values sampled from a stack belong to its image.

    Args:
        sizes: (h, w) of each level; level 0 is the image.
        texels: (T, M, C) the texels of levels 1 and up, row by row, one level after another; empty
            on a GPU, where nvdiffrast keeps its own.
    """

    sizes: tuple[tuple[int, int], ...]
    texels: torch.Tensor

    @property
    def max_level(self) -> int:
        """The coarsest level."""
        return len(self.sizes) - 1

    def level(self, k: int) -> torch.Tensor:
        """(T, h, w, C) texels of level k >= 1."""
        height, width = self.sizes[k]
        first = int(pyramid_table(self.sizes)[k, 2])
        texels = self.texels[:, first : first + height * width]
        return texels.unflatten(1, (height, width))


def build_mipmaps(image: torch.Tensor, max_level: int | None = None) -> MipStack:
    """The mip levels of an image, made once for many calls of `texture`.

    Args:
        image: (T, h, w, C).
        max_level: how many times to halve at most; None = down to one texel.

    Raises:
        ShapeError: `image` has the wrong shape, or a side on the way that is odd and not 1.
        TypeError: `image` is not float32 or float64.
    """
    checks.check_float("image", image)
    checks.check_shape("image", image, ("T", "h", "w", "C"))
    sizes = level_sizes(tuple(image.shape), max_level)
    if image.is_cuda:
        return MipStack(sizes, image.new_empty(0))
    table = pyramid_table(sizes)
    texels = checks.new_tensor((len(image), count_texels(table), image.shape[3]), image)
    stack = MipStack(sizes, texels)
    finer = checks.to_array(image)
    for k in range(1, len(sizes)):
        coarser = stack.level(k).numpy()
        bands = threads.row_bands(*sizes[k], len(image), torch.get_num_threads())
        tasks = [
            partial(kernels.halve, finer[b], band.start, coarser[b, band])
            for b in range(len(image))
            for band in bands
        ]
        threads.run(tasks, torch.get_num_threads())
        finer = coarser
    return stack


def level_sizes(shape: tuple[int, ...], max_level: int | None) -> tuple[tuple[int, int], ...]:
    """(h, w) of level 0 to `max_level`, or to one texel, of an image of this shape (T, h, w, C).

    Raises:
        ShapeError: a side on the way is odd and not 1.
        ValueError: `max_level` is negative.
    """
    if max_level is not None and max_level < 0:
        raise ValueError(f"max_level is {max_level}, expected 0 or more.")
    height, width = shape[1:3]
    sizes = [(height, width)]
    while (height, width) != (1, 1) and len(sizes) - 1 != max_level:
        if any(side % 2 and side != 1 for side in (height, width)):
            reached = len(sizes) - 1
            raise ShapeError(
                "image",
                shape,
                f"sides that can be halved {'down to 1' if max_level is None else max_level} "
                f"times; level {reached} is {height} x {width}, an odd side. Set max_level <= "
                f"{reached}, or resize the image to powers of two",
            )
        height, width = max(height // 2, 1), max(width // 2, 1)
        sizes.append((height, width))
    return tuple(sizes)


def pyramid_table(sizes: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(L + 1, 3) int64 width, height and first texel, among those of levels 1 and up."""
    table, first = np.zeros((len(sizes), 3), np.int64), 0
    for k, (height, width) in enumerate(sizes):
        table[k] = width, height, first
        first += height * width if k else 0
    return table


def count_texels(table: np.ndarray) -> int:
    """Texels of levels 1 and up."""
    return int((table[1:, 0] * table[1:, 1]).sum())


def collapse_gradient(image: np.ndarray, mips: np.ndarray, table: np.ndarray) -> None:
    """Bring the gradient of all mip levels down to the image.

    Args:
        image: (T, h, w, C); changed in place.
        mips: (T, M, C) float64; overwritten.
        table: of `pyramid_table`.
    """
    n_threads = torch.get_num_threads()

    def level(k: int) -> np.ndarray:
        width, height, first = table[k]
        return mips[:, first : first + width * height].reshape(len(mips), height, width, -1)

    for k in range(len(table) - 1, 0, -1):
        coarse, fine = level(k), level(k - 1) if k > 1 else image
        down = 2 if fine.shape[1] > coarse.shape[1] else 1
        tasks = [
            partial(kernels.unhalve, coarse[b], down, band.start, fine[b, band])
            for b in range(len(image))
            for band in threads.row_bands(*fine.shape[1:3], len(image), n_threads)
        ]
        threads.run(tasks, n_threads)
