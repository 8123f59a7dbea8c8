"""Settings of the implicit function, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ImplicitOptions:
    """How hypotheses are laid out and judged.

    Args:
        method: `matching` needs no weights; `mvfr` and `learned` need a checkpoint.
        uv_size: texels along each side of the chart.
        d_size: hypotheses along each normal.
        interval_mm: between neighbouring hypotheses.
        coarse_mm: distance from the base that a search on half the texels covers first; the
            hypotheses then lie about what it found. 0 = about the base itself.
        window: standard deviation of the compared window, in texels (`matching`).
        noise: standard deviation of an image value in 1/255: fainter contrast says little
            (`matching`).
        num_sample: values of all views and texels held at once; bounds the memory.
        weights: checkpoint file (`mvfr`, `learned`).
    """

    method: Literal["matching", "mvfr", "learned"] = "matching"
    uv_size: int = 512
    d_size: int = 17
    interval_mm: float = 0.1
    coarse_mm: float = 3.0
    window: float = 2.5
    noise: float = 2.0
    num_sample: int = 80_000_000
    weights: str = ""
