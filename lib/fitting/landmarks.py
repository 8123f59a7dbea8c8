"""The landmark term: measured points against the model's points of the same names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.camera import project_with_derivatives, turned
from lib.fitting.pack import Layout, LinearPoints, State, linear_points
from lib.fitting.solve import Normal, empty_normal

# Student's t with these degrees of freedom: a point at many sigma loses its say.
DEGREES_OF_FREEDOM = 4.0
# Networks place points worse on turned heads: sine of the turn at which sigma has doubled.
TURNED = 0.5


@dataclass(frozen=True)
class LandmarkTerm:
    """Measured points of n views.

    Args:
        model_points: p points of the model.
        measured_px: (n, p, 2), 0 where there is none.
        detector_sigma_px: (n, p), infinite where there is no measurement.
        model_sigma_mm: (p,) how well the model's point is defined.
        weight: share of the nominal information that counts.
    """

    model_points: LinearPoints
    measured_px: torch.Tensor
    detector_sigma_px: torch.Tensor
    model_sigma_mm: torch.Tensor
    weight: float


def landmark_term(
    model: FaceModel,
    scheme: str,
    measured_px: np.ndarray,
    sigma_px: np.ndarray,
    weight: float,
    device: torch.device,
) -> LandmarkTerm:
    """The term for measured points (n, p, 2) with NaN where there is none, sigma (n, p)."""
    points = model.landmarks[scheme]
    valid = np.isfinite(measured_px).all(-1) & np.isfinite(sigma_px)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return LandmarkTerm(
        linear_points(model, model.triangles[points.triangle], points.barycentric, device),
        tensor(np.where(valid[..., None], measured_px, 0)),
        tensor(np.where(valid, np.maximum(sigma_px, 0.25), np.inf)),
        tensor(points.sigma_mm),
        weight,
    )


def landmark_normal(term: LandmarkTerm, state: State, layout: Layout) -> Normal:
    """Gauss-Newton system of the landmark term at the current estimate."""
    image, by_camera, by_point = project_with_derivatives(
        state.cameras, term.model_points.at(state.shape())
    )
    scale = state.cameras.log_scale.exp()[:, None]
    away = 1 + (turned(state.cameras)[:, None] / TURNED) ** 2
    variance = (away * term.detector_sigma_px) ** 2 + (away * scale * term.model_sigma_mm) ** 2
    residual = image - term.measured_px
    squared = (residual**2).sum(-1) / variance
    robust = (DEGREES_OF_FREEDOM + 2) / (DEGREES_OF_FREEDOM + squared)
    information = term.weight * torch.where(torch.isfinite(variance), robust / variance, 0.0)

    by_shape = by_point @ term.model_points.basis  # (n, p, 2, identity + expression)
    cost = term.weight * 0.5 * (DEGREES_OF_FREEDOM + 2) * torch.log1p(squared / DEGREES_OF_FREEDOM)
    return assemble(by_camera, by_shape, residual, information, cost.sum(1), layout)


def assemble(
    by_camera: torch.Tensor,
    by_shape: torch.Tensor,
    residual: torch.Tensor,
    information: torch.Tensor,
    cost: torch.Tensor,
    layout: Layout,
) -> Normal:
    """Normal equations from derivatives (n, p, 2, .), residual (n, p, 2), information (n, p)."""
    n_views = len(residual)
    k = layout.n_identity
    columns = torch.cat([by_shape[..., :k], by_camera, by_shape[..., k:]], -1).flatten(1, 2)
    root = information.sqrt().repeat_interleave(2, dim=1)
    columns = columns * root[..., None]
    weighted = residual.flatten(1) * root
    hessian = columns.transpose(1, 2) @ columns
    gradient = (columns.transpose(1, 2) @ weighted[..., None])[..., 0]

    normal = empty_normal(n_views, layout, residual.device)
    index = torch.cat(
        [
            torch.arange(k, device=residual.device),
            torch.arange(layout.n_shared, layout.expression.stop, device=residual.device),
        ]
    )
    normal.hessian[:, index[:, None], index] = hessian.double()
    normal.gradient[:, index] = gradient.double()
    normal.cost[:] = cost.double()
    return normal
