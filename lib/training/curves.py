"""Losses and scores over time, as a table and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib.imaging import save_bytes, save_png

COLUMNS = ("epoch", "step", "split", "loss", "learning_rate", "seconds")
SIZE = (480, 800)
MARGIN = (56, 20, 20, 36)  # left, top, right, bottom
COLOURS = {"train": (31, 119, 180), "validation": (214, 39, 40)}
Row = Mapping[str, float | int | str]


def write_curves(folder: Path, rows: Sequence[Row]) -> None:
    """Write `curves.csv` and `curves.png`."""
    extra = sorted({name for row in rows for name in row} - set(COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, *extra), lineterminator="\n", restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _word(value) for key, value in row.items()})
    save_bytes(folder / "curves.csv", text.getvalue().encode())
    save_png(folder / "curves.png", draw_curves(rows))


def draw_curves(rows: Sequence[Row]) -> np.ndarray:
    """(h, w, 3) uint8: loss over epochs on a logarithmic scale, for training and validation."""
    height, width = SIZE
    left, top, right, bottom = MARGIN
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    points = {
        split: [(float(row["epoch"]), float(row["loss"])) for row in rows if row["split"] == split]
        for split in COLOURS
    }
    every = np.array([point for line in points.values() for point in line if point[1] > 0])
    if len(every):
        low, high = np.log10(every[:, 1].min()) - 0.05, np.log10(every[:, 1].max()) + 0.05
        last = max(every[:, 0].max(), 1.0)

        def place(epoch: float, loss: float) -> tuple[float, float]:
            x = left + (width - left - right) * epoch / last
            share = (np.log10(max(loss, 1e-30)) - low) / (high - low)
            return float(x), float(top + (height - top - bottom) * (1 - share))

        for level in np.linspace(low, high, 6):
            _, y = place(0, 10**level)
            draw.line([(left, y), (width - right, y)], fill=(225, 225, 225))
            draw.text((4, y - 6), f"{10**level:.3g}", fill="black")
        for split, line in points.items():
            spots = [place(*point) for point in line]
            if len(spots) > 1:
                draw.line(spots, fill=COLOURS[split], width=2)
            for x, y in spots if len(spots) < 100 else ():
                draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=COLOURS[split])
        draw.text((left, height - bottom + 18), f"epoch 0 to {last:g}", fill="black")
    for index, (split, colour) in enumerate(COLOURS.items()):
        draw.text((width - right - 90, top + 4 + 14 * index), split, fill=colour)
    draw.rectangle([left, top, width - right, height - bottom], outline="black")
    return np.asarray(picture)


def _word(value: float | int | str) -> float | int | str:
    return f"{value:.9g}" if isinstance(value, float) else value
