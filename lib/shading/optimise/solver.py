"""One octave of relief from one octave of brightness: a linear system by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.shading.optimise import kernels

CAVITY_TEXELS = 5  # side of the box around a texel over which it is high or deep


@dataclass(frozen=True)
class Octave:
    """The equations of one octave: brightness = along . grad h + cavity (h - mean around), + noise.

    All arrays are (rows, cols) float32 and count per texel step.

    Args:
        brightness: what is to be explained.
        weight: of that.
        along_u, along_v: change of brightness per slope towards the next column and row.
        cavity: change of brightness per height over its surroundings.
        uu, uv, vv: tensor that punishes slopes.
        isotropic: weight of squared steps between neighbours.
        pull: weight of squared heights.
    """

    brightness: np.ndarray
    weight: np.ndarray
    along_u: np.ndarray
    along_v: np.ndarray
    cavity: np.ndarray
    uu: np.ndarray
    uv: np.ndarray
    vv: np.ndarray
    isotropic: np.ndarray
    pull: np.ndarray

    def shaded(self, height: np.ndarray) -> np.ndarray:
        """(rows, cols) change of brightness by a height."""
        result = np.zeros_like(height)
        kernels.forward(height, self.along_u, self.along_v, result)
        return result + self.depth(height)

    def depth(self, height: np.ndarray) -> np.ndarray:
        """(rows, cols) the part of it that does not depend on the light: dark is deep."""
        return self.cavity * (height - _around(height))

    def gradient(self, height: np.ndarray, shaded: np.ndarray) -> np.ndarray:
        """(rows, cols) of half the squares, `shaded` being already weighted."""
        out, flux_u, flux_v = np.zeros_like(height), np.zeros_like(height), np.zeros_like(height)
        kernels.normal_matrix(
            height,
            shaded,
            self.along_u,
            self.along_v,
            self.uu,
            self.uv,
            self.vv,
            self.isotropic,
            self.pull,
            flux_u,
            flux_v,
            out,
        )
        deep = self.cavity * shaded
        return out + deep - _around(deep)

    def diagonal(self) -> np.ndarray:
        """(rows, cols) about that of the matrix; what each texel knows of its height."""
        slopes = self.weight * (self.along_u**2 + self.along_v**2) + self.uu + self.vv
        deep = self.weight * self.cavity**2 * (1 - 1 / CAVITY_TEXELS**2)
        return 0.5 * _around(slopes) + deep + 4 * self.isotropic + self.pull


def solve(octave: Octave, rounds: int) -> np.ndarray:
    """(rows, cols) height that fits an octave best, after some rounds of conjugate gradients."""
    height = np.zeros_like(octave.brightness)
    residual = octave.gradient(height, octave.weight * octave.brightness)
    inverse = 1 / np.maximum(octave.diagonal(), 1e-12)
    ahead = inverse * residual
    size = _dot(residual, ahead)
    first = size
    direction = ahead.copy()
    for _ in range(rounds):
        if size <= 1e-8 * first:
            break
        turned = octave.gradient(direction, octave.weight * octave.shaded(direction))
        step = np.float32(size / _dot(direction, turned))
        height += step * direction
        residual -= step * turned
        ahead = inverse * residual
        size, before = _dot(residual, ahead), size
        direction = ahead + np.float32(size / before) * direction
    return height


def _around(values: np.ndarray) -> np.ndarray:
    side = (CAVITY_TEXELS, CAVITY_TEXELS)
    return cv2.boxFilter(values, cv2.CV_32F, side, borderType=cv2.BORDER_CONSTANT)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a.ravel().astype(np.float64), b.ravel().astype(np.float64)))
