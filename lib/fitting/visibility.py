"""Which surface samples each view sees, with the current estimate of shape and camera."""

from __future__ import annotations

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.pack import State
from lib.fitting.views import View
from lib.geometry import vertex_normals
from lib.render import Camera, facing, render_buffers, visible

BUFFER_PX = 256
TOLERANCE_MM = 3.0
GRAZING = 0.25  # cosine below which a sample's colour says little


def sample_visibility(
    model: FaceModel, vertices: np.ndarray, state: State, views: list[View]
) -> torch.Tensor:
    """(n, p) weights 0..1: 0 hidden or turned away, rising to 1 where seen well.

    Args:
        model: the head model.
        vertices: (p,) vertex indices of the samples.
        state: current estimate.
        views: the views of the state.
    """
    world_to_camera = state.cameras.world_to_camera().cpu().numpy().astype(np.float64)
    focal = state.cameras.log_focal.exp().cpu().numpy()
    weights = np.zeros((len(views), len(vertices)), np.float32)
    for index, view in enumerate(views):
        identity = state.identity[state.subject[index]].cpu().numpy()
        mesh = model.vertices(identity, state.expression[index].cpu().numpy())
        zoom = BUFFER_PX / (len(view.colour) / view.zoom)  # buffer px per working px
        camera = Camera(
            world_to_camera[index],
            float(focal[index] * zoom),
            (view.centre_px + 0.5 - view.corner_px) * zoom - 0.5,
        )
        buffers = render_buffers(mesh, model.triangles, *camera, (BUFFER_PX, BUFFER_PX))
        normals = vertex_normals(mesh, model.triangles)[vertices]
        cosine = facing(mesh[vertices], normals, camera)
        seen = visible(mesh[vertices], normals, buffers, camera, TOLERANCE_MM)
        weights[index] = seen * np.clip((cosine - GRAZING) / GRAZING, 0, 1)
    return torch.tensor(weights, device=state.light.device)
