"""From linear light to the bytes of a photo: background, exposure, blur, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from lib.imaging import linear_to_srgb

HIGHLIGHT_KNEE = 0.8  # linear value beyond which a camera's tone curve rolls off


def draw_background(size: tuple[int, int], chance: np.random.Generator) -> np.ndarray:
    """(h, w, 3) linear RGB: soft gradients and blurred shapes, as behind a portrait."""
    height, width = size
    y, x = np.mgrid[:height, :width] / max(size)
    slope = chance.normal(0, 0.25, (2, 3))
    base = chance.uniform(0.03, 0.6) * np.exp(chance.normal(0, 0.15, 3))
    image = np.clip(base + x[..., None] * slope[0] * base + y[..., None] * slope[1] * base, 0, 1)
    image = image.astype(np.float32)
    for _ in range(chance.integers(0, 14)):
        middle = (chance.uniform(0, 1, 2) * [width, height]).astype(int)
        half = (chance.uniform(0.03, 0.35, 2) * max(size)).astype(int)
        colour = chance.uniform(0.02, 0.6) * np.exp(chance.normal(0, 0.3, 3))
        if chance.random() < 0.5:
            cv2.ellipse(image, middle.tolist(), half.tolist(), 0, 0, 360, colour.tolist(), -1)
        else:
            cv2.rectangle(
                image, (middle - half).tolist(), (middle + half).tolist(), colour.tolist(), -1
            )
    return cv2.GaussianBlur(image, (0, 0), float(chance.uniform(0.006, 0.04) * max(size)))


def develop(
    linear: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    supersample: int,
    chance: np.random.Generator,
) -> np.ndarray:
    """(h, w, 3) uint8 sRGB.

    Args:
        linear: (h * s, w * s, 3) radiance of the head, 1 = white.
        mask: (h * s, w * s) bool, where the head is.
        background: (h, w, 3) linear.
        supersample: s.
        chance: source of random numbers.
    """
    height, width = background.shape[:2]

    def average(field: np.ndarray) -> np.ndarray:
        parts = field.reshape(height, supersample, width, supersample, -1)
        return parts.mean(axis=(1, 3), dtype=np.float32)

    cover = average(mask.astype(np.float32))
    exposed = _rolled_off(linear * np.float32(np.exp(chance.normal(-0.2, 0.3))))
    image = average(exposed * mask[..., None]) + (1 - cover) * background
    image = cv2.GaussianBlur(image, (0, 0), float(chance.uniform(0.4, 1.1)))
    shot_noise, read_noise = chance.uniform(0.002, 0.012), chance.uniform(0.0005, 0.003)
    sigma = np.sqrt(shot_noise**2 * np.maximum(image, 0) + read_noise**2)
    image = image + sigma * chance.standard_normal(image.shape).astype(np.float32)
    encoded = np.rint(np.clip(linear_to_srgb(np.clip(image, 0, 1)), 0, 1) * 255).astype(np.uint8)
    quality = int(chance.integers(70, 97))
    packed = cv2.imencode(".jpg", encoded[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])


def _rolled_off(linear: np.ndarray) -> np.ndarray:
    """Values beyond the knee pressed below 1, smoothly."""
    over = np.maximum(linear - HIGHLIGHT_KNEE, 0)
    room = 1 - HIGHLIGHT_KNEE
    pressed = HIGHLIGHT_KNEE + room * (1 - np.exp(-over / room))
    return np.where(linear > HIGHLIGHT_KNEE, pressed, linear)
