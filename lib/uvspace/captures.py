"""A capture and its rig as calibrated views for matching."""

from __future__ import annotations

import numpy as np

from lib.artefacts import Capture, FaceFit, Rig
from lib.facemodel import FaceModel
from lib.render import Camera
from lib.uvspace.channels import matching_channels
from lib.uvspace.views import CalibratedView


def is_calibrated(rig: Rig) -> bool:
    """Whether at least two views with known cameras take part."""
    return len(chosen_views(rig)) >= 2


def posed(rig: Rig) -> np.ndarray:
    """(n_views,) bool: views whose pose and focal length are known."""
    return np.isfinite(rig.world_to_camera).all(axis=(1, 2)) & np.isfinite(rig.focal_px)


def chosen_views(rig: Rig) -> np.ndarray:
    """(k,) indices of the views that take part and have a camera."""
    return np.flatnonzero(rig.used.astype(bool) & posed(rig))


def rig_camera(rig: Rig, view: int) -> Camera:
    """The camera of one view's working image."""
    return Camera(rig.world_to_camera[view], float(rig.focal_px[view]), rig.centre_px[view])


def matching_views(capture: Capture, rig: Rig) -> list[CalibratedView]:
    """The views that take part, as channels for matching.

    Args:
        capture: working images and the user's masks.
        rig: cameras, and which views take part.
    """
    return [
        CalibratedView(
            capture.view[view],
            matching_channels(capture.image[view]),
            rig_camera(rig, view),
            _mask(capture, view),
        )
        for view in chosen_views(rig)
    ]


def _mask(capture: Capture, view: int) -> np.ndarray | None:
    mask = capture.mask[view]
    return mask.astype(np.float32) / 255 if mask.size else None


def head_in_world(model: FaceModel, rig: Rig, fit: FaceFit) -> tuple[np.ndarray, np.ndarray]:
    """Where the fitted head stands, and its vertices with the expression of the moment.

    Without a calibrated rig the world is the head's own frame.

    Returns:
        (3, 4) rigid [R|t] from the model frame to the world, mm; (n_vertices, 3) float32 mm, world.
    """
    fitted = np.isfinite(fit.world_to_camera).all(axis=(1, 2))
    use = fitted & posed(rig) & rig.used.astype(bool)
    if not is_calibrated(rig) or not use.any():
        use = fitted
        placed = np.column_stack([np.eye(3), np.zeros(3)])
    else:
        placed = _placement(rig.world_to_camera[use], fit.world_to_camera[use])
    expression = np.nan_to_num(fit.expression[use].mean(axis=0)).astype(np.float32)
    vertices = fit.vertices + np.tensordot(expression, model.expression_basis, 1)
    return placed, (vertices @ placed[:, :3].T + placed[:, 3]).astype(np.float32)


def _placement(world_to_camera: np.ndarray, head_to_camera: np.ndarray) -> np.ndarray:
    """(3, 4) mean over the views of what takes the head's frame to the world."""
    camera_to_world = world_to_camera[:, :, :3].swapaxes(1, 2)
    turns = camera_to_world @ head_to_camera[:, :, :3]
    shifts = head_to_camera[:, :, 3] - world_to_camera[:, :, 3]
    left, _, right = np.linalg.svd(turns.sum(axis=0))
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return np.column_stack([turn, (camera_to_world @ shifts[..., None])[..., 0].mean(axis=0)])
