"""Rigs: the cameras of a capture in one metric frame, and the landmarks triangulated with them."""

from lib.rig.calibrate import calibrate_rig
from lib.rig.options import RigOptions

__all__ = ["RigOptions", "calibrate_rig"]
