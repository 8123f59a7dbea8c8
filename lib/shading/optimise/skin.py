"""Which texels look like the skin of this face, and not like its hair or what lies before it."""

from __future__ import annotations

import cv2
import numpy as np

from lib.shading.optimise.levels import CHANNELS, EMPTY, Level, blurred, mean_around
from lib.uvspace.unwrap import UnwrappedFace

SKIN = (0.4, 0.9)  # of the skin mask: nothing below, all above
CELL_MM = 1.0  # of the cells whose colours are compared
SURE = 0.6  # trust of cells that tell what skin looks like
FEWEST = 100  # cells
LIP = (0.2, 0.6)  # a cell is none of the lips below, and theirs above
FEWEST_LIP = 20
WIDE_CELLS = 15.0  # blush, make-up and uneven light are wider
WIDE_SHARE = 0.6
SMOOTH_CELLS = 1.5
CHROMA = np.float32([[0.7, -0.7, 0.0], [0.4, 0.4, -0.8]])
LEAST_SPREAD = (0.2, 0.09, 0.09)  # of log brightness and of both chromas
FAR = 12.0  # squared distance from skin's colour at which half the trust is left
ROUGH = 12.0  # times the usual variance inside cells: hair
ROUGH_CELLS = 2.5
LEAST_ROUGH = 0.04  # log brightness


def like_skin(level: Level, face: UnwrappedFace) -> np.ndarray:
    """(rows, cols) float32 0..1: texels of the finest level that look like this face's skin.

    Colour and roughness of cells of a millimetre are compared with those of the whole face, and
    colour with that of its surroundings, too. Hair is rough, dark or of other colour.
    """
    skin = np.clip((face.skin - SKIN[0]) / (SKIN[1] - SKIN[0]), 0, 1)
    cells = _Cells(level.trust * skin, level.texel_mm)
    colour = cells.mean(level.log_rgb)
    variance = cells.mean((level.log_rgb @ CHANNELS) ** 2) - (colour @ CHANNELS) ** 2
    sure = cells.weight > SURE
    if sure.sum() < FEWEST:
        return skin.astype(np.float32)
    usual = _usual_colour(colour, cells.reduced(face.lips), cells.weight)
    around = mean_around(colour, cells.weight * sure + EMPTY, WIDE_CELLS)
    off = colour - (1 - WIDE_SHARE) * usual - WIDE_SHARE * around
    off = mean_around(off, cells.weight, SMOOTH_CELLS)
    far = sum(
        (plane / max(1.4826 * float(np.median(np.abs(plane[sure]))), least)) ** 2
        for plane, least in zip(
            [off @ CHANNELS, *(off @ CHROMA.T).transpose(2, 0, 1)], LEAST_SPREAD
        )
    )
    rough = mean_around(np.maximum(variance, 0), cells.weight, ROUGH_CELLS)
    rough = rough / max(float(np.median(rough[sure])), LEAST_ROUGH**2)
    good = 1 / (1 + (far / FAR) ** 2) / (1 + (rough / ROUGH) ** 2)
    good = blurred(cv2.erode(good.astype(np.float32), np.ones((3, 3))), 1.0)
    size = level.trust.shape[::-1]
    return (skin * cv2.resize(good, size, interpolation=cv2.INTER_LINEAR)).astype(np.float32)


def _usual_colour(colour: np.ndarray, lips: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) log colour of this face's skin, of its lips on the lips."""
    skin = np.median(colour[(weight > SURE) & (lips < LIP[0])], axis=0)
    inner = (weight > 0.15) & (lips > LIP[1])
    if inner.sum() <= FEWEST_LIP:
        return np.broadcast_to(skin, colour.shape)
    return skin + lips[..., None] * (np.median(colour[inner], axis=0) - skin)


class _Cells:
    """Weighted means over squares of the chart of about CELL_MM."""

    def __init__(self, weight: np.ndarray, texel_mm: np.ndarray):
        known = texel_mm[weight > 0.5]
        side = max(1, round(CELL_MM / float(np.median(known)))) if len(known) else 1
        self._size = (max(weight.shape[1] // side, 1), max(weight.shape[0] // side, 1))
        self._weight = (weight + EMPTY).astype(np.float32)
        self.weight = self.reduced(self._weight)

    def reduced(self, values: np.ndarray) -> np.ndarray:
        plane = np.ascontiguousarray(values, np.float32)
        return cv2.resize(plane, self._size, interpolation=cv2.INTER_AREA)

    def mean(self, values: np.ndarray) -> np.ndarray:
        if values.ndim == 2:
            return self.reduced(values * self._weight) / self.weight
        return self.reduced(values * self._weight[..., None]) / self.weight[..., None]
