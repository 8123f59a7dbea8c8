"""What is believed before a photo is seen, as quadratic terms of the normal equations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lib.facemodel import FaceModel
from lib.fitting.options import FitOptions
from lib.fitting.pack import Layout, State
from lib.fitting.solve import Normal

MIRRORED_SIGMA = 0.15  # left and right halves of an expression seldom differ by more


@dataclass(frozen=True)
class Priors:
    """Gaussian priors of a batch of views.

    Args:
        layout: where the unknowns stand.
        shared: (n_shared,) precision of identity and albedo, around zero.
        expression: (n_expression, n_expression) precision around zero.
        sparsity: (n_expression,) slope of the exponential part of the expression prior.
        free: (n, n_expression) bool, False for weights that stay as they are.
        log_focal: (n,) mean; NaN where the distance is used instead.
        focal_precision: (n,) of log focal length.
        log_distance: mean of log distance in mm.
        distance_precision: of log distance.
        light_mean: (n, 9, 3).
        light: (27, 27) precision.
        bounded: expressions are weights, kept in 0..1.
        share: (n,) of the expression's prior that each view bears: views that have one expression
            bear it together.
    """

    layout: Layout
    shared: torch.Tensor
    expression: torch.Tensor
    sparsity: torch.Tensor
    free: torch.Tensor
    log_focal: torch.Tensor
    focal_precision: torch.Tensor
    log_distance: float
    distance_precision: float
    light_mean: torch.Tensor
    light: torch.Tensor
    bounded: bool
    share: torch.Tensor

    def local(self, state: State) -> Normal:
        """Prior system of the unknowns that each view has for itself."""
        n = len(state.expression)
        size = self.layout.size
        hessian = torch.zeros(n, size, size, dtype=torch.float64, device=self.light.device)
        gradient = torch.zeros(n, size, dtype=torch.float64, device=self.light.device)

        weights = state.expression.double()
        block = self.layout.expression
        pull = weights @ self.expression + self.sparsity
        hessian[:, block, block] = self.expression * self.share[:, None, None]
        gradient[:, block] = pull * self.share[:, None]
        cost = 0.5 * ((weights @ self.expression) * weights).sum(1) + weights @ self.sparsity
        cost = cost * self.share

        light = (state.light - self.light_mean).flatten(1).double()
        hessian[:, self.layout.light, self.layout.light] = self.light
        gradient[:, self.layout.light] = light @ self.light
        cost = cost + 0.5 * ((light @ self.light) * light).sum(1)
        cost = cost + self._camera(state, hessian, gradient)
        return Normal(hessian, gradient, cost)

    def _camera(self, state: State, hessian: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        focal, scale = self.layout.focal, self.layout.focal - 1
        log_focal, log_scale = state.cameras.log_focal.double(), state.cameras.log_scale.double()
        known = torch.isfinite(self.log_focal)
        from_focal = torch.where(known, log_focal - self.log_focal.nan_to_num(), 0.0)
        from_distance = torch.where(known, 0.0, log_focal - log_scale - self.log_distance)
        by_focal = torch.where(known, self.focal_precision, 0.0)
        by_distance = torch.where(known, 0.0, self.distance_precision)
        hessian[:, focal, focal] += by_focal + by_distance
        hessian[:, scale, scale] += by_distance
        hessian[:, scale, focal] -= by_distance
        hessian[:, focal, scale] -= by_distance
        gradient[:, focal] += by_focal * from_focal + by_distance * from_distance
        gradient[:, scale] -= by_distance * from_distance
        return 0.5 * (by_focal * from_focal**2 + by_distance * from_distance**2)


def make_priors(
    model: FaceModel,
    layout: Layout,
    focal_px: torch.Tensor,
    light_mean: torch.Tensor,
    light_precision: torch.Tensor,
    options: FitOptions,
    share: torch.Tensor | None = None,
) -> Priors:
    """The priors of n views with known (or NaN) focal lengths (n,), each for itself by default."""
    device = focal_px.device
    shared = torch.ones(layout.n_shared, dtype=torch.float64, device=device)
    shared[layout.identity] = 1 / options.identity_sigma**2
    bounded = model.expression_prior == "weight"
    return Priors(
        layout=layout,
        shared=shared,
        expression=_expression_precision(model, options).to(device),
        sparsity=torch.full(
            (layout.n_expression,), 0.5 / options.expression_sigma if bounded else 0.0,
            dtype=torch.float64, device=device,
        ),
        free=torch.tensor(model.free_expressions, device=device).repeat(len(focal_px), 1),
        log_focal=focal_px.double().log(),
        focal_precision=torch.full_like(focal_px.double(), options.focal_log_sigma**-2),
        log_distance=math.log(options.distance_mm),
        distance_precision=options.distance_log_sigma**-2,
        light_mean=light_mean,
        light=light_precision.double(),
        bounded=bounded,
        share=torch.ones_like(focal_px.double()) if share is None else share,
    )  # fmt: skip


def _expression_precision(model: FaceModel, options: FitOptions) -> torch.Tensor:
    """Independent weights, with left and right halves of one expression tied loosely.

    Coefficients that the model itself says to be N(0, 1) are taken at its word.
    """
    if model.expression_prior == "normal":
        return torch.eye(model.n_expression, dtype=torch.float64)
    precision = torch.eye(model.n_expression, dtype=torch.float64) / options.expression_sigma**2
    names = list(model.expression_names)
    for left, name in enumerate(names):
        for suffix, other in (("Left", "Right"), ("_L", "_R")):
            partner = name[: -len(suffix)] + other
            if name.endswith(suffix) and partner in names:
                right = names.index(partner)
                for i, j, sign in ((left, left, 1), (right, right, 1), (left, right, -1)):
                    precision[i, j] += sign / MIRRORED_SIGMA**2
                precision[right, left] = precision[left, right]
    return precision
