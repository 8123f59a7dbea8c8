"""Lines in an octave of brightness: how much more of a line there is than of spots and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

N_DIRECTIONS = 8
ACROSS, ALONG = 1.1, 4.0  # standard deviations of the filters, texels
REACH = 2.5
SPOT = 5.0  # a spot answers along as much as across; so much of that is taken off
SMOOTH = 1.0
MOTTLED, AROUND = 3.0, 4.0  # energy of spots that counts as usual; how far around, texels


@dataclass(frozen=True)
class Lines:
    """Evidence of lines, (rows, cols) float32 each.

    Args:
        strength: energy of the best direction over that at right angles, over the usual energy.
        u, v: unit vector along the line, towards the next column and row.
        purity: 0..1: how much more across than along.
    """

    strength: np.ndarray
    u: np.ndarray
    v: np.ndarray
    purity: np.ndarray


def find_lines(brightness: np.ndarray, seen: np.ndarray, least: float) -> Lines:
    """Lines of an octave.

    Args:
        brightness: (rows, cols) float32, mean 0 around every texel, 0 where nothing was seen.
        seen: (rows, cols) bool: where the usual energy is measured.
        least: amplitude below which all is noise.
    """
    energy = np.stack([_energy(brightness, *pair) for pair in _FILTERS])
    best = energy.argmax(axis=0)
    most = np.take_along_axis(energy, best[None], 0)[0]
    side = np.take_along_axis(energy, (best[None] + N_DIRECTIONS // 2) % N_DIRECTIONS, 0)[0]
    usual = max(float(np.median(most[seen])), least**2)
    usual = np.maximum(usual, MOTTLED * _spots_around(side, seen))
    strength = cv2.GaussianBlur(np.maximum(most - SPOT * side, 0) / usual, (0, 0), SMOOTH)
    across = (best * (np.pi / N_DIRECTIONS)).astype(np.float32)
    purity = np.clip((most - side) / np.maximum(most + side, 1e-12), 0, 1)
    return Lines(strength, -np.sin(across), np.cos(across), purity)


def _spots_around(energy: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(rows, cols) mean energy at right angles to lines: mottled skin has lines by chance."""
    weight = seen.astype(np.float32)
    total = cv2.GaussianBlur(energy * weight, (0, 0), AROUND)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), AROUND), 1e-3)


def _energy(brightness: np.ndarray, even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    answers = (
        cv2.filter2D(brightness, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
        for kernel in (even, odd)
    )
    return sum(answer**2 for answer in answers)


def _filters() -> list[tuple[np.ndarray, np.ndarray]]:
    """For directions across a line, turning from +u to +v: a ridge and an edge, of unit energy."""
    reach = int(np.ceil(REACH * ALONG))
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    result = []
    for k in range(N_DIRECTIONS):
        cosine, sine = np.cos(k * np.pi / N_DIRECTIONS), np.sin(k * np.pi / N_DIRECTIONS)
        across, along = (u * cosine + v * sine) / ACROSS, (v * cosine - u * sine) / ALONG
        bell = np.exp(-0.5 * (across**2 + along**2))
        ridge = (1 - across**2) * bell
        ridge -= bell * ridge.sum() / bell.sum()
        pair = (ridge, across * bell)
        result.append(tuple((f / np.sqrt((f * f).sum())).astype(np.float32) for f in pair))
    return result


_FILTERS = _filters()
