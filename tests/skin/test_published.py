"""The published mixture gives the published numbers."""

import numpy as np
import pytest

from lib.skin import published_probability


@pytest.mark.parametrize(
    ("blue_green_red", "expected"),
    [
        ((120, 150, 200), 251),
        ((60, 90, 140), 249),
        ((200, 100, 50), 0),
        ((255, 255, 255), 48),
        ((0, 0, 0), 7),
        ((90, 120, 170), 250),
    ],
)
def test_the_mixture_gives_the_numbers_of_its_authors(blue_green_red, expected):
    image = np.array([[blue_green_red[::-1]]], np.uint8)
    assert round(255 * published_probability(image)[0, 0]) == expected
