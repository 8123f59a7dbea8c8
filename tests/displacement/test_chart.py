import numpy as np

from lib.displacement.chart import surface_metric
from tests.displacement.conftest import SIDE, SIDE_MM, grey, patch


def test_the_metric_is_that_of_the_surface_at_any_size():
    flat = np.zeros((SIDE, SIDE))
    metric = surface_metric(patch(grey(flat), flat).surface)
    np.testing.assert_allclose(metric.mm_per_texel, SIDE_MM / SIDE, rtol=1e-4)
    np.testing.assert_allclose(metric.resized(64).across, SIDE_MM / 64, rtol=1e-4)
