"""A face on its chart at several sizes: colours without the base's shading, frames and weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from lib.render import irradiance
from lib.uvspace.unwrap import UnwrappedFace

COARSEST_MM = 2.2  # texels of the last level are at least three quarters of it
SEEN = 0.3  # trust of texels from which statistics are made
LEAST_SIDE = 16  # texels
DARKEST = 0.002  # linear; below it there is noise only
DARKEST_LIGHT = 0.1  # of the usual irradiance
CLIPPED = 0.95
CLIPPED_TEXELS = 1.5
EMPTY = 1e-4  # weight of unseen texels in averages, where nothing else is near
SMOOTH = np.float32([0.25, 0.5, 0.25])
# Shading in green and blue is clearest: light spreads below the skin the farther the redder it is.
CHANNELS = np.float32([0.25, 0.45, 0.3])


@dataclass(frozen=True)
class Level:
    """A face at one size of its chart; (rows, cols, ...) float32 each.

    Args:
        log_rgb: log colour over the shading of the base surface.
        trust: 0..1: skin that the photo shows.
        normal: unit normal of the base.
        dual_u, dual_v: (.., 3) slope in space, 1/mm, per mm of height from one texel to the next
            column and row.
        texel_mm, pixel_mm: extent of texels, and of the photo's pixels.
        beard: 0..1 where beards grow.
    """

    log_rgb: np.ndarray
    trust: np.ndarray
    normal: np.ndarray
    dual_u: np.ndarray
    dual_v: np.ndarray
    texel_mm: np.ndarray
    pixel_mm: np.ndarray
    beard: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """(rows, cols) bool."""
        return self.trust > SEEN

    def halved(self) -> Level:
        """The level of texels twice as large."""
        weight, flat = self.trust + EMPTY, np.ones_like(self.trust)
        normal = _halved(self.normal, flat)
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
        return Level(
            log_rgb=_halved(_smoothed(self.log_rgb, weight), weight),
            trust=_halved(self.trust, flat),
            normal=normal,
            dual_u=_halved(self.dual_u, flat) / 2,
            dual_v=_halved(self.dual_v, flat) / 2,
            texel_mm=_halved(self.texel_mm, flat) * 2,
            pixel_mm=_halved(self.pixel_mm, flat),
            beard=_halved(self.beard, flat),
        )


def first_level(face: UnwrappedFace, light: np.ndarray) -> Level:
    """The level of a face's own texels, before its skin is told from hair.

    Args:
        face: what the photo shows.
        light: (9, 3) SH light of the photo.
    """
    shade = irradiance(face.normal.astype(np.float64), light)
    usual = np.median(shade[face.trust > SEEN], axis=0)
    shade = np.maximum(shade, np.maximum(DARKEST_LIGHT * usual, DARKEST))
    clipped = blurred((face.rgb > CLIPPED).any(axis=2).astype(np.float32), CLIPPED_TEXELS)
    u, v = (
        step / np.maximum((step**2).sum(axis=2, keepdims=True), 1e-8)
        for step in (face.across, face.down)
    )
    return Level(
        log_rgb=(np.log(np.maximum(face.rgb, DARKEST)) - np.log(shade)).astype(np.float32),
        trust=face.trust * np.clip(1 - 1.5 * clipped, 0, 1),
        normal=face.normal,
        dual_u=u,
        dual_v=v,
        texel_mm=face.texel_mm.astype(np.float32),
        pixel_mm=face.pixel_mm,
        beard=face.beard,
    )


def with_coarser(level: Level) -> list[Level]:
    """A level and all coarser ones, finest first; sides are halved, so they should be even."""
    levels = [level]
    while levels[-1].seen.any() and min(levels[-1].trust.shape) >= 2 * LEAST_SIDE:
        if np.median(levels[-1].texel_mm[levels[-1].seen]) >= 0.75 * COARSEST_MM:
            break
        levels.append(levels[-1].halved())
    return levels


def trusting(level: Level, factor: np.ndarray) -> Level:
    """The level with its trust times (rows, cols) 0..1."""
    return replace(level, trust=(level.trust * factor).astype(np.float32))


def _smoothed(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted means around each texel, so that what larger texels cannot show does not alias."""

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(plane, cv2.CV_32F, SMOOTH, SMOOTH, borderType=cv2.BORDER_REPLICATE)

    return mean(values * weight[..., None]) / mean(weight)[..., None]


def _halved(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted means of two by two texels."""

    def total(plane: np.ndarray) -> np.ndarray:
        rows, cols = plane.shape[:2]
        return plane.reshape(rows // 2, 2, cols // 2, 2, *plane.shape[2:]).sum(axis=(1, 3))

    weight = weight.reshape(*weight.shape, *[1] * (values.ndim - 2))
    return (total(values * weight) / total(weight)).astype(np.float32)


def enlarged(values: np.ndarray) -> np.ndarray:
    """(2 rows, 2 cols) smooth enlargement of (rows, cols): a quadratic spline, without ripples."""
    size = (values.shape[1] * 2, values.shape[0] * 2)
    doubled = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    return cv2.sepFilter2D(doubled, cv2.CV_32F, SMOOTH, SMOOTH, borderType=cv2.BORDER_REPLICATE)


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average with a width in texels, zero beyond the border."""
    plane = np.ascontiguousarray(values, np.float32)
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)


def mean_around(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted Gaussian average of (rows, cols[, c]) with a width in texels."""
    total = np.maximum(blurred(weight, sigma), EMPTY)
    if values.ndim == 2:
        return blurred(values * weight, sigma) / total
    return blurred(values * weight[..., None], sigma) / total[..., None]
