"""Coefficients of a head model read off aligned crops by a network."""

from lib.regression.options import RegressionOptions
from lib.regression.regress import Regressor, regress_capture

__all__ = ["RegressionOptions", "Regressor", "regress_capture"]
