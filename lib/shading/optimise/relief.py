"""Relief of a face from the shading of one photo, octave by octave from coarse to fine.

Log colour = log albedo + log irradiance(normal) + dark in the deep + noise. What an octave of
brightness leaves unexplained is taken for slopes where light tells them, for depth where it does
not, and for albedo where it looks like spots, hair, gloss or the face's usual mottle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.render import irradiance, irradiance_slope
from lib.shading.optimise.levels import (
    CHANNELS,
    DARKEST,
    EMPTY,
    Level,
    enlarged,
    first_level,
    mean_around,
    trusting,
    with_coarser,
)
from lib.shading.optimise.light import photo_light
from lib.shading.optimise.lines import Lines, find_lines
from lib.shading.optimise.skin import like_skin
from lib.shading.optimise.solver import Octave, solve
from lib.uvspace.grid import grid_of
from lib.uvspace.unwrap import UnwrappedFace

LEAST_TRUST = 0.02
FEWEST_TEXELS = 500
CRISP = 0.001  # smoothing of the base's normals, in chart units: folds of the base are no relief
MARGIN, MULTIPLE = 16, 32  # texels of the window around the face
FEWEST_SEEN = 50  # texels of a level
PIXEL_SHARE = (0.45, 0.8)  # texel over pixel: finer tells nothing, coarser all
LEAST_FINE = 0.3  # of that, in the median: finer levels are left out
ROUNDS = 40
OCTAVE_TEXELS = 4.0  # wider changes belong to coarser octaves
SHADOW = 0.12  # of the usual light: darker skin tells nothing of its slope
MOST_RESPONSE = 2.5
CAVITY = 0.2  # log brightness per slope of a groove, whatever the light
OUTLIER = 0.35  # log brightness off its surroundings: shadow, gloss, hair
GLOSS = 0.04  # more blue than red in what is brighter
GLOSS_OF_SHADING = 0.3  # shading alone changes blue more than red
NOISE = 0.004  # log brightness that every photo has
SLOPE_WEIGHT = (0.02, 3.0, 9.0)  # least, usual and most weight of slopes beside brightness
LINE, GATE = 1.3, 3.0  # strength of lines at which half that weight is left; steepness
ALONG_WEIGHT = 1.0  # of slopes along a line
STUBBLE = 4.0  # more weight on slopes where beards grow and no lines are
PULL = 0.02  # weight of heights per squared texel: holds what is wider than an octave
PULL_UNSEEN = 1.0
MOST_MM = 2.0


def optimise_relief(face: UnwrappedFace) -> tuple[np.ndarray, np.ndarray]:
    """Displacement along the normal that explains the shading of a photo.

    Args:
        face: what the photo shows on the chart.

    Returns:
        (rows, cols) float32 mm, outwards positive, 0 where nothing was seen, within MOST_MM;
        (rows, cols) float32 confidence 0..1.
    """
    distance = np.zeros(face.mask.shape, np.float32)
    confidence = np.zeros(face.mask.shape, np.float32)
    if (face.trust > LEAST_TRUST).sum() < FEWEST_TEXELS:
        return distance, confidence
    normal = grid_of(face.position, face.mask, CRISP).normal
    face = replace(face, normal=normal)
    window = _window(face.trust > LEAST_TRUST)
    light = photo_light(face)
    part = face.cut(*window)
    finest = first_level(part, light)
    finest = trusting(finest, like_skin(finest, part))
    height, told = _from_coarse(with_coarser(finest), light)
    while height.shape != finest.trust.shape:
        height, told = enlarged(height), enlarged(told)
    distance[window] = MOST_MM * np.tanh(height / MOST_MM) * part.mask
    confidence[window] = np.clip(told, 0, 1) * finest.trust
    return distance, confidence


def _window(seen: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around what was seen, whole multiples of MULTIPLE where they fit."""
    result = []
    for axis in (0, 1):
        places = np.flatnonzero(seen.any(axis=1 - axis))
        length = seen.shape[axis]
        first, last = max(places[0] - MARGIN, 0), min(places[-1] + 1 + MARGIN, length)
        size = min(-(-(last - first) // MULTIPLE) * MULTIPLE, length)
        first = min(first, length - size)
        result.append(slice(first, first + size))
    return tuple(result)


def _from_coarse(levels: list[Level], light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height in mm and what was told of it, 0..1, of the finest level that pixels resolve."""
    height, deep, told = (np.zeros_like(levels[-1].trust) for _ in range(3))
    for level in reversed(levels):
        fine = _resolved(level)
        if level.seen.sum() < FEWEST_SEEN or np.median(fine[level.seen]) < LEAST_FINE:
            break
        if height.shape != level.trust.shape:
            height, deep, told = enlarged(height), enlarged(deep), enlarged(told)
        step = _octave(level, fine, height, deep, light)
        height, deep = height + step.height, deep + step.deep
        told = np.maximum(told, step.told)
    return height, told


def _resolved(level: Level) -> np.ndarray:
    """(rows, cols) 0..1: texels that are no finer than the photo's pixels."""
    share = level.texel_mm / np.maximum(level.pixel_mm, 1e-3)
    return np.clip((share - PIXEL_SHARE[0]) / (PIXEL_SHARE[1] - PIXEL_SHARE[0]), 0, 1)


@dataclass(frozen=True)
class _Step:
    """What one octave adds: mm, log brightness by depth, and how far slopes were told, 0..1."""

    height: np.ndarray
    deep: np.ndarray
    told: np.ndarray


def _octave(
    level: Level, fine: np.ndarray, height: np.ndarray, deep: np.ndarray, light: np.ndarray
) -> _Step:
    """Solve one octave over the height (rows, cols) of all coarser ones."""
    normal = _tilted(level, height)
    base, shade = irradiance(level.normal, light), irradiance(normal, light)
    floor = np.maximum(SHADOW * np.median(base[level.seen], axis=0), DARKEST)
    change = np.log(np.maximum(shade, floor)) - np.log(np.maximum(base, floor))
    colour = level.log_rgb - change.astype(np.float32)
    colour = colour - mean_around(colour, level.trust + EMPTY, OCTAVE_TEXELS)
    colour = colour * (level.trust > 0)[..., None]
    brightness = (colour @ CHANNELS - deep).astype(np.float32)
    lit = np.clip(shade / floor - 0.7, 0, 1).min(axis=2)
    weight = (level.trust * lit * fine * _matte(level, colour, brightness)).astype(np.float32)
    seen = np.clip(2 * level.trust, 0, 1) * fine
    lines = find_lines(
        (np.clip(brightness, -0.5, 0.5) * seen).astype(np.float32), level.seen, NOISE
    )
    along = _response(level, normal, shade, floor, light)
    slopes = _slope_weight(level, lines)
    octave = _equations(level, brightness, weight, along, slopes, lines)
    found = solve(octave, ROUNDS)
    lengths = np.linalg.norm(level.dual_u, axis=2), np.linalg.norm(level.dual_v, axis=2)
    response = sum((a / np.maximum(b, 1e-6)) ** 2 for a, b in zip(along, lengths))
    known = weight * (response + CAVITY**2)
    return _Step(found, octave.depth(found), (known / (known + slopes)).astype(np.float32))


def _tilted(level: Level, height: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) unit normals of the base under a height in mm."""
    by_u, by_v = np.zeros_like(height), np.zeros_like(height)
    by_u[:, 1:-1] = 0.5 * (height[:, 2:] - height[:, :-2])
    by_v[1:-1] = 0.5 * (height[2:] - height[:-2])
    normal = level.normal - by_u[..., None] * level.dual_u - by_v[..., None] * level.dual_v
    return normal / np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)


def _matte(level: Level, colour: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """(rows, cols) 0..1: neither far off its surroundings nor as colourless as a highlight."""
    smooth = mean_around(colour, level.trust + EMPTY, 0.8)
    blue = smooth[..., 2] - smooth[..., 0] - GLOSS_OF_SHADING * np.abs(smooth @ CHANNELS)
    gloss = np.maximum(blue, 0) / GLOSS
    return 1 / (1 + (brightness / OUTLIER) ** 2) / (1 + gloss**2)


def _response(
    level: Level, normal: np.ndarray, shade: np.ndarray, floor: np.ndarray, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, cols) each: change of log brightness per mm of height to the next column, row."""
    slope = irradiance_slope(normal, light) / np.maximum(shade, floor)[..., None, :]
    slope = slope @ CHANNELS.astype(np.float64)
    across = slope - (slope * normal).sum(axis=2, keepdims=True) * normal
    size = np.linalg.norm(across, axis=2, keepdims=True)
    across = across * (MOST_RESPONSE * np.tanh(size / MOST_RESPONSE) / np.maximum(size, 1e-6))
    u, v = (-(across * dual).sum(axis=2) for dual in (level.dual_u, level.dual_v))
    return u.astype(np.float32), v.astype(np.float32)


def _slope_weight(level: Level, lines: Lines) -> np.ndarray:
    """(rows, cols) weight of squared slopes: small on lines, large on mottle and stubble."""
    least, usual, most = SLOPE_WEIGHT
    weight = np.clip(usual / (1 + (lines.strength / LINE) ** GATE), least, most)
    return weight * (1 + STUBBLE * level.beard * (1 - _sure_line(lines)))


def _sure_line(lines: Lines) -> np.ndarray:
    return lines.purity * np.clip(lines.strength / LINE, 0, 1)


def _equations(
    level: Level,
    brightness: np.ndarray,
    weight: np.ndarray,
    along: tuple[np.ndarray, np.ndarray],
    slopes: np.ndarray,
    lines: Lines,
) -> Octave:
    per_u, per_v = np.linalg.norm(level.dual_u, axis=2), np.linalg.norm(level.dual_v, axis=2)
    mean_square = 0.5 * (per_u**2 + per_v**2)
    held = ALONG_WEIGHT * _sure_line(lines)
    planes = {
        "cavity": CAVITY * 0.5 * (per_u + per_v) * (level.trust > 0),
        "uu": held * (lines.u * per_u) ** 2,
        "uv": held * lines.u * lines.v * per_u * per_v,
        "vv": held * (lines.v * per_v) ** 2,
        "isotropic": slopes * mean_square,
        "pull": (PULL + PULL_UNSEEN * (1 - level.trust)) * mean_square,
    }
    planes = {name: np.ascontiguousarray(plane, np.float32) for name, plane in planes.items()}
    return Octave(brightness, weight, *along, **planes)
