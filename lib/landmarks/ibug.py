"""The 68 iBUG points from the 468 points of the mesh network.

The inner points have counterparts on the mesh, whatever the head model. The jaw points have not:
where the head model knows both sets, each is a weighted mean of the mesh points about it, with
weights that reproduce its place on the mean head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel, SurfacePoints
from lib.landmarks.surface import geodesic_distances
from lib.networks.facemesh import N_POINTS

N_IBUG = 68
JAW = np.arange(17)
_NEIGHBOURS = 10
# How exactly the weights reproduce the place of the point, along the surface and across it: the
# mesh is nearly flat about a point, so that reaching off its plane would cost much noise.
_MISS_MM, _MISS_DEEP_MM = 0.3, 6.0
_REACH_MM = 8.0  # a neighbour this far away counts half

# Jaw points on the mesh's own outline, for head models without a correspondence of the mesh.
_JAW_ON_MESH = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356)
# Inner points 17-67 on the mesh: a number, or two with the share of the second. The mesh has more
# points than iBUG along brows, lids and lips; the shares space iBUG's evenly, as annotators do.
_INNER_ON_MESH: tuple[tuple[int, int, float], ...] = (
    *((70, 46, 0.5), (63, 63, 0), (105, 105, 0), (66, 66, 0), (107, 55, 0.5)),
    *((336, 285, 0.5), (296, 296, 0), (334, 334, 0), (293, 293, 0), (300, 276, 0.5)),
    *((168, 168, 0), (197, 197, 0), (5, 5, 0), (4, 1, 0.5)),
    *((75, 98, 0.3), (97, 97, 0), (2, 2, 0), (326, 326, 0), (305, 327, 0.3)),
    *((33, 33, 0), (160, 160, 0), (158, 157, 0.5), (133, 133, 0), (153, 154, 0.4), (144, 163, 0.4)),
    *(
        (362, 362, 0),
        (385, 384, 0.5),
        (387, 387, 0),
        (263, 263, 0),
        (373, 390, 0.4),
        (380, 381, 0.4),
    ),
    *((61, 61, 0), (39, 40, 0.3), (37, 37, 0), (0, 0, 0), (267, 267, 0), (269, 270, 0.3)),
    *((291, 291, 0), (321, 321, 0), (405, 314, 0.5), (17, 17, 0), (84, 181, 0.5), (91, 91, 0)),
    *((78, 78, 0), (82, 81, 0.4), (13, 13, 0), (312, 311, 0.4)),
    *((308, 308, 0), (317, 402, 0.4), (14, 14, 0), (87, 178, 0.4)),
)


@dataclass(frozen=True)
class IbugOfMesh:
    """Linear map from mesh points to iBUG points.

    Args:
        weights: (68, 468), rows sum to 1.
    """

    weights: np.ndarray

    def points(self, mesh_px: np.ndarray) -> np.ndarray:
        """(68, 2) px of mesh points (468, 2) px."""
        return self.weights @ mesh_px


def ibug_of_mesh(model: FaceModel) -> IbugOfMesh:
    """The map for a head model; without a correspondence the jaw follows the mesh's outline."""
    weights = np.zeros((N_IBUG, N_POINTS))
    weights[JAW, _JAW_ON_MESH] = 1
    for row, (first, second, share) in enumerate(_INNER_ON_MESH, start=len(JAW)):
        weights[row, first] += 1 - share
        weights[row, second] += share
    if {"mesh468", "ibug68"} <= set(model.landmarks):
        weights[JAW] = _jaw_weights(model)
    return IbugOfMesh(weights)


def _jaw_weights(model: FaceModel) -> np.ndarray:
    """(17, 468) weights that reproduce the jaw points of the mean head."""
    mesh, ibug = model.landmarks["mesh468"], model.landmarks["ibug68"]
    jaw = SurfacePoints(ibug.triangle[JAW], ibug.barycentric[JAW], ibug.sigma_mm[JAW])
    skin = model.region("skin")
    distance = geodesic_distances(jaw, mesh, model.mean, model.triangles, skin)
    sources = mesh.on(model.mean, model.triangles).astype(np.float64)
    targets = jaw.on(model.mean, model.triangles).astype(np.float64)
    weights = np.zeros((len(JAW), N_POINTS))
    for row, target in enumerate(targets):
        near = np.argsort(distance[row], kind="stable")[:_NEIGHBOURS]
        gap = np.minimum(distance[row, near], 1e3)
        weights[row, near] = _weights(target, sources[near], mesh, near, gap)
    return weights


def _weights(
    target: np.ndarray, sources: np.ndarray, mesh: SurfacePoints, near: np.ndarray, gap: np.ndarray
) -> np.ndarray:
    """(n,) weights with sum 1 and small variance whose weighted mean of sources is the target."""
    variance = mesh.sigma_mm[near].astype(np.float64) ** 2 * (1 + (gap / _REACH_MM) ** 2)
    n = len(near)
    _, _, axes = np.linalg.svd(sources - sources.mean(0))  # two along the surface, one across
    offset = (sources - target) @ axes.T / [_MISS_MM, _MISS_MM, _MISS_DEEP_MM]
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = np.diag(variance) + offset @ offset.T
    system[:n, n] = system[n, :n] = 1
    right = np.zeros(n + 1)
    right[n] = 1
    return np.linalg.solve(system, right)[:n]
