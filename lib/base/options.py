"""Settings of the base mesh, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BaseOptions:
    """How the base mesh is drawn to the surface.

    Args:
        search_mm: farthest distance between the fitted head and the surface that is searched.
        smooth_mm: ripples of the free-form layer shorter than this are left to the surface.
    """

    search_mm: float = 20.0
    smooth_mm: float = 6.0
