"""Fitting a face model to photos: coefficients, cameras, light, and how sure they are."""

from lib.fitting.batch import fit_batch
from lib.fitting.fit import fit_faces
from lib.fitting.options import FitOptions
from lib.fitting.views import Subject

__all__ = ["FitOptions", "Subject", "fit_batch", "fit_faces"]
