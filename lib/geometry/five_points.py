"""The five points that published systems align a face by, out of larger sets."""

from __future__ import annotations

import numpy as np

from lib.geometry.aligned_crop import standard_five

FIVE_OF_106 = (74, 83, 54, 84, 90)  # eyes, tip of the nose, corners of the mouth


def five_of_106(points: np.ndarray) -> np.ndarray:
    """(..., 5, 2) eye centres, nose tip and mouth corners of (..., 106, 2) points.

    The picture's left comes first. 3DDFA_V3 and HRN align by these.
    """
    return points[..., list(FIVE_OF_106), :]


def aligning_five(scheme: str, points: np.ndarray, ibug68: np.ndarray) -> np.ndarray:
    """(..., 5, 2) that the published system of a scheme aligns by.

    Args:
        scheme: of `points`; `ldm106` has five points of its own.
        points: (..., n_points, 2).
        ibug68: (..., 68, 2) of the same face, from which the five come in all other schemes.
    """
    return five_of_106(points) if scheme == "ldm106" else standard_five(ibug68)
