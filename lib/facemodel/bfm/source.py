"""What Deep3DFaceRecon's BFM 2009 consists of, whichever files it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lib.errors import ConfigError

N_IDENTITY, N_EXPRESSION, N_ALBEDO = 80, 64, 80  # that the published networks give
N_VERTICES, N_TRIANGLES = 35709, 70789  # of the published crop
N_KEYPOINTS = 68


@dataclass(frozen=True)
class BfmSource:
    """BFM 2009 with the expressions of Guo et al., cropped to the face; indices count from 0.

    Args:
        edition: which files.
        mean: (n, 3) decimetres, as in the file.
        identity: (n_identity, n, 3) decimetres per sigma.
        expression: (n_expression, n, 3) decimetres per sigma.
        albedo_mean: (n, 3) 0..255, encoded.
        albedo: (n_albedo, n, 3) per sigma.
        triangles: (t, 3).
        landmarks: scheme -> vertices; `ibug68` is there.
        parts: name -> vertices: of `PARTS`, `front_mask`, `skin_mask`.
        uv: (n, 2) 0..1, origin bottom-left, or None.
        contour33: candidate vertices of 33 points, or none.
        extras: arrays that are kept beside the model as they are.
        n_published: numbers of vertices that published networks speak of.
    """

    edition: str
    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    albedo_mean: np.ndarray
    albedo: np.ndarray
    triangles: np.ndarray
    landmarks: Mapping[str, np.ndarray]
    parts: Mapping[str, np.ndarray]
    uv: np.ndarray | None = None
    contour33: tuple[np.ndarray, ...] = ()
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    n_published: tuple[int, ...] = (N_VERTICES,)

    def __post_init__(self) -> None:
        n = len(self.mean)
        for name in ("identity", "expression", "albedo"):
            shape = getattr(self, name).shape
            if shape[1:] != (n, 3):
                raise ConfigError(
                    f"{self.edition}: {name} has shape {shape}, expected (modes, {n}, 3) as the "
                    "mean has. Get all files from one release."
                )
        if self.albedo_mean.shape != (n, 3):
            raise ConfigError(
                f"{self.edition}: the mean colour has shape {self.albedo_mean.shape}, expected "
                f"({n}, 3). Get all files from one release."
            )
        if len(self.landmarks["ibug68"]) != N_KEYPOINTS:
            raise ConfigError(
                f"{self.edition} has {len(self.landmarks['ibug68'])} key points, expected "
                f"{N_KEYPOINTS}. Get all files from one release."
            )
        indices = [self.triangles, *self.landmarks.values(), *self.parts.values(), *self.contour33]
        for values in indices:
            if len(values) and (values.min() < 0 or values.max() >= n):
                raise ConfigError(
                    f"{self.edition} names vertices {values.min()} to {values.max()}, but has 0 "
                    f"to {n - 1}. Get all files from one release."
                )


def modes(columns: np.ndarray, count: int) -> np.ndarray:
    """(count, n, 3) from (3 n, k) with interleaved x, y, z; the first modes."""
    return columns[:, :count].T.reshape(min(count, columns.shape[1]), -1, 3)


def points(column: np.ndarray) -> np.ndarray:
    """(n, 3) from interleaved x, y, z in any shape."""
    return np.asarray(column).reshape(-1, 3)


def indices(values: np.ndarray, first: int) -> np.ndarray:
    """Integers that count from 0 of numbers that count from `first`."""
    return np.asarray(values).astype(np.int64) - first


def where_set(mask: np.ndarray) -> np.ndarray:
    """Vertices of a 0/1 mask in any shape."""
    return np.flatnonzero(np.asarray(mask).ravel() > 0)
