"""Contact sheets: many small pictures with labels on one page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL_PX = 320
LABEL_PX = 46
CARD_PX = 150  # height of a row of cards alone, where pictures are higher and stand in one column
GAP_PX = 10
PAPER = (250, 250, 248)
INK = (32, 33, 36)
FAINT = (110, 112, 118)
CARD = (241, 232, 228)
ALARM = (176, 58, 36)

Picture = tuple[str, np.ndarray | None, str]


def contact_sheet(
    pictures: Sequence[Picture],
    columns: int,
    title: str = "",
    note: str = "",
    cell_px: tuple[int, int] = (CELL_PX, CELL_PX),
) -> np.ndarray:
    """One image with all pictures in rows, each above its label.

    Args:
        pictures: (label, image, note) each; image is (h, w, 3) uint8 sRGB, or None for a capture
            that failed, which becomes a card with the note as its reason.
        columns: pictures per row.
        title: heading of the sheet; empty = none.
        note: smaller words behind the heading, cut to the width of the sheet.
        cell_px: (h, w) of a picture's place.

    Returns:
        (h, w, 3) uint8 sRGB.
    """
    heights = _row_heights(pictures, columns, cell_px[0])
    columns = max(1, min(columns, max(1, len(pictures))))
    wide = cell_px[1]
    corners = np.cumsum([40 if title else 0, *(high + LABEL_PX + GAP_PX for high in heights)])
    size = columns * (wide + GAP_PX) + GAP_PX, int(corners[-1]) + GAP_PX
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        _draw_heading(draw, title, note, size[0])
    for index, (label, image, note) in enumerate(pictures):
        row, column = divmod(index, columns)
        x = GAP_PX + column * (wide + GAP_PX)
        y, high = int(corners[row]) + GAP_PX, heights[row]
        if image is None:
            _draw_card(draw, (x, y), note, (high, wide))
        else:
            sheet.paste(Image.fromarray(fit_into(image, cell_px)), (x, y))
        draw.text(
            (x, y + high + 5), shorten(label, wide, font(14, bold=True)), INK, font(14, bold=True)
        )
        if image is not None:
            draw.text((x, y + high + 25), shorten(note, wide, font(12)), FAINT, font(12))
    return np.asarray(sheet)


def _row_heights(pictures: Sequence[Picture], columns: int, high: int) -> list[int]:
    """px of each row without its labels."""
    if columns > 1:
        return [high] * -(-len(pictures) // columns)
    return [high if image is not None else min(high, CARD_PX) for _, image, _ in pictures]


def fit_into(image: np.ndarray, cell_px: tuple[int, int]) -> np.ndarray:
    """The image scaled to touch a cell (h, w) from inside, centred on paper colour."""
    height, width = image.shape[:2]
    high, wide = cell_px
    scale = high / height if high * width <= wide * height else wide / width
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (wide, high), (232, 232, 230))
    cell.paste(small, ((wide - size[0]) // 2, (high - size[1]) // 2))
    return np.asarray(cell)


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The DejaVu Sans that matplotlib carries: the same letters on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def shorten(words: str, width: int, letters: ImageFont.FreeTypeFont) -> str:
    """The text cut in its middle until it is at most `width` px wide."""
    if letters.getlength(words) <= width:
        return words
    keep = len(words)
    while keep > 2 and letters.getlength(words[: keep // 2] + "…" + words[-(keep // 2) :]) > width:
        keep -= 1
    return words[: keep // 2] + "…" + words[-(keep // 2) :]


def _draw_heading(draw: ImageDraw.ImageDraw, title: str, note: str, width: int) -> None:
    """Title and note on one base line at the top of a sheet of some width."""
    bold, plain = font(18, bold=True), font(14)
    draw.text((GAP_PX, 28), title, INK, bold, anchor="ls")
    left = GAP_PX + bold.getlength(title) + 12
    free = int(width - GAP_PX - left)
    if note and free > 0:
        draw.text((left, 28), shorten(note, free, plain), FAINT, plain, anchor="ls")


def _draw_card(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], reason: str, cell_px: tuple[int, int]
) -> None:
    (x, y), (high, wide) = corner, cell_px
    draw.rectangle((x, y, x + wide - 1, y + high - 1), CARD, (214, 190, 180))
    draw.text((x + 18, y + 22), "no result", ALARM, font(20, bold=True))
    for line, words in enumerate(wrapped(reason, wide - 36, font(14))[:12]):
        draw.text((x + 18, y + 58 + 20 * line), words, INK, font(14))


def wrapped(words: str, width: int, letters: ImageFont.FreeTypeFont) -> list[str]:
    """The text in lines of at most `width` px."""
    lines, line = [], ""
    for word in words.split():
        candidate = f"{line} {word}".strip()
        if line and letters.getlength(candidate) > width:
            lines.append(line)
            candidate = shorten(word, width, letters)
        line = candidate
    return [*lines, line]
