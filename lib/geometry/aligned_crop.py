"""The upright square about a face that coefficient regressors look at, and the way back.

The face is scaled and moved, never turned, so that five points lie as on a standard face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.errors import ShapeError

SIDE_PX = 224
STANDARD_SCALE = 102.0  # crop px per unit of the standard face, for a crop of 224
# Standard face: eyes, nose tip, mouth corners, the picture's left first; y up, z to the viewer.
STANDARD_FIVE = np.array(
    [
        [-0.3114866, 0.2903608, 0.1337795],
        [0.3097989, 0.2897204, 0.1317953],
        [0.0032535, -0.0461793, 0.5524424],
        [-0.2521693, -0.3813392, 0.2240573],
        [0.2484662, -0.3812824, 0.2223577],
    ]
)

Rounding = Literal["published", "exact"]


@dataclass(frozen=True)
class AlignedCrop:
    """A square crop of an image that was resized as a whole.

    A pixel (x, y) of the image lies at `(x + 0.5) * resized / size - 0.5 - corner` in the crop.

    Args:
        size: (h, w) of the image.
        scale: crop px per image px.
        centre: (2,) image place (x, y up from the lower border) of the standard face's origin.
        resized: (h, w) of the resized image; whole numbers as published.
        corner: (left, top) of the crop in it; whole numbers as published.
        side: of the crop in px.
    """

    size: tuple[int, int]
    scale: float
    centre: tuple[float, float]
    resized: tuple[float, float]
    corner: tuple[float, float]
    side: int = SIDE_PX

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) affine map from image px to crop px; integers are pixel centres in both."""
        step = np.array([self.resized[1] / self.size[1], self.resized[0] / self.size[0]])
        return np.column_stack([np.diag(step), 0.5 * step - 0.5 - np.asarray(self.corner)])

    @property
    def parameters(self) -> np.ndarray:
        """(5,) as published: width, height, scale, x and y (up) of the face's origin."""
        return np.array([self.size[1], self.size[0], self.scale, *self.centre])

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) crop px of (..., 2) image px."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) image px of (..., 2) crop px."""
        return (points - self.matrix[:, 2]) / np.diagonal(self.matrix[:, :2])

    def published_points(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) image px -> crop px with y UP, by the published formula.

        It leaves out roundings and half a pixel: published crops are up to 1.5 px off it.
        """
        height, width = self.size
        up = np.stack([points[..., 0], height - 1 - points[..., 1]], -1)
        whole = np.array([self.resized[1], self.resized[0]]) / 2 - self.side / 2
        return (up - self.centre + np.array([width, height]) / 2) * self.scale - whole

    def published_image(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) image px of crop px, y down in both, by 3DDFA_V3's formula.

        It forgets half a pixel of each grid: (u + left) W / w.
        """
        step = np.array([self.size[1] / self.resized[1], self.size[0] / self.resized[0]])
        return (points + np.asarray(self.corner)) * step


def standard_five(ibug68: np.ndarray) -> np.ndarray:
    """(..., 5, 2) eye centres, nose tip and mouth corners of (..., 68, 2) iBUG points.

    An eye's centre is the middle of its two corners; the picture's left comes first.
    """
    eyes = [ibug68[..., [a, b], :].mean(-2) for a, b in ((36, 39), (42, 45))]
    return np.stack([*eyes, *(ibug68[..., k, :] for k in (30, 48, 54))], -2)


def align_face(
    five: np.ndarray,
    size: tuple[int, int],
    rounding: Rounding = "exact",
    side: int = SIDE_PX,
) -> AlignedCrop:
    """The crop in which five points lie as on the standard face.

    Args:
        five: (5, 2) image px, y down, in the order of `STANDARD_FIVE`.
        size: (h, w) of the image.
        rounding: `published` cuts the resized image and its corner to whole pixels, as the
            published weights saw it; `exact` does not, so that x and y have one scale.
        side: of the crop.

    Raises:
        ShapeError: `five` is not (5, 2).
        ValueError: the points are not finite, or all in one place.

    Source: Deng et al. 2019, CVPRW; a scaled orthographic pose by least squares of which scale
        and translation alone are used.
    """
    five = np.asarray(five, np.float64)
    if five.shape != (5, 2):
        raise ShapeError("five", five.shape, "(5, 2)")
    height, width = size
    up = np.column_stack([five[:, 0], height - 1 - five[:, 1]])
    known = np.column_stack([STANDARD_FIVE, np.ones(5)])
    if not np.isfinite(up).all() or np.ptp(up, axis=0).max() == 0:
        raise ValueError(f"five points at {five.tolist()} tell no scale; expected a face's points.")
    axes = np.linalg.lstsq(known, up, rcond=None)[0].T  # (2, 4): two rows of scaled rotation, t
    spread = np.linalg.norm(axes[:, :3], axis=1).mean()
    scale = STANDARD_SCALE * side / SIDE_PX / spread
    centre = axes[:, 3]
    resized = np.array([height, width]) * scale
    half = side / 2
    if rounding == "published":
        resized = np.trunc(resized)
    offset = (centre - np.array([width, height]) / 2) * [scale, -scale]
    corner = resized[::-1] / 2 - half + offset
    if rounding == "published":
        corner = np.trunc(corner)
    else:  # the published formula for points, with y up, holds to the bit
        corner = corner + [0.5 * scale - 0.5, 0.5 - 0.5 * scale]
    return AlignedCrop(
        (int(height), int(width)),
        float(scale),
        (float(centre[0]), float(centre[1])),
        (float(resized[0]), float(resized[1])),
        (float(corner[0]), float(corner[1])),
        side,
    )
