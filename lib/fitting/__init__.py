"""Fitting a face model to photos: coefficients, cameras, light, and how sure they are."""

from lib.fitting.average import average_identity, average_person
from lib.fitting.batch import fit_batch
from lib.fitting.fit import fit_faces
from lib.fitting.options import FitOptions
from lib.fitting.views import Subject

__all__ = [
    "FitOptions",
    "Subject",
    "average_identity",
    "average_person",
    "fit_batch",
    "fit_faces",
]
