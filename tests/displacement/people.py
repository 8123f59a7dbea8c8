"""Truth of flat pieces of skin, for training."""

import numpy as np
from scipy.ndimage import gaussian_filter

from lib.artefacts import Truth


def flat_person(seed, side=256, side_mm=40.0):
    """A piece of skin with relief and spots; fields that training ignores are empty."""
    rng = np.random.default_rng(seed)
    step = (np.arange(side) + 0.5) / side * side_mm
    x, y = np.meshgrid(step, step[::-1])
    relief = gaussian_filter(rng.standard_normal((side, side)), 2.0)
    relief *= 0.02 / relief.std()
    down, right = np.gradient(relief, side_mm / side)
    normal = np.stack([-right, down, np.ones_like(relief)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    spots = gaussian_filter(rng.standard_normal((side, side)), 3.0)
    albedo = np.clip(0.4 * np.exp(0.03 * spots / spots.std()), 0, 1)
    maps = {
        "subject": f"person {seed}",
        "face_model": "makehuman",
        "uv_position_mm": np.stack([x, y, relief + 1], axis=2),
        "uv_normal": normal,
        "uv_displacement_mm": relief,
        "uv_albedo": np.repeat(albedo[..., None], 3, axis=2),
        "uv_specular": np.zeros((side, side, 2)),
    }
    return Truth(**(_nothing(side) | maps))


def _nothing(side):
    """All fields of a truth, as small as they may be."""
    made = {}
    for name, spec in Truth.specs().items():
        if spec.kind == "text":
            made[name] = () if spec.dims else ""
        elif spec.kind == "ragged":
            made[name] = ()
        else:
            sizes = {"side": side, "n_views": 0}
            shape = [int(d) if d.isdigit() else sizes.get(d, 1) for d in spec.dims]
            made[name] = np.zeros(shape)
    return made
