"""Image channels for matching: brightness, and two differences of colours that highlights keep."""

from __future__ import annotations

import numpy as np

from lib.imaging import srgb_to_linear

BRIGHTNESS = 0.3  # share of the brightness, whose highlights wander, beside the colour differences
NOISE = (BRIGHTNESS, 1.5, 1.5)  # of each channel, per noise of an sRGB value


def matching_channels(image: np.ndarray) -> np.ndarray:
    """Channels that two views of one place share, highlight or not.

    A highlight on skin has the colour of the light. In a picture whose white is the light's colour
    it adds the same to red, green and blue, so their differences in linear light do not see it.

    Args:
        image: (h, w, 3) uint8 sRGB.

    Returns:
        (h, w, 3) float32: reduced brightness, red - green, green - blue; unit 1/255.
    """
    linear = srgb_to_linear(image) * np.float32(255)
    coded = image.astype(np.float32)
    brightness = 0.25 * coded[..., 0] + 0.5 * coded[..., 1] + 0.25 * coded[..., 2]
    return np.dstack(
        [BRIGHTNESS * brightness, linear[..., 0] - linear[..., 1], linear[..., 1] - linear[..., 2]]
    )
