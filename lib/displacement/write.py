"""Height maps as files for other programs: 16-bit PNG, EXR, and tangent-space normal map.

All are made strip by strip from a height map of any size, so that 4096 x 4096 texels cost little
more memory than the picture itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from lib.displacement.chart import Metric
from lib.errors import ShapeError
from lib.imaging import save_exr, save_png16
from lib.imaging.write import save_bytes

MIDDLE = 32768
RANGE_MM = 1.0
STRIP_ROWS = 256
FORMULA = "mm = (pixel - 32768) / 32768 * range_mm"


def save_height_png(
    path: str | Path, height_mm: np.ndarray, size: int, range_mm: float = RANGE_MM
) -> None:
    """Write heights as grey 16-bit PNG, and how to read them in a .json of the same name.

    Args:
        path: the PNG.
        height_mm: (rows, rows) outwards positive; row 0 is v = 1.
        size: rows and columns of the picture.
        range_mm: height of pixel 0 below and of pixel 65536 above; beyond it is cut off.
    """
    pixels = np.empty((size, size), np.uint16)
    for rows, values in _strips(height_mm, size, cv2.INTER_CUBIC):
        pixels[rows] = coded(values, range_mm)
    save_png16(path, pixels)
    told = {
        "unit": "mm",
        "range_mm": range_mm,
        "zero": MIDDLE,
        "formula": FORMULA,
        "direction": "along the normal of the surface without it, outwards positive",
        "layout": "texture chart of the head, row 0 is v = 1, texel centres at half-integers",
    }
    save_bytes(Path(path).with_suffix(".json"), (json.dumps(told, indent=2) + "\n").encode())


def coded(height_mm: np.ndarray, range_mm: float) -> np.ndarray:
    """Uint16 pixels of heights: 32768 is 0, rounded to the nearest."""
    pixels = np.rint(height_mm.astype(np.float64) / range_mm * MIDDLE + MIDDLE)
    return np.clip(pixels, 0, 65535).astype(np.uint16)


def decoded_mm(pixels: np.ndarray, range_mm: float) -> np.ndarray:
    """Float32 mm of `coded` pixels."""
    return ((pixels.astype(np.float64) - MIDDLE) / MIDDLE * range_mm).astype(np.float32)


def save_height_exr(path: str | Path, height_mm: np.ndarray, size: int) -> None:
    """Write heights in mm as one channel of 32-bit floats; arguments as `save_height_png`."""
    result = np.empty((size, size), np.float32)
    for rows, values in _strips(height_mm, size, cv2.INTER_CUBIC):
        result[rows] = values
    save_exr(path, result, comments="height in mm along the surface normal, outwards positive")


def save_normal_png(path: str | Path, height_mm: np.ndarray, metric: Metric, size: int) -> None:
    """Write `normal_map` as 16-bit PNG."""
    save_png16(path, normal_map(height_mm, metric, size))


def normal_map(height_mm: np.ndarray, metric: Metric, size: int) -> np.ndarray:
    """(size, size, 3) uint16 tangent-space normals, OpenGL's convention.

    Red runs along +u, green along +v (upwards), blue along the normal; n = pixel / 65535 * 2 - 1.

    Args:
        height_mm: (rows, rows) outwards positive.
        metric: of the surface below, at any size of the chart.
        size: rows and columns of the picture.

    Raises:
        ShapeError: the height map is not square.
    """
    across, down = (plane * np.float32(len(plane) / size) for plane in (metric.across, metric.down))
    result = np.empty((size, size, 3), np.uint16)
    whole = _strips(height_mm, size, cv2.INTER_CUBIC, margin=1)
    steps = zip(_strips(across, size, cv2.INTER_LINEAR), _strips(down, size, cv2.INTER_LINEAR))
    for (rows, height), ((_, right), (_, below)) in zip(whole, steps):
        along_u = np.gradient(height, axis=1)[1:-1] / right
        along_v = -0.5 * (height[2:] - height[:-2]) / below  # rows run along -v
        normal = np.stack([-along_u, -along_v, np.ones_like(along_u)], axis=2)
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        result[rows] = np.rint((normal + 1) / 2 * 65535).astype(np.uint16)
    return result


def _strips(
    plane: np.ndarray, size: int, way: int, margin: int = 0
) -> Iterator[tuple[slice, np.ndarray]]:
    """Strips of a square map at another size; each with `margin` more rows above and below.

    A map of that size is taken as it is; a larger one is averaged.
    """
    if plane.ndim != 2 or plane.shape[0] != plane.shape[1]:
        raise ShapeError("map", plane.shape, "(rows, rows)")
    plane = np.ascontiguousarray(plane, np.float32)
    if len(plane) > size:
        plane = cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA)
    factor = len(plane) / size
    columns = ((np.arange(size) + 0.5) * factor - 0.5).astype(np.float32)
    for top in range(0, size, STRIP_ROWS):
        rows = np.arange(top - margin, min(top + STRIP_ROWS, size) + margin)
        places = ((rows + 0.5) * factor - 0.5).astype(np.float32)
        grid = np.broadcast_to(columns, (len(rows), size)), places[:, None].repeat(size, axis=1)
        strip = cv2.remap(
            plane, np.ascontiguousarray(grid[0]), grid[1], way, borderMode=cv2.BORDER_REPLICATE
        )
        yield slice(top, min(top + STRIP_ROWS, size)), strip
