"""Pictures of fine relief: a piece of skin in grey under a low light, without it and with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import BatchReader, Displacement, Surface
from lib.figures.batches import counted
from lib.figures.sheets import CELL_PX, Picture, contact_sheet

TITLE = "Fine relief"
PIECE_MM = 45.0
BRIGHT, DARK = 235.0, 25.0
LIGHT = np.array([-0.75, 0.35, 0.55])  # to the right, up, out of the skin


def relief_sheet(surfaces: str | Path, displacements: str | Path, columns: int = 4) -> np.ndarray:
    """One picture per capture of a batch; a failed capture is a card with its reason.

    Args:
        surfaces: batch file of `Surface`.
        displacements: batch file of `Displacement`.
        columns: pictures per row.

    Returns:
        (h, w, 3) uint8 sRGB.
    """
    pictures: list[Picture] = []
    with BatchReader(surfaces, Surface) as below, BatchReader(displacements, Displacement) as over:
        for row in over.outcomes:
            if row.failed:
                reason = f"{row.stage}: {row.outcome}. {row.reason}"
                pictures.append((row.capture, None, reason))
                continue
            found = over[row.capture]
            picture = draw_relief(below[row.capture], found)
            used = found.confidence > 0.5
            spread = (
                1e3 * float(found.height_mm[used].astype(np.float32).std()) if used.any() else 0
            )
            pictures.append((row.capture, picture, f"{found.method}, {spread:.1f} µm rms"))
        note = counted(
            Path(displacements).parent.name,
            len(over.outcomes),
            sum(row.failed for row in over.outcomes),
        )
    return contact_sheet(pictures, columns, TITLE, note)


def draw_relief(
    surface: Surface, displacement: Displacement, side: int = CELL_PX, piece_mm: float = PIECE_MM
) -> np.ndarray:
    """(side, side, 3) uint8: the piece of skin that is known best; left alone, right with relief.

    Args:
        surface: the measured surface.
        displacement: the relief over it.
        side: of the picture.
        piece_mm: height of the piece.
    """
    rows = _best_rows(surface, displacement, piece_mm)
    size = (side, side)
    points = _cut(np.nan_to_num(surface.points_mm), rows, size)
    normal = _cut(surface.normal, rows, size)
    height = _cut(displacement.height_mm, rows, size)
    plain = _shaded(points)
    full = _shaded(points + normal * height[..., None])
    half = side // 2
    picture = np.where(np.arange(side)[None, :] < half, plain, full)
    picture[:, half - 1 : half + 1] = 255
    return np.repeat(picture[..., None], 3, axis=2)


def _best_rows(surface: Surface, displacement: Displacement, piece_mm: float) -> np.ndarray:
    """(2, 2) corners (row, column) in chart units of the square piece that is known best."""
    known = cv2.resize(
        displacement.confidence.astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA
    )
    points = surface.points_mm
    middle = len(points) // 2
    steps = np.linalg.norm(np.diff(points[middle], axis=0), axis=1)
    step = float(np.nanmedian(steps)) if np.isfinite(steps).any() else 1.0
    share = float(np.clip(piece_mm / (step * len(points)), 0.02, 1.0))
    window = max(1, round(share * 128))
    total = cv2.blur(known, (window, window), borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(np.argmax(total), total.shape)
    start = np.clip((np.array([row, column]) + 0.5) / 128 - share / 2, 0, 1 - share)
    return np.stack([start, start + share])


def _cut(image: np.ndarray, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(side, side[, c]) float32 piece of a chart, interpolated smoothly."""
    side = len(image)
    steps = (np.arange(size[0]) + 0.5) / size[0]
    rows, columns = (
        ((corners[0, k] + steps * (corners[1, k] - corners[0, k])) * side - 0.5) for k in (0, 1)
    )
    grid = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return cv2.remap(
        image.astype(np.float32), *grid, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _shaded(points: np.ndarray) -> np.ndarray:
    """(side, side) uint8 of grey skin under a low light that goes with the piece."""
    along_u, along_v = np.gradient(points, axis=1), -np.gradient(points, axis=0)
    normal = np.cross(along_u, along_v)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-12)
    out = normal.mean(axis=(0, 1))
    out /= max(np.linalg.norm(out), 1e-9)
    right = along_u.mean(axis=(0, 1))
    right -= out * (right @ out)
    right /= max(np.linalg.norm(right), 1e-9)
    light = np.stack([right, np.cross(out, right), out], axis=1) @ (LIGHT / np.linalg.norm(LIGHT))
    return np.clip(DARK + (BRIGHT - DARK) * np.maximum(normal @ light, 0), 0, 255).astype(np.uint8)
