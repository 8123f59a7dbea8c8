"""The heads that are compared: the fitted one, and two that know nothing of the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Capture, FaceFit
from lib.evaluation.measures import AVERAGE_PERSON, FIT, MEAN_FACE
from lib.facemodel import FaceModel
from lib.fitting import average_identity
from lib.metrics import IDENTITY, Mesh, Similarity

INSIDE = ("mouth", "socket", "teeth", "tongue", "gums")  # regions that nobody sees from outside


@dataclass(frozen=True)
class OuterSurface:
    """The part of a head model that a scanner sees: skin and eyes, without the mouth's inside.

    Args:
        model: the head model.
        vertices: (n,) indices of its vertices.
        triangles: (t, 3) of these n.
        face: (n,) bool: of the face mask.
    """

    model: FaceModel
    vertices: np.ndarray
    triangles: np.ndarray
    face: np.ndarray

    @classmethod
    def of(cls, model: FaceModel) -> OuterSurface:
        """Of a head model."""
        outer = [name for name in model.region_names if not name.startswith(INSIDE)]
        used, triangles = np.unique(model.triangles[model.region(*outer)], return_inverse=True)
        face = np.isin(used, model.parts["face_mask"])
        return cls(model, used, triangles.reshape(-1, 3), face)

    def mesh(self, vertices: np.ndarray) -> Mesh:
        """The surface of a head with vertices (n_vertices, 3) mm, and its iBUG points."""
        vertices = np.asarray(vertices, np.float64)
        landmarks = self.model.landmarks["ibug68"].on(vertices, self.model.triangles)
        return Mesh(vertices[self.vertices], self.triangles, landmarks)

    def on_model(self, values: np.ndarray) -> np.ndarray:
        """(..., n_vertices) values (..., n) at the model's vertices; NaN inside."""
        result = np.full((*values.shape[:-1], self.model.n_vertices), np.nan)
        result[..., self.vertices] = values
        return result


@dataclass(frozen=True)
class Head:
    """A head that is compared.

    Args:
        who: a key of `WHO`.
        neutral: (n_vertices, 3) mm, without expression.
        posed: (n_vertices, 3) mm: with the mean expression of its views, which show one moment.
        views: (n_views, n_vertices, 3) mm: with the expression of each view; NaN = not fitted.
        albedo: (n_vertices, 3) linear sRGB.
    """

    who: str
    neutral: np.ndarray
    posed: np.ndarray
    views: np.ndarray
    albedo: np.ndarray


def heads_of(model: FaceModel, fit: FaceFit) -> tuple[Head, ...]:
    """The fitted head, the average person and the model's mean."""
    moved = np.tensordot(fit.expression, model.expression_basis, 1)  # (n_views, n_vertices, 3)
    fitted_views = np.isfinite(fit.expression).all(axis=1)
    fitted = Head(
        FIT,
        fit.vertices,
        fit.vertices + moved[fitted_views].mean(axis=0),
        fit.vertices + moved,
        model.albedo(fit.albedo),
    )
    return (
        fitted,
        _still(AVERAGE_PERSON, model, average_identity(model), len(moved)),
        _still(MEAN_FACE, model, None, len(moved)),
    )


def _still(who: str, model: FaceModel, identity: np.ndarray | None, views: int) -> Head:
    vertices = model.vertices(identity)
    return Head(
        who, vertices, vertices, np.broadcast_to(vertices, (views, *vertices.shape)), model.albedo()
    )


def known_placement(capture: Capture, fit: FaceFit) -> Similarity | None:
    """Where the head stands in the world of known cameras; None where no pose is known.

    The mean over the views of the fitted head's pose in each camera, where both are known. None for
    a single view, as one photo does not tell how far a face is, and for a world without a unit.
    """
    known = [np.isfinite(one.world_to_camera).all(axis=(1, 2)) for one in (capture, fit)]
    both = known[0] & known[1]
    if len(both) == 1 or not both.any() or capture.length_unit != "mm":
        return None
    in_world, in_head = capture.world_to_camera[both], fit.world_to_camera[both]
    if np.array_equal(in_world, in_head):
        return IDENTITY
    camera_to_world = in_world[:, :, :3].swapaxes(1, 2)
    turns = camera_to_world @ in_head[:, :, :3]
    shifts = in_head[:, :, 3] - in_world[:, :, 3]
    left, _, right = np.linalg.svd(turns.sum(axis=0))
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return Similarity(1.0, turn, (camera_to_world @ shifts[..., None])[..., 0].mean(axis=0))
