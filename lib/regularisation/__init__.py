"""Regularisation: from responses of an implicit function to one smooth, measured surface."""

from lib.regularisation.options import RegulariseOptions
from lib.regularisation.surface import regularise_capture

__all__ = ["RegulariseOptions", "regularise_capture"]
