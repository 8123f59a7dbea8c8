"""Settings of the regularisation, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegulariseOptions:
    """How the surface is found in the volume and refined on the images.

    Args:
        method: `variational` needs no weights; `mvfr` and `learned` need a checkpoint.
        uv_size: texels along each side of the surface.
        refine_iterations: rounds of photometric refinement at each size of the grid, from the
            volume's to `uv_size`; 0 = none.
        refine_window: standard deviation of the compared window, in texels.
        relief: expected bend of skin beyond the base, mm per squared texel at 1024 texels: less is
            smoother.
        noise: standard deviation of an image value in 1/255.
        num_sample: values of all views and texels held at once; bounds the memory.
        weights: checkpoint file (`mvfr`, `learned`).
    """

    method: Literal["variational", "mvfr", "learned"] = "variational"
    uv_size: int = 1024
    refine_iterations: int = 4
    refine_window: float = 1.0
    relief: float = 0.04
    noise: float = 2.0
    num_sample: int = 80_000_000
    weights: str = ""
