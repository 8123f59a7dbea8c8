"""Artefacts of every kind with random numbers in them."""

import numpy as np

from lib.artefacts import Artefact

SIZES = {"n_views": 3, "n_points": 7, "h": 5, "w": 6}


def random_artefact(kind: type[Artefact], seed: int = 0) -> Artefact:
    """An artefact of a kind, every named dimension with a size of its own, some values NaN."""
    draw = np.random.default_rng(seed)
    sizes = dict(SIZES)

    def size(dim: str) -> int:
        return int(dim) if dim.isdigit() else sizes.setdefault(dim, 2 + len(sizes))

    values = {}
    for name, spec in kind.specs().items():
        shape = tuple(map(size, spec.dims))
        if spec.kind == "text":
            words = tuple(
                f"{name} ü {draw.integers(1000)}" for _ in range(shape[0] if shape else 1)
            )
            values[name] = words if shape else words[0]
        elif spec.kind == "ragged":  # inner sizes differ from view to view
            values[name] = tuple(
                _numbers(
                    draw,
                    tuple(n if d.isdigit() else n + view for n, d in zip(shape[1:], spec.dims[1:])),
                    spec.dtype,
                )
                for view in range(shape[0])
            )
        else:
            values[name] = _numbers(draw, shape, spec.dtype)
    return kind(**values)


def _numbers(draw: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if np.dtype(dtype).kind in "iu":
        return draw.integers(0, 200, shape).astype(dtype)
    numbers = draw.normal(size=shape).astype(dtype)
    numbers.flat[0] = np.nan
    return numbers
