"""Where on a head model's chart the mirror image of a place lies."""

from __future__ import annotations

import numpy as np

from lib.facemodel import FaceModel


def mirrored_uv(model: FaceModel) -> np.ndarray:
    """(n_uv, 2) chart position of each chart vertex's mirror image.

    A vertex on a seam lies at several places of the chart; the one nearest to the mirror images of
    its neighbours is taken.
    """
    vertex_of = np.zeros(len(model.uv), np.int64)
    vertex_of[model.uv_triangles.ravel()] = model.triangles.ravel()
    used = np.zeros(len(model.uv), bool)
    used[model.uv_triangles.ravel()] = True
    places = np.bincount(vertex_of[used], minlength=model.n_vertices)
    first = np.zeros(model.n_vertices, np.int64)
    first[vertex_of[used]] = np.flatnonzero(used)
    target = model.mirror[vertex_of]
    result = model.uv[first[target]].astype(np.float64)
    seam = np.flatnonzero(used & (places[target] > 1))
    if not len(seam):
        return result
    sure = used & (places[target] == 1)
    middle = _neighbour_mean(result, sure, model.uv_triangles)
    for corner in seam:
        candidates = np.flatnonzero(used & (vertex_of == target[corner]))
        distance = np.linalg.norm(model.uv[candidates] - middle[corner], axis=1)
        result[corner] = model.uv[candidates[np.argmin(distance)]]
    return result


def _neighbour_mean(values: np.ndarray, known: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n, 2) mean of the known neighbours; where there are none, of all known."""
    total, count = np.zeros_like(values), np.zeros(len(values))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        here, there = triangles[:, a], triangles[:, b]
        for axis in range(2):
            total[:, axis] += np.bincount(
                here, known[there] * values[there, axis], minlength=len(values)
            )
        count += np.bincount(here, known[there], minlength=len(values))
    fallback = values[known].mean(axis=0) if known.any() else np.zeros(2)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], fallback)
