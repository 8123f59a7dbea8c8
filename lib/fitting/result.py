"""From the optimiser's last state to the artefact: coefficients, cameras, and how sure they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lib.artefacts import FaceFit
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.fitting.contour import JAW, outline_vertices
from lib.fitting.known import gather
from lib.fitting.pack import State
from lib.fitting.priors import Priors
from lib.fitting.solve import Normal, shared_covariance
from lib.fitting.views import Setup, View
from lib.geometry import project

OUTER_EYE_CORNERS = (36, 45)
WORST_REPROJECTION = 0.25  # of the interocular distance: beyond, the fit is of something else


def make_fits(
    model: FaceModel,
    views: list[View],
    state: State,
    system: Normal,
    priors: Priors,
    exposure: torch.Tensor,
    method: str = "optimise",
) -> dict[str, FaceFit | CaptureFailure]:
    """One fit per capture; a capture whose fit is not finite or far off is a failure."""
    covariance, local = _covariances(state, system, priors)
    fits: dict[str, FaceFit | CaptureFailure] = {}
    for name in dict.fromkeys(view.name for view in views):
        rows = [index for index, view in enumerate(views) if view.name == name]
        try:
            fit = _make_fit(
                model, [views[i] for i in rows], rows, state, covariance, local, priors, exposure
            )
            fits[name] = replace(fit, method=method)
        except CaptureFailure as failure:
            fits[name] = failure
    return fits


def _covariances(state: State, system: Normal, priors: Priors) -> tuple[torch.Tensor, torch.Tensor]:
    """Covariance of the shared unknowns by subject; variances (n, n_local) of each view's own."""
    layout, known = priors.layout, state.known
    if known is None:
        return shared_covariance(system, priors.shared, state.subject, layout)
    still = torch.zeros(len(state.subject), dtype=torch.float64, device=system.cost.device)
    groups = gather(system, known, state.cameras, layout, still, light_held=False).normal
    covariance, local = shared_covariance(groups, priors.shared, state.subject[known.first], layout)
    local[known.known, layout.focal - layout.n_shared] = 0.0
    return covariance, local[known.group]


def _make_fit(
    model: FaceModel,
    views: list[View],
    rows: list[int],
    state: State,
    covariance: torch.Tensor,
    local: torch.Tensor,
    priors: Priors,
    exposure: torch.Tensor,
) -> FaceFit:
    layout, subject = priors.layout, int(state.subject[rows[0]])
    identity_covariance = covariance[subject, layout.identity, layout.identity].cpu().numpy()
    local_sigma = local[rows].clamp_min(0).sqrt().cpu().numpy()
    offset = layout.n_shared
    identity = state.identity[subject].cpu().numpy()
    expression = state.expression[rows].cpu().numpy()
    sigma = local_sigma[:, layout.expression.start - offset :][:, : layout.n_expression]
    fitted = [view.index for view in views]
    setup = views[0].setup
    world_to_camera, focal = _all_cameras(setup, fitted, state, rows)
    everywhere = _spread_expression if setup.known else _spread
    expression, sigma = everywhere(expression, fitted, setup), everywhere(sigma, fitted, setup)
    landmarks_mm = np.stack(
        [ibug68_of(model, identity, *camera) for camera in zip(expression, world_to_camera)]
    )
    landmarks_px = project(landmarks_mm, world_to_camera, focal, setup.centre_px)
    measured = _spread(np.stack([view.ibug68_px for view in views]), fitted, setup)
    reprojection, interocular = reprojection_of(measured, landmarks_px)
    check_fit(reprojection[fitted], interocular[fitted], landmarks_px[fitted])
    light = (state.light[rows] * exposure[rows][:, None, None]).cpu().numpy()
    return FaceFit(
        model=model.name,
        method="optimise",
        identity=identity,
        identity_covariance=identity_covariance,
        albedo=state.albedo[subject].cpu().numpy(),
        expression=expression,
        expression_sigma=sigma,
        world_to_camera=world_to_camera,
        focal_px=focal,
        focal_sigma=_spread(local_sigma[:, layout.focal - offset], fitted, setup),
        centre_px=setup.centre_px,
        light=_spread(light, fitted, setup),
        vertices=model.vertices(identity),
        vertex_sigma_mm=vertex_sigma(model.identity_basis, identity_covariance),
        landmarks_px=landmarks_px,
        landmarks_mm=landmarks_mm,
        reprojection_px=reprojection,
        interocular_px=interocular,
    )


