"""The depth term: a landmark network's own guess of relative depth, worth most near frontal.

In the camera frame a point lies at s * Xc_z px in front of or behind the model origin, at the
image's scale; the network's zero is unknown, so both sides count from their weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.camera import skew, turned
from lib.fitting.landmarks import DEGREES_OF_FREEDOM, TURNED
from lib.fitting.pack import Layout, LinearPoints, State, linear_points
from lib.fitting.solve import Normal, empty_normal

SIGMA_MM = 4.0  # of the network's depth at a frontal face


@dataclass(frozen=True)
class DepthTerm:
    """Measured relative depth of n views.

    Args:
        model_points: p points of the model.
        depth_px: (n, p), 0 where there is none.
        measured: (n, p) 1 where there is one.
        weight: share of the nominal information that counts.
    """

    model_points: LinearPoints
    depth_px: torch.Tensor
    measured: torch.Tensor
    weight: float


def depth_term(
    model: FaceModel, scheme: str, depth_px: np.ndarray, weight: float, device: torch.device
) -> DepthTerm:
    """The term for relative depths (n, p) with NaN where there is none."""
    points = model.landmarks[scheme]
    valid = np.isfinite(depth_px)
    on_head = linear_points(model, model.triangles[points.triangle], points.barycentric, device)
    if points.depth_bias_mm is not None:  # the network sees every point that much further out
        bias = torch.zeros_like(on_head.mean)
        bias[:, 2] = torch.tensor(points.depth_bias_mm, device=device)
        on_head = LinearPoints(on_head.mean + bias, on_head.basis)
    return DepthTerm(
        on_head,
        torch.tensor(np.where(valid, depth_px, 0), dtype=torch.float32, device=device),
        torch.tensor(valid, dtype=torch.float32, device=device),
        weight,
    )


def depth_normal(term: DepthTerm, state: State, layout: Layout) -> Normal:
    """Gauss-Newton system of the depth term at the current estimate."""
    cameras = state.cameras
    scale = cameras.log_scale.exp()[:, None]
    rotated = term.model_points.at(state.shape()) @ cameras.rotation.transpose(1, 2)
    sigma = SIGMA_MM * (1 + (turned(cameras)[:, None] / TURNED) ** 2) * scale
    share = term.measured / term.measured.sum(1, keepdim=True).clamp_min(1)

    def centred(values: torch.Tensor) -> torch.Tensor:
        weight = share.reshape(*share.shape, *[1] * (values.dim() - 2))
        return values - (weight * values).sum(1, keepdim=True)

    residual = centred(scale * rotated[..., 2] - term.depth_px)
    squared = residual**2 / sigma**2
    robust = (DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + squared)
    root = (term.weight * term.measured * robust).sqrt() / sigma

    by_point = scale[..., None] * cameras.rotation[:, None, 2, :]  # (n, 1, 3)
    by_shape = torch.einsum("nqc,pck->npk", by_point, term.model_points.basis)
    by_rotation = scale[..., None] * skew(-rotated)[..., 2, :]
    by_scale = scale * rotated[..., 2]
    n_views, start = len(residual), layout.camera.start
    columns = torch.zeros(n_views, residual.shape[1], layout.size, device=residual.device)
    columns[..., layout.identity] = by_shape[..., : layout.n_identity]
    columns[..., layout.expression] = by_shape[..., layout.n_identity :]
    columns[..., start : start + 3] = by_rotation
    columns[..., start + 5] = by_scale
    columns = centred(columns) * root[..., None]

    normal = empty_normal(n_views, layout, residual.device)
    normal.hessian[:] = (columns.transpose(1, 2) @ columns).double()
    normal.gradient[:] = (columns.transpose(1, 2) @ (residual * root)[..., None])[..., 0].double()
    cost = torch.log1p(squared / DEGREES_OF_FREEDOM) * 0.5 * (DEGREES_OF_FREEDOM + 1)
    normal.cost[:] = (term.weight * term.measured * cost).sum(1).double()
    return normal
