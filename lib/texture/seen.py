"""What all views of a capture show of a head, in logarithms of colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.imaging import luminance

OFFSETS = (0.0005, 0.01)  # linear
GREY = 0.01  # linear; colours of a black-and-white photo differ less between their channels


@dataclass(frozen=True)
class Seen:
    """What all views together show.

    Args:
        log_rgb: (n, 3) float32.
        weight: (n,) 0..1: how far it is known to belong to the texel.
        expected_skin: (n,) 0..1 skin mask.
        mouth_open_mm: how much further than in the neutral face the lips are apart.
        own: (n,) 0..1: how far it is the face's own whatever its colour, because its surface was
            measured and views agree on it; None = nowhere.
    """

    log_rgb: np.ndarray
    weight: np.ndarray
    expected_skin: np.ndarray
    mouth_open_mm: float
    own: np.ndarray | None = None


@dataclass(frozen=True)
class Joined:
    """All views of a capture as one.

    Args:
        seen: colours and weights on the full chart.
        offset: of the log colours.
        main: the view that shows the most.
        grey: the photos are black and white.
        normals: (V, 3) unit normals of the head in the pose that is seen, in the frame of its
            shape.
        exact: the colours are taken as they are, even those that do not look like a face.
    """

    seen: Seen
    offset: float
    main: int
    grey: bool
    normals: np.ndarray
    exact: bool = False


def log_colour(rgb: np.ndarray, offset: float) -> np.ndarray:
    """(..., 3) float32 logarithm of linear RGB plus an offset, which keeps noise in black small."""
    return np.log(np.maximum(rgb, 0) + np.float32(offset)).astype(np.float32)


def linear_colour(log_rgb: np.ndarray, offset: float) -> np.ndarray:
    """Inverse of `log_colour`, not below black."""
    return np.maximum(np.exp(log_rgb) - np.float32(offset), 0)


def colour_offset(rgb: np.ndarray) -> float:
    """What is added to linear colours before their logarithm: little beside colours (k, 3)."""
    seen = luminance(rgb)
    return float(np.clip(0.04 * np.median(seen), *OFFSETS)) if len(seen) else OFFSETS[1]


def is_grey(rgb: np.ndarray) -> bool:
    """Whether colours (k, 3) are those of a black-and-white photo."""
    spread = rgb.max(axis=1, initial=0) - rgb.min(axis=1, initial=1)
    return len(rgb) > 0 and bool(np.quantile(spread, 0.99) < GREY)
