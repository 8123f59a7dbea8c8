"""Smooth random fields in space: the same at any resolution, without seams between charts."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numba import njit

CELLS = 64  # along each axis of the periodic block
CELLS_PER_WAVE = 8.0
BAND = 0.35  # spread of the wave number about its mean, relative
SEED = 20_011
SAMPLES_PER_WAVE = 7.0  # of a band that is drawn on fewer texels
NYQUIST_WAVES = (2.4, 4.8)  # texels per wave below which a band is left out, above which it is full


@functools.lru_cache(maxsize=1)
def _block() -> np.ndarray:
    """(CELLS, CELLS, CELLS) float32 periodic noise of one wavelength, mean 0, variance 1."""
    white = np.random.default_rng(SEED).standard_normal((CELLS,) * 3)
    wave = np.fft.fftfreq(CELLS, 1 / CELLS)
    number = np.sqrt(sum(np.square(w) for w in np.meshgrid(wave, wave, wave, indexing="ij")))
    ring = CELLS / CELLS_PER_WAVE
    kept = np.exp(-0.5 * ((number - ring) / (BAND * ring)) ** 2)
    kept[0, 0, 0] = 0
    noise = np.fft.ifftn(np.fft.fftn(white) * kept).real
    return np.ascontiguousarray(noise / noise.std(), np.float32)


def band_weight(wavelength_mm: float, mm_per_texel: float) -> float:
    """0..1, how much of a wave a grid of that pitch may carry."""
    low, high = NYQUIST_WAVES
    return float(np.clip((wavelength_mm / mm_per_texel - low) / (high - low), 0, 1))


def solid_noise(
    position: np.ndarray,
    inside: np.ndarray,
    wavelengths_mm: tuple[float, ...],
    amplitudes: tuple[float, ...],
    chance: np.random.Generator,
    mm_per_texel: float,
) -> np.ndarray:
    """(h, w) float32 sum of random bands; 0 outside. Bands too fine for the grid are left out.

    The draws are the same whatever the grid, so that two grids show one field.

    Args:
        position: (h, w, 3) mm.
        inside: (h, w) bool.
        wavelengths_mm: of each band.
        amplitudes: standard deviation of each band.
        chance: source of random numbers.
        mm_per_texel: pitch of the grid.
    """
    moves = [_random_move(chance, wavelength) for wavelength in wavelengths_mm]
    result = np.zeros(inside.shape, np.float32)
    for wavelength, amplitude, move in zip(wavelengths_mm, amplitudes, moves):
        share = np.float32(amplitude * band_weight(wavelength, mm_per_texel))
        if share < 0.05 * amplitude:
            continue
        step = _step(wavelength, mm_per_texel)
        if step == 1:
            _add_band(position, inside, _block(), move, share, result)
            continue
        # long waves on fewer texels, each cell's middle
        coarse = np.ascontiguousarray(position[step // 2 :: step, step // 2 :: step])
        within = np.ones(coarse.shape[:2], bool)
        band = np.zeros(coarse.shape[:2], np.float32)
        _add_band(coarse, within, _block(), move, share, band)
        result += cv2.resize(band, inside.shape[::-1], interpolation=cv2.INTER_LINEAR)
    result *= inside
    return result


def _step(wavelength_mm: float, mm_per_texel: float) -> int:
    """1, 2, 4 or 8: the coarsest step that leaves enough samples per wave."""
    for step in (8, 4, 2):
        if wavelength_mm >= SAMPLES_PER_WAVE * step * mm_per_texel:
            return step
    return 1


def _random_move(chance: np.random.Generator, wavelength: float) -> np.ndarray:
    """(3, 4) float32 turn, scale and shift from mm to cells of the block."""
    turn, _ = np.linalg.qr(chance.standard_normal((3, 3)))
    shift = chance.uniform(0, CELLS, 3) + 64 * CELLS  # positive for all heads
    return np.column_stack([turn * (CELLS_PER_WAVE / wavelength), shift]).astype(np.float32)


@njit(cache=True, nogil=True)
def _add_band(position, inside, block, move, share, result):
    mask = block.shape[0] - 1
    for row in range(inside.shape[0]):
        for column in range(inside.shape[1]):
            if not inside[row, column]:
                continue
            x, y, z = position[row, column, 0], position[row, column, 1], position[row, column, 2]
            a = move[0, 0] * x + move[0, 1] * y + move[0, 2] * z + move[0, 3]
            b = move[1, 0] * x + move[1, 1] * y + move[1, 2] * z + move[1, 3]
            c = move[2, 0] * x + move[2, 1] * y + move[2, 2] * z + move[2, 3]
            i, j, k = int(a), int(b), int(c)
            fa, fb, fc = a - i, b - j, c - k
            i0, j0, k0 = i & mask, j & mask, k & mask
            i1, j1, k1 = (i + 1) & mask, (j + 1) & mask, (k + 1) & mask
            low = (block[i0, j0, k0] * (1 - fc) + block[i0, j0, k1] * fc) * (1 - fb)
            low += (block[i0, j1, k0] * (1 - fc) + block[i0, j1, k1] * fc) * fb
            high = (block[i1, j0, k0] * (1 - fc) + block[i1, j0, k1] * fc) * (1 - fb)
            high += (block[i1, j1, k0] * (1 - fc) + block[i1, j1, k1] * fc) * fb
            result[row, column] += share * (low * (1 - fa) + high * fa)
