"""The sRGB transfer curve in both directions, and luminance."""

from __future__ import annotations

from functools import cache

import numpy as np

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear sRGB, ITU-R BT.709


def srgb_to_linear(image: np.ndarray) -> np.ndarray:
    """Linear light of sRGB-encoded values.

    Args:
        image: (...) uint8 0..255, uint16 0..65535, or float 0..1. Floats outside 0..1 are not
            clipped: the curve is continued as an odd function below 0 and as itself above 1.

    Returns:
        (...) float32, 1 = white; float64 for float64 input.

    Source: IEC 61966-2-1.
    """
    if image.dtype == np.uint8:
        return _linear_table(255)[image]
    if image.dtype == np.uint16:
        return _linear_table(65535)[image]
    size = np.abs(image)
    curve = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return np.copysign(curve, image).astype(_float_type(image), copy=False)


def srgb_to_linear_slope(image: np.ndarray) -> np.ndarray:
    """(...) derivative of `srgb_to_linear` at sRGB-encoded floats, 1 = white."""
    size = np.abs(image)
    curve = np.where(size <= 0.04045, 1 / 12.92, 2.4 / 1.055 * ((size + 0.055) / 1.055) ** 1.4)
    return curve.astype(_float_type(image), copy=False)


def linear_to_srgb(image: np.ndarray) -> np.ndarray:
    """sRGB-encoded values of linear light.

    Args:
        image: (...) float, 1 = white; not clipped.

    Returns:
        (...) float32, 0..1 for 0..1 input; float64 for float64 input.

    Source: IEC 61966-2-1.
    """
    size = np.abs(image)
    curve = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return np.copysign(curve, image).astype(_float_type(image), copy=False)


def linear_to_srgb8(image: np.ndarray) -> np.ndarray:
    """(...) uint8 sRGB of linear light: uint16 0..65535 by table, or float clipped to 0..1."""
    if image.dtype == np.uint16:
        return _srgb8_table()[image]
    return np.round(linear_to_srgb(np.clip(image, 0, 1)) * 255).astype(np.uint8)


def luminance(linear: np.ndarray) -> np.ndarray:
    """(...) luminance of (..., 3) linear sRGB."""
    return linear @ LUMINANCE.astype(linear.dtype, copy=False)


def linear16_table() -> np.ndarray:
    """(256,) uint16: linear light 0..65535 of each sRGB byte."""
    return np.round(_linear_table(255).astype(np.float64) * 65535).astype(np.uint16)


@cache
def _linear_table(top: int) -> np.ndarray:
    table = srgb_to_linear(np.arange(top + 1, dtype=np.float64) / top).astype(np.float32)
    table.setflags(write=False)
    return table


@cache
def _srgb8_table() -> np.ndarray:
    encoded = linear_to_srgb(np.arange(65536, dtype=np.float64) / 65535)
    return np.round(encoded * 255).astype(np.uint8)


def _float_type(image: np.ndarray) -> type:
    return np.float64 if image.dtype == np.float64 else np.float32
