"""Training of networks that read a head model's coefficients off aligned crops."""

from lib.training.coarse.options import CoarseOptions

__all__ = ["CoarseOptions"]
