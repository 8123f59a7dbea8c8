"""A thing beside the head in a picture: clothes, neck and chest, glasses, a hand, a hat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from lib.errors import ShapeError

Label = Literal["cloth", "skin", "glasses", "lens", "hand", "hat"]
LABELS: tuple[Label, ...] = get_args(Label)


@dataclass(frozen=True)
class Prop:
    """A coloured surface in the head's frame.

    Args:
        vertices: (n, 3) float32 mm, model frame.
        triangles: (t, 3) int32, counter-clockwise from outside.
        albedo: (n, 3) float32 linear RGB.
        roughness: (n,) float32 GGX roughness.
        reflectance: (n,) float32 at normal incidence.
        transmission: (n, 3) float32 share of light that passes; 0 = opaque.
        label: what it is; `skin` continues the head's own skin below its neck rim.
        covers: (n_head_vertices,) bool, the head's vertices that it hides; hair that grows there
            is not seen. Empty = none.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    albedo: np.ndarray
    roughness: np.ndarray
    reflectance: np.ndarray
    transmission: np.ndarray
    label: Label
    covers: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        n = len(self.vertices)
        for name, shape in (
            ("vertices", (n, 3)),
            ("triangles", (len(self.triangles), 3)),
            ("albedo", (n, 3)),
            ("roughness", (n,)),
            ("reflectance", (n,)),
            ("transmission", (n, 3)),
        ):
            found = getattr(self, name).shape
            if found != shape:
                raise ShapeError(name, found, str(shape))
        if self.label not in LABELS:
            raise ValueError(f"label is '{self.label}', expected one of {', '.join(LABELS)}.")


def make_prop(
    vertices: np.ndarray,
    triangles: np.ndarray,
    albedo: np.ndarray,
    label: Label,
    roughness: float | np.ndarray,
    reflectance: float,
    transmission: np.ndarray | float = 0.0,
) -> Prop:
    """A prop from arrays that may be one value for all vertices.

    Args:
        vertices: (n, 3) mm.
        triangles: (t, 3).
        albedo: (n, 3) or (3,) linear RGB.
        label: what it is.
        roughness: (n,) or one.
        reflectance: at normal incidence.
        transmission: (n, 3), (3,) or one.
    """
    n = len(vertices)

    def full(value: np.ndarray | float, *shape: int) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, np.float32), shape).copy()

    return Prop(
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(triangles, np.int32),
        np.clip(full(albedo, n, 3), 0, 1),
        full(roughness, n),
        full(reflectance, n),
        full(transmission, n, 3),
        label,
    )


def joined(props: Sequence[Prop]) -> Prop:
    """One prop of several with the label, and the covers, of the first."""
    first = np.cumsum([0, *(len(p.vertices) for p in props)])
    merged = {
        name: np.concatenate([getattr(p, name) for p in props])
        for name in ("vertices", "albedo", "roughness", "reflectance", "transmission")
    }
    triangles = np.concatenate([p.triangles + n for p, n in zip(props, first)])
    return replace(props[0], triangles=triangles.astype(np.int32), **merged)
