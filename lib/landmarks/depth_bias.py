"""How far the mesh network's depth is off for people on the whole, point by point.

The network draws every face with much the same relief. Where the mean head is what people are like
on average, the mean difference over many faces is the network's own, and the fit takes it off. Hand
over a model whose mean has been checked against scans: what is wrong with it ends up in the bias.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lib.artefacts import Landmarks
from lib.errors import ConfigError
from lib.facemodel import FaceModel
from lib.networks.mesh_mirror import MIRROR

MIN_FACES = 8
MAX_YAW_RAD = np.radians(22)  # on turned heads the network's depth follows its habits even more
_ROUNDS = 5


def depth_bias(model: FaceModel, faces: Iterable[Landmarks]) -> np.ndarray:
    """(468,) mm, out of the face positive: mean measured relief less that of the mean head.

    Every face, and its mirror image, is brought to the mean head by the best similarity; the bias
    is symmetric.

    Args:
        model: the head model, its mean an average person; knows `mesh468`.
        faces: landmarks of many people, one photo each; turned heads are left out.

    Raises:
        ConfigError: fewer than `MIN_FACES` near-frontal faces.
    """
    points = model.landmarks["mesh468"]
    head = points.on(model.mean, model.triangles).astype(np.float64)
    weight = 1 / (1 + points.sigma_mm.astype(np.float64) ** 2)
    reliefs = []
    for landmarks in faces:
        relief = np.column_stack([landmarks.points_px[0], landmarks.depth_px[0]]) * [1, -1, -1]
        if not np.isfinite(relief).all():
            continue
        scale, rotation, shift = _similarity(relief, head, weight)
        if abs(np.arcsin(np.clip(rotation[0, 2], -1, 1))) < MAX_YAW_RAD:
            placed = scale * relief @ rotation.T + shift
            reliefs.append((placed + placed[MIRROR] * [-1, 1, 1]) / 2)
    if len(reliefs) < MIN_FACES:
        raise ConfigError(
            f"{len(reliefs)} near-frontal faces were given, at least {MIN_FACES} people are needed "
            "to tell the network's habit from theirs."
        )
    mean = head
    for _ in range(_ROUNDS):
        placed = []
        for relief in reliefs:
            scale, rotation, shift = _similarity(relief, mean, weight)
            placed.append(scale * relief @ rotation.T + shift)
        mean = np.mean(placed, axis=0)
    return mean[:, 2] - head[:, 2]


def _similarity(
    points: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that bring points (n, 3) to the target (n, 3).

    Source: Umeyama 1991.
    """
    share = weight / weight.sum()
    a, b = share @ points, share @ target
    u, s, v = np.linalg.svd(((target - b) * share[:, None]).T @ (points - a))
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ v))])
    rotation = (u * sign) @ v
    scale = float((s * sign).sum() / (share @ ((points - a) ** 2).sum(1)))
    return scale, rotation, b - scale * rotation @ a
