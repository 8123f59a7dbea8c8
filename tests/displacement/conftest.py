"""A patch of skin that fills the chart, with relief that is known."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from lib.artefacts import Surface, Texture
from lib.uvspace.bare import SkinChart

SIDE_MM = 60.0
SIDE = 256


def bumps(side, sigma_mm, seed, spread=1.0):
    """(side, side) smooth noise of a width on a patch of SIDE_MM, the same at any size."""
    rng = np.random.default_rng(seed)
    fine = rng.standard_normal((512, 512))
    field = gaussian_filter(fine, sigma_mm / SIDE_MM * 512, mode="wrap")
    field *= spread / field.std()
    if side == 512:
        return field
    return field.reshape(side, 512 // side, side, 512 // side).mean(axis=(1, 3))


@dataclass(frozen=True)
class Patch:
    surface: Surface
    texture: Texture
    chart: SkinChart


def patch(
    log_rgb, distance_mm, confidence=1.0, weight=1.0, bare=1.0, uv_size=SIDE, side_mm=SIDE_MM
):
    """A flat patch: (rows, rows, 3) log colours, (rows, rows) distance of its surface."""
    rows = len(distance_mm)
    step = (np.arange(rows) + 0.5) / rows * side_mm
    x, y = np.meshgrid(step, step[::-1])
    position = np.stack([x, y, np.zeros_like(x)], axis=2)
    normal = np.broadcast_to([0.0, 0.0, 1.0], position.shape)
    return Patch(
        Surface(
            method="made",
            head_to_world=np.eye(4)[:3],
            position_mm=position,
            normal=normal,
            distance_mm=distance_mm,
            confidence=np.broadcast_to(confidence, distance_mm.shape),
            expression_share=np.zeros(distance_mm.shape),
        ),
        Texture(rgb=0.3 * np.exp(log_rgb), weight=np.broadcast_to(weight, log_rgb.shape[:2])),
        SkinChart(
            np.ones((uv_size, uv_size), bool),
            np.broadcast_to(np.float32(bare), (uv_size, uv_size)),
        ),
    )


def grey(field):
    return np.repeat(field[..., None], 3, axis=2)


@pytest.fixture(scope="session")
def relief():
    """Fine and coarse relief of one patch, mm."""
    return bumps(SIDE, 0.3, 1, 0.01), bumps(SIDE, 1.4, 2, 0.02)
