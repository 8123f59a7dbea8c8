"""Lens distortion by OpenCV's rational model, and pictures freed of it."""

from __future__ import annotations

import cv2
import numpy as np

from lib.errors import ShapeError

STRIP_ROWS = 512
LONGEST_SIDE = 32766  # px, of cv2.remap
STEPS = 512


def distort(points: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Where a lens puts the rays that a pinhole would put at some points of its image plane.

    Args:
        points: (..., 2) x / z and y / z of the rays.
        coefficients: (8,) k1 k2 p1 p2 k3 k4 k5 k6.

    Returns:
        (..., 2) the same after distortion; multiply by the focal length, add the principal point.

    Source: OpenCV 4, calib3d, "Detailed Description"; rational part of Claus & Fitzgibbon 2005.
    """
    p1, p2 = coefficients[2:4]
    x, y = points[..., 0], points[..., 1]
    square = x**2 + y**2
    radial = radial_factor(square, coefficients)
    along = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2)
    down = y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y
    return np.stack([along, down], axis=-1)


def radial_factor(square: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """How much farther from the middle a point goes; `square` is its squared distance from it."""
    k1, k2, _, _, k3, k4, k5, k6 = coefficients
    above = 1 + square * (k1 + square * (k2 + square * k3))
    below = 1 + square * (k4 + square * (k5 + square * k6))
    return above / below


def keeps_order(coefficients: np.ndarray, reach: float) -> bool:
    """Whether points farther from the middle stay farther, up to the distance `reach`.

    Coefficients that fold the image over itself belong to another lens or another model.
    """
    radius = np.linspace(0, reach, STEPS)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        moved = radius * radial_factor(radius**2, coefficients)
    return bool(np.isfinite(moved).all() and (np.diff(moved) > 0).all())


def rational_of_polynomial(radial: np.ndarray, reach: float) -> tuple[np.ndarray, float]:
    """Radial terms of OpenCV's model that act like a polynomial with a term of the 8th order.

    Args:
        radial: (4,) factors of r^2, r^4, r^6, r^8.
        reach: largest distance from the middle at which they must agree.

    Returns:
        (6,) k1 k2 k3 k4 k5 k6, and the largest difference of a point's place up to `reach`.
    """
    radial = np.asarray(radial, np.float64)
    if radial[3] == 0:
        return np.concatenate([radial[:3], np.zeros(3)]), 0.0
    scaled = radial * reach ** np.array([2, 4, 6, 8])
    square = np.linspace(0, 1, STEPS)
    wanted = 1 + sum(k * square ** (i + 1) for i, k in enumerate(scaled))
    powers = square[:, None] ** np.array([1, 2, 3])
    # numerator = wanted * denominator, linear in all six
    system = np.concatenate([powers, -wanted[:, None] * powers], axis=1)
    found = np.linalg.lstsq(system, wanted - 1, rcond=None)[0]
    got = (1 + powers @ found[:3]) / (1 + powers @ found[3:])
    miss = float(np.abs(np.sqrt(square) * (got - wanted)).max()) * reach
    return found / np.tile(reach ** np.array([2, 4, 6]), 2), miss


def rectify(
    pixels: np.ndarray,
    focal_px: np.ndarray,
    centre_px: np.ndarray,
    coefficients: np.ndarray,
    row_stretch: float = 1.0,
) -> np.ndarray:
    """A picture as a pinhole with the same camera matrix would have taken it.

    Interpolated with OpenCV's Lanczos kernel in the pixels' own encoding, where its overshoots at
    bright edges stay small. Beyond the border of the source its border pixels go on.

    Args:
        pixels: (h, w) or (h, w, 3), uint8 or uint16.
        focal_px: (2,) focal lengths along x and y.
        centre_px: (2,) principal point (x, y), integer = pixel centre.
        coefficients: (8,) k1 k2 p1 p2 k3 k4 k5 k6.
        row_stretch: a row y of the result is the row `(y + 0.5) * row_stretch - 0.5` of that
            picture.

    Returns:
        The same shape and type; `pixels` itself where nothing would move.

    Raises:
        ShapeError: a side is longer than OpenCV can address.
    """
    if not np.any(coefficients) and row_stretch == 1:
        return pixels
    height, width = pixels.shape[:2]
    if max(height, width) > LONGEST_SIDE:
        raise ShapeError("pixels", pixels.shape, f"sides of at most {LONGEST_SIDE} px")
    camera = np.array(
        [[focal_px[0], 0, centre_px[0]], [0, focal_px[1], centre_px[1]], [0, 0, 1]], np.float64
    )
    target = camera.copy()
    target[1, 1] /= row_stretch
    target[1, 2] = (target[1, 2] + 0.5) / row_stretch - 0.5
    result = np.empty_like(pixels)
    for top in range(0, height, STRIP_ROWS):
        rows = min(STRIP_ROWS, height - top)
        shifted = target - np.array([[0, 0, 0], [0, 0, top], [0, 0, 0]])
        maps = cv2.initUndistortRectifyMap(
            camera, np.asarray(coefficients, np.float64), None, shifted, (width, rows), cv2.CV_32FC1
        )
        result[top : top + rows] = cv2.remap(
            pixels, *maps, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        )
    return result
