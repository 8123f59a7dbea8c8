"""What the report shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportOptions:
    """Settings of `write_report`.

    Args:
        title: heading of the page.
        max_heads: heads with a picture and a 3D view; the others are listed with links.
        max_sheet_batches: batches whose contact sheets are inside the page; the others are linked.
        sheet_width_px: a wider sheet is reduced to this.
        picture_width_px: width of a head's picture.
        texture_px: side of a head's texture in the 3D view.
        smallest_delta_mm: shorter moves of an expression are left out of the 3D view.
    """

    title: str = "visagraph report"
    max_heads: int = 24
    max_sheet_batches: int = 2
    sheet_width_px: int = 1400
    picture_width_px: int = 960
    texture_px: int = 512
    smallest_delta_mm: float = 0.05
