"""The 68 iBUG points from the 468 points of the mesh network.

Where the head model knows both sets, every iBUG point is a weighted mean of the mesh points about
it, with weights that reproduce its place on the mean head. The points of the jaw line that the head
hides from view are moved out to the visible outline.
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
_MISS_MM = 0.3  # how exactly the weights reproduce the place of the point
_REACH_MM = 8.0  # a neighbour this far away counts half

# Nearest mesh point of each iBUG point, for head models without a correspondence of the mesh.
NEAREST = np.array(
    [
        *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
        *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305),
        *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
    ]
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
    """The map for a head model that knows `ibug68` and `mesh468`, else the nearest mesh points."""
    if "mesh468" not in model.landmarks:
        return IbugOfMesh(np.eye(N_POINTS)[NEAREST])
    mesh, ibug = model.landmarks["mesh468"], model.landmarks["ibug68"]
    skin = model.region("skin")
    distance = geodesic_distances(ibug, mesh, model.mean, model.triangles, skin)
    sources = mesh.on(model.mean, model.triangles).astype(np.float64)
    targets = ibug.on(model.mean, model.triangles).astype(np.float64)
    weights = np.zeros((N_IBUG, N_POINTS))
    for row, target in enumerate(targets):
        near = np.argsort(distance[row], kind="stable")[:_NEIGHBOURS]
        gap = np.minimum(distance[row, near], 1e3)
        weights[row, near] = _weights(target, sources[near], mesh, near, gap)
    return IbugOfMesh(weights)


def _weights(
    target: np.ndarray, sources: np.ndarray, mesh: SurfacePoints, near: np.ndarray, gap: np.ndarray
) -> np.ndarray:
    """(n,) weights with sum 1 and small variance whose weighted mean of sources is the target."""
    variance = mesh.sigma_mm[near].astype(np.float64) ** 2 * (1 + (gap / _REACH_MM) ** 2)
    n = len(near)
    offset = sources - target
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = np.diag(variance) + offset @ offset.T / _MISS_MM**2
    system[:n, n] = system[n, :n] = 1
    right = np.zeros(n + 1)
    right[n] = 1
    return np.linalg.solve(system, right)[:n]
