"""Where props meet a head: its neck rim, its neck, its ears; found once per model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import vertex_normals

NECK_BELOW_CHIN_MM, NECK_BAND_MM = 14.0, 5.0
EAR_SIDE_MM, EAR_TURN = 58.0, 0.3  # the backs of the ears face inwards, beside the head


@dataclass(frozen=True)
class HeadSites:
    """Vertices of a head model that props hold on to.

    Args:
        skin: (t, 3) the head's skin.
        skin_vertices: (n,) used by it.
        rim: (k,) border loop where the neck ends, from the front to the subject's left.
        above_rim: (k, m) vertices of the skin beside each of them.
        above_weight: (k, m) weights of these, sum 1.
        neck: (n,) vertices of a slice of the neck under the chin.
        ears: backs of the right and the left ear, (n,) vertices each.
        eyes: right and left eye ball, (n,) vertices each.
        jaw_roots: (2,) y and z of the mean head between its jaw roots, mm.
    """

    skin: np.ndarray
    skin_vertices: np.ndarray
    rim: np.ndarray
    above_rim: np.ndarray
    above_weight: np.ndarray
    neck: np.ndarray
    ears: tuple[np.ndarray, np.ndarray]
    eyes: tuple[np.ndarray, np.ndarray]
    jaw_roots: np.ndarray


def head_sites(model: FaceModel) -> HeadSites:
    """The places on any head model whose skin ends in a neck rim."""
    mean = model.mean.astype(np.float64)
    skin = model.triangles[model.region("skin")]
    used = np.unique(skin)
    rim = _neck_rim(mean, skin)
    above, weight = _beside(skin, rim)
    marks = model.landmarks["ibug68"].on(mean, model.triangles)
    level = marks[8, 1] - NECK_BELOW_CHIN_MM
    slice_ = used[np.abs(mean[used, 1] - level) < NECK_BAND_MM]
    eyes = tuple(_eye(model, mean, side) for side in ("right", "left"))
    ears = tuple(_back_of_ear(mean, model, used, side) for side in (-1, 1))
    return HeadSites(
        skin, used, rim, above, weight, slice_, ears, eyes, marks[[0, 16], 1:].mean(axis=0)
    )


def _neck_rim(mean: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The lowest border loop, run through from the front over +x to the back."""
    edges = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]).astype(np.int64)
    key = edges[:, 0] * len(mean) + edges[:, 1]
    border = edges[~np.isin(key, edges[:, 1] * len(mean) + edges[:, 0])]
    following = dict(border.tolist())
    loop = [int(border[np.argmin(mean[border[:, 0], 1]), 0])]
    while (vertex := following[loop[-1]]) != loop[0]:
        loop.append(vertex)
    rim = np.array(loop)
    x, z = mean[rim, 0], mean[rim, 2]
    area = (x * (np.roll(z, -1) - np.roll(z, 1))).sum()
    if area > 0:  # from +z to +x is clockwise in (x, z)
        rim = rim[::-1]
    turn = np.arctan2(mean[rim, 0], mean[rim, 2] - mean[rim, 2].mean())
    return np.roll(rim, -int(np.argmin(np.abs(turn))))


def _beside(skin: np.ndarray, rim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = []
    on_rim = np.isin(skin, rim)
    touching = skin[on_rim.any(axis=1)]
    for vertex in rim:
        around = np.unique(touching[(touching == vertex).any(axis=1)])
        rows.append(np.setdiff1d(around, rim))
    most = max(map(len, rows))
    index = np.array([np.resize(row, most) for row in rows])
    weight = np.array([(np.arange(most) < len(row)) / len(row) for row in rows])
    return index, weight


def _eye(model: FaceModel, mean: np.ndarray, side: str) -> np.ndarray:
    names = [n for n in model.region_names if n in (f"eye_{side}", f"{side}_eye")]
    if names:
        return np.unique(model.triangles[model.region(*names)])
    return np.asarray(model.parts[f"{side}_eye"])


def _back_of_ear(mean: np.ndarray, model: FaceModel, used: np.ndarray, side: int) -> np.ndarray:
    normals = vertex_normals(mean, model.triangles)[used]
    x, y, z = mean[used].T
    beside = (x * side > EAR_SIDE_MM) & (np.abs(y + 20) < 60) & (z < -40)
    return used[beside & (normals[:, 0] * side < -EAR_TURN)]
