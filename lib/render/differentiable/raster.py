"""What a rasterised batch knows about each pixel, in the layout of nvdiffrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Viewport:
    """A part of an image.

    Args:
        size: (h, w) of the whole image.
        window: column, row, height and width of the part.
    """

    size: tuple[int, int]
    window: tuple[int, int, int, int]

    def centres(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres along x and y of the part, in -1..1 of the whole image."""
        left, top, height, width = self.window
        x = (2 * np.arange(left, left + width) + 1) / self.size[1] - 1
        y = (2 * np.arange(top, top + height) + 1) / self.size[0] - 1
        return x.astype(dtype), y.astype(dtype)

    def step(self, dtype: np.dtype) -> np.ndarray:
        """(2,) width and height of a pixel in clip space."""
        return np.array([2 / self.size[1], 2 / self.size[0]], dtype)

    def zoom(self, clip: torch.Tensor) -> torch.Tensor:
        """Clip positions of the whole image as those of an image that is just the part."""
        left, top, height, width = self.window
        if (left, top, height, width) == (0, 0, *self.size):
            return clip
        scale = clip.new_tensor([self.size[1] / width, self.size[0] / height])
        shift = clip.new_tensor(
            [(self.size[1] - 2 * left) / width - 1, (self.size[0] - 2 * top) / height - 1]
        )
        moved = clip[..., :2] * scale + clip[..., 3:] * shift
        return torch.cat([moved, clip[..., 2:]], dim=-1)


@dataclass(frozen=True)
class Raster:
    """The visible triangle of each pixel, and where on it the pixel's centre lies.

    Row 0 is y = -1 of clip space; the centre of pixel (x, y) is at
    ((2x + 1) / w - 1, (2y + 1) / h - 1). Triangle ids count from 0 everywhere but in `packed`.

    Args:
        packed: (B, h, w, 4) u and v, the perspective-correct weights of corners 0 and 1; z / w;
            triangle + 1, where 0 = background.
        derivatives: (B, h, w, 4) du/dX, du/dY, dv/dX, dv/dY per pixel; None = not asked for.
        part: which part of which image this is; None = all of it.
    """

    packed: torch.Tensor
    derivatives: torch.Tensor | None = None
    part: Viewport | None = None

    @property
    def viewport(self) -> Viewport:
        """The whole image and the part of it that is here."""
        size = tuple(self.packed.shape[1:3])
        return self.part or Viewport(size, (0, 0, *size))

    @property
    def barycentric(self) -> torch.Tensor:
        """(B, h, w, 2) weights u and v of corners 0 and 1; corner 2 has 1 - u - v."""
        return self.packed[..., :2]

    @property
    def depth(self) -> torch.Tensor:
        """(B, h, w) z / w, 0 on the background; carries no gradient."""
        return self.packed[..., 2]

    @property
    def triangle_id(self) -> torch.Tensor:
        """(B, h, w) int64 visible triangle, -1 = background."""
        return self.packed[..., 3].detach().long() - 1

    @property
    def mask(self) -> torch.Tensor:
        """(B, h, w) bool: pixels that show a surface."""
        return self.packed[..., 3].detach() > 0
