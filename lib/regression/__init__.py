"""Coefficients of a head model read off aligned crops by a network."""

from lib.regression.options import RegressionOptions
from lib.regression.regress import Regressor, align_views, regress_capture

__all__ = ["RegressionOptions", "Regressor", "align_views", "regress_capture"]
