"""The outline of the face: what annotators mark there slides over the mesh with the pose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.landmarks import LandmarkTerm
from lib.fitting.pack import LinearPoints, State, linear_points
from lib.geometry import vertex_normals

JAW = 17  # iBUG points 0..16
GRAZING = 0.35  # |cosine| up to which a candidate counts as lying on the outline


def with_contour(model: FaceModel, scheme: str, term: LandmarkTerm, state: State) -> LandmarkTerm:
    """The term with each jaw point moved to the candidate vertex on the visible outline.

    Only schemes that start with the 17 jaw points of iBUG-68 have an outline; others are returned
    as they are. Points on the outline differ from view to view, so the model's points of the term
    become per view.
    """
    if scheme != "ibug68" or not model.contour:
        return term
    chosen = np.stack(
        [outline_vertices(model, *_posed(model, state, view)) for view in range(len(state.light))]
    )
    points = [
        _replace_jaw(term.model_points, model, rows, term.measured_px.device) for rows in chosen
    ]
    stacked = LinearPoints(
        torch.stack([item.mean for item in points]), torch.stack([item.basis for item in points])
    )
    return replace(term, model_points=stacked)


def _posed(model: FaceModel, state: State, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, rotation and camera position (model frame) of one view."""
    identity = state.identity[state.subject[view]].cpu().numpy()
    vertices = model.vertices(identity, state.expression[view].cpu().numpy())
    world_to_camera = state.cameras.world_to_camera()[view].cpu().numpy()
    rotation, translation = world_to_camera[:, :3], world_to_camera[:, 3]
    return vertices, rotation, -rotation.T @ translation


def outline_vertices(
    model: FaceModel, vertices: np.ndarray, rotation: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """(17,) the candidate of each jaw point on the silhouette; -1 = keep the point of the model.

    Args:
        model: gives the candidate lines.
        vertices: (n_vertices, 3) mm.
        rotation: (3, 3) model to camera.
        eye: (3,) camera position in the model frame.
    """
    normals = vertex_normals(vertices, model.triangles[model.region("skin")])
    chosen = np.full(JAW, -1)
    for point, line in enumerate(model.contour):
        direction = eye - vertices[line]
        cosine = (normals[line] * direction).sum(1) / np.linalg.norm(direction, axis=1)
        crossing = int(np.abs(cosine).argmin())
        if abs(cosine[crossing]) < GRAZING:
            chosen[point] = line[crossing]
    return chosen


def _replace_jaw(
    points: LinearPoints, model: FaceModel, chosen: np.ndarray, device: torch.device
) -> LinearPoints:
    base = LinearPoints(points.mean, points.basis)
    if points.mean.dim() == 3:  # a former outline of all views: the rows beyond the jaw agree
        base = LinearPoints(points.mean[0], points.basis[0])
    landmark = model.landmarks["ibug68"]
    vertices = model.triangles[landmark.triangle[:JAW]].copy()
    weights = landmark.barycentric[:JAW].copy()
    for row in np.flatnonzero(chosen >= 0):
        vertices[row], weights[row] = chosen[row], (1, 0, 0)
    jaw = linear_points(model, vertices, weights, device)
    return LinearPoints(
        torch.cat([jaw.mean, base.mean[JAW:]]), torch.cat([jaw.basis, base.basis[JAW:]])
    )
