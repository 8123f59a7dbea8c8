"""The makehuman head as a truth, also finer than it comes, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from lib.facemodel import FaceModel, load_face_model
from lib.geometry import vertex_normals
from lib.geometry.pose import rotation_from_vector
from lib.metrics import IDENTITY, Mesh, Region, Similarity

MOVED = Similarity(1.0, np.eye(3), np.array([0.0, 0.0, 1.0]))
TURNED = Similarity(1.0, rotation_from_vector(np.array([0.0, np.radians(5), 0.0])), np.zeros(3))
SCALED = Similarity(1.02, np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Head:
    """A true head.

    Args:
        mesh: skin alone, with landmarks.
        face: region of the face without ears and neck.
        model: it is the mean of.
    """

    mesh: Mesh
    face: Region
    model: FaceModel

    def under(self, transform: Similarity) -> Mesh:
        """The head elsewhere."""
        return self.mesh.with_vertices(
            transform.apply(self.mesh.vertices), transform.apply(self.mesh.landmarks)
        )

    def along_normals(self, height_mm: np.ndarray) -> Mesh:
        """The head with vertices (n,) mm farther out."""
        normals = vertex_normals(self.mesh.vertices, self.mesh.triangles)
        return self.mesh.with_vertices(
            self.mesh.vertices + height_mm[:, None] * normals, self.mesh.landmarks
        )

    def smoothed(self, steps: int) -> Mesh:
        """The head with each vertex moved, again and again, half way to its neighbours' mean."""
        edges = self.mesh.triangles[:, [0, 1, 2, 1, 2, 0]].reshape(-1, 2, 3).swapaxes(1, 2)
        edges = edges.reshape(-1, 2)
        both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
        count = np.bincount(both[:, 0], minlength=len(self.mesh.vertices))[:, None]
        vertices = self.mesh.vertices
        for _ in range(steps):
            sums = [
                np.bincount(both[:, 0], vertices[both[:, 1], axis], minlength=len(vertices))
                for axis in range(3)
            ]
            vertices = 0.5 * vertices + 0.5 * np.stack(sums, axis=1) / count
        return self.mesh.with_vertices(vertices, self.mesh.landmarks)


@cache
def true_head(fine: bool = False) -> Head:
    """The mean head; `fine` with each triangle in four, for ripples of a few mm."""
    model = load_face_model("makehuman")
    triangles = model.triangles[model.region("skin")]
    vertices = model.mean.astype(np.float64)
    face = np.zeros(len(vertices), bool)
    face[model.parts["face_mask"]] = True
    if fine:
        vertices, triangles, face = _split(vertices, triangles, face)
    landmarks = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64)
    used, compact = np.unique(triangles, return_inverse=True)
    mesh = Mesh(vertices[used], compact.reshape(-1, 3), landmarks)
    return Head(mesh, Region(vertices=face[used]), model)


def _split(vertices, triangles, face):
    """Each triangle in four by the middles of its edges."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2)
    unique, index = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    a, b, c = triangles.T
    ab, bc, ca = (index.reshape(-1, 3) + len(vertices)).T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return (
        np.concatenate([vertices, vertices[unique].mean(axis=1)]),
        np.concatenate([np.stack(part, axis=1) for part in parts]),
        np.concatenate([face, face[unique].all(axis=1)]),
    )


__all__ = ["IDENTITY", "MOVED", "SCALED", "TURNED", "Head", "true_head"]
