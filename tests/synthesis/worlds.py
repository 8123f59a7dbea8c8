"""Small worlds that tests draw from."""

from dataclasses import replace

import numpy as np

from lib.synthesis import SynthesisOptions

PHOTOS = SynthesisOptions(height_px=128, width_px=128, texture_px=256, maps_px=128, things=0.0)
RIG = SynthesisOptions(
    kind="triple", height_px=160, width_px=160, texture_px=512, maps_px=256, mesh_level=2
)
TINY = replace(PHOTOS, height_px=64, width_px=64, maps_px=64, count=3, shard_size=2)
TINY_RIG = replace(TINY, kind="triple", mesh_level=0, count=1)


def same(one, two) -> bool:
    """Whether two truths are equal to the bit."""
    for name in one.specs():
        first, second = getattr(one, name), getattr(two, name)
        if isinstance(first, tuple) and len(first) and isinstance(first[0], np.ndarray):
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second)):
                return False
        elif isinstance(first, np.ndarray):
            if not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
                return False
        elif first != second:
            return False
    return True
