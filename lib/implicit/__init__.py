"""The implicit function: how likely the surface passes through points around the base mesh."""

from lib.implicit.options import ImplicitOptions
from lib.implicit.volume import respond_capture

__all__ = ["ImplicitOptions", "respond_capture"]
