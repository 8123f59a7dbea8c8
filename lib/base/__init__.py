"""The base mesh: a head in the face model's topology within millimetres of the true surface."""

from lib.base.fit import fit_base_mesh
from lib.base.options import BaseOptions

__all__ = ["BaseOptions", "fit_base_mesh"]
