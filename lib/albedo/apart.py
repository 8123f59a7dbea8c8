"""Albedo and light of photos, apart: what every method gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from lib.albedo.chart import HeadChart
from lib.albedo.photo import ChartPhoto
from lib.uvspace.masked import masked_gaussian

LOCAL_SIDE = 128  # of the chart of local light
LOCAL_SMOOTH = 0.01  # of that chart's side: how far known local light is carried on
MOST_LOCAL = 3.0  # log
GUESSED = 0.05  # weight of what is told and not seen, beside photos that show it
UNSURE_DEG = 12.0  # of a typology angle that a method tells without a sigma


@dataclass(frozen=True)
class Apart:
    """One photo's albedo and light.

    Args:
        rgb: (rows, cols, 3) float32 linear albedo; 0 where the photo shows nothing.
        weight: (rows, cols) float32 0..1: how far the photo told it.
        light: (9, 3) float32 model frame.
        local: (h, w, 9, 3) float32 added to the light at places of the chart.
        told: (rows, cols) float32 0..1: where the method tells the albedo although the photo does
            not show it; None = nowhere.
        angle_sigma_deg: standard deviation of the skin's typology angle.
    """

    rgb: np.ndarray
    weight: np.ndarray
    light: np.ndarray
    local: np.ndarray
    told: np.ndarray | None = None
    angle_sigma_deg: float = UNSURE_DEG

    @property
    def known(self) -> np.ndarray:
        """(rows, cols) float32 0..1: how far the albedo is known at all."""
        return self.weight if self.told is None else np.maximum(self.weight, self.told)

    @property
    def share(self) -> np.ndarray:
        """(rows, cols) float32 0..1: how much it counts beside other photos."""
        return self.weight if self.told is None else np.maximum(self.weight, GUESSED * self.told)


class Method(Protocol):
    """Takes the photos of one subject apart."""

    def __call__(self, chart: HeadChart, photos: Sequence[ChartPhoto]) -> tuple[Apart, ...]:
        """One for each photo; all photos show the same skin."""


def scaled_light(light: np.ndarray, log_factor: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(LOCAL_SIDE, LOCAL_SIDE, 9, 3) float32: what makes a light so much brighter at places.

    Args:
        light: (9, 3).
        log_factor: (rows, cols, 3) logarithm of the factor.
        known: (rows, cols) 0..1: where it is known; elsewhere it is carried on, and falls to 0.
    """
    side = (LOCAL_SIDE, LOCAL_SIDE)
    share = cv2.resize(known.astype(np.float32), side, interpolation=cv2.INTER_AREA)
    held = (log_factor * known[..., None]).astype(np.float32)
    total = cv2.resize(held, side, interpolation=cv2.INTER_AREA)
    mean = total / np.maximum(share, 1e-6)[..., None]
    around = masked_gaussian(mean, share, LOCAL_SMOOTH * LOCAL_SIDE)
    full = np.where(share[..., None] > 1e-3, mean, around)
    factor = np.exp(np.clip(full, -MOST_LOCAL, MOST_LOCAL))
    return ((factor - 1)[:, :, None, :] * light).astype(np.float32)
