"""What a rasterised batch knows about each pixel, in the layout of nvdiffrast."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Raster:
    """The visible triangle of each pixel, and where on it the pixel's centre lies.

    Row 0 is y = -1 of clip space; the centre of pixel (x, y) is at
    ((2x + 1) / w - 1, (2y + 1) / h - 1). Triangle ids count from 0 everywhere but in `packed`.

    Args:
        packed: (B, h, w, 4) u and v, the perspective-correct weights of corners 0 and 1; z / w;
            triangle + 1, where 0 = background.
        derivatives: (B, h, w, 4) du/dX, du/dY, dv/dX, dv/dY per pixel; None = not asked for.
    """

    packed: torch.Tensor
    derivatives: torch.Tensor | None = None

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
