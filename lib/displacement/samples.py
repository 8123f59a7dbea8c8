"""Training samples of relief: textures of made-up people under random light, and their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Truth
from lib.displacement.chart import Metric, resized
from lib.displacement.network import network_inputs, relief_of
from lib.displacement.relation import log_brightness
from lib.render import irradiance
from lib.uvspace.bands import blur_mm
from lib.uvspace.bare import SkinChart

CAVITY_MM, CAVITY_GAIN = (0.4, 1.2), (1.0, 4.0)  # width of what darkens pits, loss per mm of depth
PHOTO_MM = (0.08, 0.35)  # blur of photos and blending, standard deviation
NOISE_LOG = (0.001, 0.008)  # of photos, per texel after blending
MEASURED_MM, MEASURED_NOISE_MM = (0.5, 0.9), (0.01, 0.08)  # blur and error of a measured surface
UNMEASURED = 0.25  # share of samples without a measured surface
CONSTANT = 3.0  # light: its first harmonic, and the spread of the others
BANDS = (0.0, 0.25, 0.25, 0.25, 0.08, 0.08, 0.08, 0.08, 0.08)


@dataclass(frozen=True)
class SampleOptions:
    """What crops are made of.

    Args:
        crop_px: side of a crop; a power of two.
        fine_mm: finest relief that is looked for.
        surface_mm: finest relief that a surface holds.
    """

    crop_px: int = 192
    fine_mm: float = 0.1
    surface_mm: float = 0.8


@dataclass(frozen=True)
class Crops:
    """Pieces of faces.

    Args:
        inputs: (n, 5, crop, crop) float32 of `network_inputs`.
        height_mm: (n, crop, crop) float32 relief that is to be found.
        weight: (n, crop, crop) float32 0..1, skin on which it counts.
    """

    inputs: np.ndarray
    height_mm: np.ndarray
    weight: np.ndarray


def draw_crops(
    truth: Truth,
    chart: SkinChart,
    count: int,
    options: SampleOptions,
    chance: np.random.Generator,
) -> Crops:
    """Crops of one person under one random light, photographed and measured at random quality.

    Args:
        truth: of the person, with surface maps at about 0.1 to 0.2 mm per texel.
        chart: of the head model, at the size of these maps.
        count: number of crops.
        options: what they are made of.
        chance: source of random numbers.
    """
    relief = truth.uv_displacement_mm.astype(np.float32)
    seen = chart.bare * (np.abs(truth.uv_position_mm).sum(axis=2) > 0)
    mm = _mm_per_texel(truth.uv_position_mm, seen > 0)
    rgb = _photographed(truth, relief, seen, mm, chance)
    detail = log_brightness(rgb, 1e-3)
    detail -= blur_mm(detail, seen, mm, options.surface_mm)
    measured = np.full(seen.shape, float(chance.random() >= UNMEASURED), np.float32) * seen
    own = _measured_relief(truth, relief, measured, mm, options, chance)
    inputs = network_inputs(detail, own, measured, seen, mm)
    wanted = blur_mm(relief, seen, mm, options.fine_mm)
    wanted -= blur_mm(wanted, seen, mm, options.surface_mm)
    return _cut(inputs, wanted, seen, count, options.crop_px, chance)


def _mm_per_texel(position: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(side, side) of the chart, smooth."""
    planes = []
    for axis in (1, 0):
        step = np.linalg.norm(np.roll(position, -1, axis) - position, axis=2)
        planes.append(np.where(known & np.roll(known, -1, axis), step, 0).astype(np.float32))
    small = [resized(plane, 256) for plane in planes]
    usual = [float(np.median(plane[plane > 0])) for plane in planes]
    metric = Metric(*(np.clip(p, 0.3 * u, 3 * u) for p, u in zip(small, usual)))
    return np.sqrt(resized(metric.across, len(known)) * resized(metric.down, len(known)))


def _photographed(
    truth: Truth,
    relief: np.ndarray,
    seen: np.ndarray,
    mm: np.ndarray,
    chance: np.random.Generator,
) -> np.ndarray:
    """(side, side, 3) linear texture: albedo under random light, dark pits, blur and noise."""
    light = np.repeat(chance.normal(0, np.array(BANDS)[:, None], (9, 1)), 3, axis=1)
    light[0] = CONSTANT
    shade = np.maximum(irradiance(truth.uv_normal.astype(np.float32), light), 0.05)
    depth = blur_mm(relief, seen, mm, chance.uniform(*CAVITY_MM)) - relief
    cavity = np.clip(1 - chance.uniform(*CAVITY_GAIN) * np.maximum(depth, 0), 0.5, 1)
    rgb = truth.uv_albedo.astype(np.float32) * shade * cavity[..., None]
    rgb = blur_mm(rgb.astype(np.float32), seen, mm, chance.uniform(*PHOTO_MM))
    noise = np.exp(chance.uniform(*np.log(NOISE_LOG)))
    return rgb * np.exp(noise * chance.standard_normal(rgb.shape, np.float32))


def _measured_relief(
    truth: Truth,
    relief: np.ndarray,
    measured: np.ndarray,
    mm: np.ndarray,
    options: SampleOptions,
    chance: np.random.Generator,
) -> np.ndarray:
    """(side, side) mm: what a surface, blurred and noisy, holds of the relief."""
    sigma = chance.uniform(*MEASURED_MM)
    error = blur_mm(chance.standard_normal(relief.shape, np.float32), measured, mm, sigma)
    used = measured > 0
    spread = float(error[used].std()) if used.any() else 1.0
    error *= np.float32(chance.uniform(*MEASURED_NOISE_MM) / max(spread, 1e-9))
    kept = blur_mm(relief, measured, mm, sigma) + error
    normal = np.zeros((*relief.shape, 3), np.float32)
    normal[..., 2] = 1
    return relief_of(normal * kept[..., None], normal, measured, mm, options.surface_mm)


def _cut(
    inputs: np.ndarray,
    wanted: np.ndarray,
    seen: np.ndarray,
    count: int,
    side: int,
    chance: np.random.Generator,
) -> Crops:
    """Crops about random places of skin, half of them mirrored."""
    places = np.argwhere(seen > 0.5)
    pieces: tuple[list, list, list] = ([], [], [])
    for _ in range(count):
        place = places[chance.integers(len(places))]
        top, left = np.clip(place - side // 2, 0, np.array(seen.shape) - side)
        window = slice(top, top + side), slice(left, left + side)
        mirror = slice(None, None, -1 if chance.random() < 0.5 else 1)
        for kept, source in zip(pieces, (inputs, wanted, seen)):
            kept.append(source[..., *window][..., mirror])
    return Crops(*(np.ascontiguousarray(np.stack(kept), np.float32) for kept in pieces))
