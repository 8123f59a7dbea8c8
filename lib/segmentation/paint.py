"""Parts and points drawn over a photo, in the published colours."""

from __future__ import annotations

import cv2
import numpy as np

PART_COLOURS = np.array(  # sRGB of labels 0 to 8
    [
        (0, 0, 0),
        (0, 205, 0),
        (0, 138, 0),
        (139, 76, 57),
        (139, 54, 38),
        (154, 50, 205),
        (72, 118, 255),
        (22, 22, 139),
        (255, 255, 0),
    ],
    np.uint8,
)
PART_SHARE, PART_BRIGHTNESS = 0.5, 0.75
WHOLE_COLOUR = (100, 200, 200)  # sRGB
POINT_COLOUR = (0, 255, 0)


def paint_parts(image: np.ndarray, label: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: an sRGB image under the colours of its labels (h, w); no part is black."""
    colour = PART_BRIGHTNESS * PART_COLOURS.astype(np.float32)[label]
    mixed = PART_SHARE * colour + (1 - PART_SHARE) * image
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def paint_whole(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: an sRGB image with one part (h, w) bool in a plain colour."""
    result = image.copy()
    result[inside] = WHOLE_COLOUR
    return result


def paint_points(image: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: an sRGB image with green discs at points (n, 2); NaN points are left out.

    The published circles have the radius and twice the radius as thickness: discs of two radii.
    """
    radius = max(min(image.shape[:2]) // 200, 1)
    result = np.ascontiguousarray(image).copy()
    for x, y in points_px[np.isfinite(points_px).all(axis=1)]:
        cv2.circle(result, (round(float(x)), round(float(y))), radius, POINT_COLOUR, 2 * radius)
    return result
