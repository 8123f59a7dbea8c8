import numpy as np
import pytest

from lib.displacement.chart import surface_metric
from lib.displacement.light import slope_response
from tests.displacement.conftest import SIDE, SIDE_MM, bumps, grey, patch

LAMP = np.array([0.5, 0.2, 0.8])
INNER = (slice(24, -24), slice(24, -24))


def dome():
    """(rows, rows) height in mm of a patch that is as bent as a cheek."""
    step = (np.arange(SIDE) + 0.5) / SIDE * SIDE_MM - SIDE_MM / 2
    x, y = np.meshgrid(step, step[::-1])
    return -(x**2 + y**2) / 90


def response(height, bright):
    surface = patch(grey(bright), height).surface
    mm = surface_metric(surface).mm_per_texel
    return slope_response(surface, bright, np.ones(height.shape, np.float32), mm)


def shade(height):
    step = SIDE_MM / SIDE
    right, up = np.gradient(height, axis=1) / step, -np.gradient(height, axis=0) / step
    return (LAMP[2] - right * LAMP[0] - up * LAMP[1]) / np.sqrt(1 + right**2 + up**2)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_response_is_what_a_small_slope_does_to_the_brightness(axis):
    """Differences of the rendered brightness on a tilted dome, against the regression's."""
    height = dome()
    bright = np.log(shade(height))
    step = (np.arange(SIDE) + 0.5) / SIDE * SIDE_MM
    ramp = np.meshgrid(step, step[::-1])[axis]
    expected = (np.log(shade(height + 0.01 * ramp)) - bright) / 0.01
    # A slope is counted along the bent surface, the ramp in the plane below it.
    found = response(height, bright)[..., axis]
    middle = (slice(96, 160), slice(96, 160))
    np.testing.assert_allclose(
        found[middle], expected[middle], atol=0.1
    )  # of 0.4 to 0.85; large ones are held back


def test_spots_and_a_flat_face_say_nothing_about_the_light():
    height = dome()
    spots = bumps(SIDE, 1.0, 3, 0.1)
    clean, spotted = (response(height, np.log(shade(height)) + more) for more in (0.0, spots))
    assert np.abs(spotted - clean)[INNER].mean() < 0.05
    assert np.abs(response(np.zeros((SIDE, SIDE)), spots)).max() < 0.02


def test_where_no_skin_is_seen_there_is_no_response():
    height = dome()
    surface = patch(grey(height), height).surface
    mm = surface_metric(surface).mm_per_texel
    nothing = np.zeros(height.shape, np.float32)
    assert not slope_response(surface, height, nothing, mm).any()
