"""A head's relief in files: normals and wrinkle maps in the GLB, and the same beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lib.artefacts import FaceFit, Surface
from lib.displacement import chart, write
from lib.export.measured import LARGEST_MM, Measured, coded_range, resized_map
from lib.export.tables import write_json
from lib.export.wrinkles import FORMULA, MOST, ZONES, Wrinkles, head_wrinkles
from lib.facemodel.model import FaceModel
from lib.imaging import encode_png, save_png

WRINKLE_FILES = (
    "relief.png",
    "displacement_resting.png",
    "displacement_folds.png",
    "normal_resting.png",
    "wrinkles.json",
    "wrinkle_zones_0.png",
    "wrinkle_zones_1.png",
    "wrinkle_zones_2.png",
)
FOLDS_PX = 512  # side of the maps of wrinkles in the GLB, at most
ROUNDED = 4  # digits of gains
ZERO_8 = 128  # of 8-bit heights: mm = (pixel - 128) / 127 * range_mm


@dataclass(frozen=True)
class ReliefFiles:
    """What a GLB holds of the relief.

    Args:
        normal: PNG of tangent-space normals: of the resting face, where wrinkles are told apart.
        pictures: name -> PNG.
        told: application data of the skin's material.
        wrinkles: both parts of the relief; None = they are not told apart.
    """

    normal: bytes
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    wrinkles: Wrinkles | None = None


def relief_of(model: FaceModel, fit: FaceFit, measured: Measured, side: int) -> ReliefFiles:
    """The relief of a head for its GLB.

    Args:
        model: the fitted head model.
        fit: of the capture.
        measured: its surface.
        side: of the normal map, where the surface has as many texels.
    """
    height = np.clip(measured.height_mm, -LARGEST_MM, LARGEST_MM)
    metric = chart.surface_metric(measured.surface)
    side = min(side, len(height))
    if not measured.surface.from_shading:
        return ReliefFiles(_normal_png(height, metric, side))
    wrinkles = head_wrinkles(model, fit, measured.surface)
    normal = _normal_png(wrinkles.resting_mm, metric, side)
    small = min(FOLDS_PX, side)
    reach = coded_range(height)
    pictures = {
        f"displacement_{name}": encode_png(coded8(resized_map(part, small), reach))
        for name, part in (("resting", wrinkles.resting_mm), ("folds", wrinkles.folds_mm))
    }
    zones = zone_pictures(wrinkles)
    pictures |= {f"wrinkle_zones_{k}": encode_png(zone) for k, zone in enumerate(zones)}
    told = _told(model, wrinkles) | {
        "resting": {"image": "displacement_resting"},
        "folds": {"image": "displacement_folds"},
        "zoneImages": [{"image": f"wrinkle_zones_{k}"} for k in range(len(zones))],
        "rangeMm": reach,
        "mm": f"(pixel - {ZERO_8}) / {ZERO_8 - 1} * rangeMm",
    }
    return ReliefFiles(normal, pictures, {"wrinkles": told}, wrinkles)


def write_relief(
    folder: Path, model: FaceModel, wrinkles: Wrinkles, surface: Surface, size: int
) -> None:
    """The files of `WRINKLE_FILES`.

    Args:
        folder: of the head.
        model: names the expressions.
        wrinkles: both parts of the relief.
        surface: gives the metric of the chart.
        size: of the maps.
    """
    reach = coded_range(wrinkles.resting_mm + wrinkles.folds_mm)
    for name, part in (("resting", wrinkles.resting_mm), ("folds", wrinkles.folds_mm)):
        write.save_height_png(folder / f"displacement_{name}.png", part, size, reach)
    metric = chart.surface_metric(surface)
    write.save_normal_png(folder / "normal_resting.png", wrinkles.resting_mm, metric, size)
    files = []
    for k, zone in enumerate(zone_pictures(wrinkles)):
        files.append(f"wrinkle_zones_{k}.png")
        save_png(folder / files[-1], zone)
    told = _told(model, wrinkles) | {
        "resting": "displacement_resting.png",
        "folds": "displacement_folds.png",
        "zoneImages": files,
        "rangeMm": reach,
        "mm": write.FORMULA,
    }
    write_json(folder / "wrinkles.json", told)


def zone_pictures(wrinkles: Wrinkles) -> list[np.ndarray]:
    """(side, side, 3) uint8 each: three zones to a picture, in their order, 255 = all of it."""
    coded = np.rint(np.clip(wrinkles.zones, 0, 1) * 255).astype(np.uint8)
    coded = np.pad(coded, [(0, 0), (0, 0), (0, -coded.shape[2] % 3)])
    return [coded[..., k : k + 3] for k in range(0, coded.shape[2], 3)]


def coded8(height_mm: np.ndarray, range_mm: float) -> np.ndarray:
    """Uint8 pixels of heights: 128 is 0."""
    pixels = np.rint(height_mm / range_mm * (ZERO_8 - 1) + ZERO_8)
    return np.clip(pixels, 1, 255).astype(np.uint8)


def _told(model: FaceModel, wrinkles: Wrinkles) -> dict[str, Any]:
    gains = {
        name: [round(float(value), ROUNDED) for value in column]
        for name, column in zip(model.expression_names, wrinkles.gains.T, strict=True)
        if np.abs(column).max() > 10.0**-ROUNDED
    }
    return {"zones": list(ZONES), "gains": gains, "most": MOST, "formula": FORMULA}


def _normal_png(height_mm: np.ndarray, metric: chart.Metric, side: int) -> bytes:
    fine = write.normal_map(resized_map(height_mm, side), metric, side)
    return encode_png(cv2.convertScaleAbs(fine, alpha=255 / 65535))