def _spread(values: np.ndarray, fitted: list[int], setup: Setup) -> np.ndarray:
    """Rows of the fitted views among those of all views of the capture; the others are NaN."""
    if len(fitted) == len(setup.focal_px):
        return values
    result = np.full((len(setup.focal_px), *values.shape[1:]), np.nan, values.dtype)
    result[fitted] = values
    return result


def _spread_expression(values: np.ndarray, fitted: list[int], setup: Setup) -> np.ndarray:
    """One expression in all views, fitted or not."""
    return np.repeat(values[:1], len(setup.focal_px), axis=0)


def _all_cameras(
    setup: Setup, fitted: list[int], state: State, rows: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Model to camera (n_views, 3, 4) and focal lengths (n_views,); NaN where unknown."""
    if setup.known and state.known is not None:
        head = state.known.head_to_world[state.known.group[rows[0]]].cpu().numpy()
        moved = setup.world_to_camera[..., :3] @ head
        moved[..., 3] += setup.world_to_camera[..., 3]
        return moved, setup.focal_px
    cameras = state.cameras
    world_to_camera = cameras.world_to_camera()[rows].double().cpu().numpy()
    focal = cameras.log_focal[rows].exp().double().cpu().numpy()
    return _spread(world_to_camera, fitted, setup), _spread(focal, fitted, setup)


def vertex_sigma(basis: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(n_vertices,) mm: root of the trace of each vertex's 3x3 covariance.

    Args:
        basis: (n_identity, n_vertices, 3) mm per sigma.
        covariance: (n_identity, n_identity) of the coefficients.
    """
    jitter = 1e-9 * np.trace(covariance) * np.eye(len(covariance))
    root = np.linalg.cholesky(covariance.astype(np.float64) + jitter).astype(np.float32)
    spread = root.T @ basis.reshape(len(basis), -1)
    return np.sqrt((spread**2).sum(0).reshape(-1, 3).sum(1))


def ibug68_of(
    model: FaceModel, identity: np.ndarray, expression: np.ndarray, world_to_camera: np.ndarray
) -> np.ndarray:
    """(68, 3) iBUG points of the fitted face in the model frame, the jaw on the visible outline."""
    vertices = model.vertices(identity, expression)
    points = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    if not np.isfinite(world_to_camera).all() or not np.isfinite(points).all():
        return points  # a view without a camera has no outline
    rotation, translation = world_to_camera[:, :3], world_to_camera[:, 3]
    if model.contour:
        chosen = outline_vertices(model, vertices, rotation, -rotation.T @ translation)
        moved = np.flatnonzero(chosen >= 0)
        points[:JAW][moved] = vertices[chosen[moved]]
    return points


def reprojection_of(
    measured: np.ndarray, landmarks_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean distance of the inner 51 points to the measured ones, and the interocular distance."""
    distance = np.linalg.norm(landmarks_px - measured, axis=2)[:, JAW:]
    valid = np.isfinite(distance)
    mean = np.where(valid, distance, 0).sum(1) / np.maximum(valid.sum(1), 1)
    mean = np.where(valid.any(1), mean, np.nan)
    right, left = OUTER_EYE_CORNERS
    interocular = np.linalg.norm(landmarks_px[:, right] - landmarks_px[:, left], axis=1)
    return mean, interocular


def check_fit(reprojection: np.ndarray, interocular: np.ndarray, landmarks_px: np.ndarray) -> None:
    """Raise `fit_failed` where the fitted points of all views are far off the measured ones."""
    if not np.isfinite(landmarks_px).all():
        raise CaptureFailure("fit_failed", "the fitted face lies behind the camera.")
    extent = np.ptp(landmarks_px, axis=1).max(1)  # profile views have little interocular distance
    share = reprojection / np.maximum(interocular, 0.3 * extent)
    share = share[np.isfinite(share)]  # none where the scheme gives no iBUG points
    if len(share) and share.min() > WORST_REPROJECTION:
        raise CaptureFailure(
            "fit_failed",
            f"the fitted face misses the landmarks by {100 * share.min():.0f} % of the "
            f"interocular distance, expected below {100 * WORST_REPROJECTION:.0f} %; "
            "is this a face, and are the landmarks on it?",
        )
