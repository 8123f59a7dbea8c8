"""A patch of curved skin under a known light, whose relief and colours are known."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from lib.render import ambient_light, distant_light, irradiance
from lib.uvspace.unwrap import UnwrappedFace

SIDE, TEXEL_MM, RADIUS_MM = 224, 0.3, 60.0
SKIN = np.float32([0.5, 0.3, 0.22])
SIDE_LIGHT = 0.35 * ambient_light() + 0.6 * distant_light(np.array([-0.8, 0.2, 0.6]))


def places() -> tuple[np.ndarray, np.ndarray]:
    """(SIDE, SIDE) each: mm to the right and up of the middle."""
    step = (np.arange(SIDE) - (SIDE - 1) / 2) * TEXEL_MM
    return np.broadcast_to(step, (SIDE, SIDE)), np.broadcast_to(-step[:, None], (SIDE, SIDE))


def skin_patch(
    height_mm: np.ndarray | float = 0.0,
    light: np.ndarray = SIDE_LIGHT,
    paint: np.ndarray | float = 0.0,
    noise: float = 0.0,
    pixel_mm: float = TEXEL_MM,
) -> UnwrappedFace:
    """A photographed patch.

    Args:
        height_mm: (SIDE, SIDE) relief.
        light: (9, 3).
        paint: (SIDE, SIDE[, 3]) added to the log albedo.
        noise: standard deviation of log brightness per pixel.
        pixel_mm: extent of the photo's pixels, by which it is blurred.
    """
    x, y = places()
    z = np.sqrt(np.maximum(RADIUS_MM**2 - x**2 - y**2, 1))
    normal = np.stack([x, y, z], axis=2) / RADIUS_MM
    position = np.stack([x, y, z - RADIUS_MM], axis=2)
    relief = np.broadcast_to(height_mm, (SIDE, SIDE))
    moved = position + relief[..., None] * normal
    tilted = np.cross(np.gradient(moved, axis=1), -np.gradient(moved, axis=0))
    tilted /= np.linalg.norm(tilted, axis=2, keepdims=True)
    paint = np.broadcast_to(np.atleast_3d(paint), (SIDE, SIDE, 3))
    rgb = SKIN * np.exp(paint) * irradiance(tilted, light)
    grain = np.random.default_rng(3).standard_normal((SIDE, SIDE)) * noise
    rgb = rgb * np.exp(grain)[..., None]
    if pixel_mm > TEXEL_MM:
        sigma = 0.5 * np.sqrt((pixel_mm / TEXEL_MM) ** 2 - 1)
        rgb = gaussian_filter(rgb, (sigma, sigma, 0))
    full, empty = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    return UnwrappedFace(
        position=position.astype(np.float32),
        normal=normal.astype(np.float32),
        mask=full > 0,
        across=np.gradient(position, axis=1).astype(np.float32),
        down=np.gradient(position, axis=0).astype(np.float32),
        rgb=rgb.astype(np.float32),
        weight=full,
        skin=full,
        bare=full,
        beard=empty,
        lips=empty,
        to_camera=np.broadcast_to(np.float32([0, 0, 1]), (SIDE, SIDE, 3)),
        pixel_mm=full * np.float32(pixel_mm),
        place_px=np.stack([x, -y], axis=2).astype(np.float32),
        albedo=np.broadcast_to(SKIN, (SIDE, SIDE, 3)),
        light=light.astype(np.float32),
    )


def groove(angle_deg: float, depth_mm: float = 0.3, width_mm: float = 0.7) -> np.ndarray:
    """(SIDE, SIDE) mm of a straight groove through the middle; 0 degrees = it runs up and down."""
    x, y = places()
    angle = np.radians(angle_deg)
    off = x * np.cos(angle) + y * np.sin(angle)
    return -depth_mm * np.exp(-0.5 * (off / width_mm) ** 2)


def freckles(strength: float = 0.5) -> np.ndarray:
    """(SIDE, SIDE, 3) log albedo of 60 spots with sharp edges, of melanin's colour."""
    chance = np.random.default_rng(5)
    x, y = places()
    cover = np.zeros((SIDE, SIDE))
    for _ in range(60):
        at, radius = chance.uniform(-30, 30, 2), chance.uniform(0.4, 1.6)
        off = np.hypot(x - at[0], y - at[1])
        spot = chance.uniform(0.3, 1) / (1 + np.exp((off - radius) / 0.15))
        cover = np.maximum(cover, spot)
    return -strength * cover[..., None] * np.array([0.69, 0.83, 1.0])
