"""Pores and fine wrinkles over a measured surface, from the detail of its texture."""

from lib.displacement.options import DisplacementOptions
from lib.displacement.predict import Predictor, open_predictor, predict_displacement

__all__ = ["DisplacementOptions", "Predictor", "open_predictor", "predict_displacement"]
