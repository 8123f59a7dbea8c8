"""The rows of the face model that a fit touches, as tensors, and the unknowns of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.camera import N_CAMERA, Cameras

if TYPE_CHECKING:
    from lib.fitting.known import KnownCameras

N_LIGHT = 27


@dataclass(frozen=True)
class LinearPoints:
    """Points that depend linearly on the coefficients: mean + basis . (identity, expression).

    Args:
        mean: (p, 3) mm, or (n, p, 3) when the points differ from view to view.
        basis: (p, 3, n_identity + n_expression) mm, or (n, p, 3, ...) likewise.
    """

    mean: torch.Tensor
    basis: torch.Tensor

    def at(self, shape: torch.Tensor) -> torch.Tensor:
        """(n, p, 3) mm for (n, n_identity + n_expression) coefficients."""
        if self.basis.dim() == 4:  # other points in each view
            return self.mean + (self.basis @ shape[:, None, :, None])[..., 0]
        flat = self.basis.reshape(-1, self.basis.shape[-1])
        return self.mean + (shape @ flat.T).reshape(len(shape), -1, 3)


def linear_points(
    model: FaceModel, vertices: np.ndarray, weights: np.ndarray, device: torch.device
) -> LinearPoints:
    """Weighted sums of vertices as linear points.

    Args:
        model: the head model.
        vertices: (p, k) vertex indices.
        weights: (p, k) their weights; they need not sum to one (differences are points, too).
        device: where the tensors live.
    """

    def gather(field: np.ndarray) -> np.ndarray:
        return np.einsum("...pkc,pk->...pc", field[..., vertices, :], weights)

    basis = np.concatenate([gather(model.identity_basis), gather(model.expression_basis)])
    return LinearPoints(
        torch.tensor(gather(model.mean), dtype=torch.float32, device=device),
        torch.tensor(
            np.ascontiguousarray(basis.transpose(1, 2, 0)), dtype=torch.float32, device=device
        ),
    )


@dataclass(frozen=True)
class Layout:
    """Where each unknown of one view stands in its normal equations.

    Order: identity, albedo (shared by the views of a subject), then camera, expression, light.
    """

    n_identity: int
    n_albedo: int
    n_expression: int

    @property
    def n_shared(self) -> int:
        return self.n_identity + self.n_albedo

    @property
    def n_local(self) -> int:
        return N_CAMERA + self.n_expression + N_LIGHT

    @property
    def size(self) -> int:
        return self.n_shared + self.n_local

    @property
    def identity(self) -> slice:
        return slice(0, self.n_identity)

    @property
    def albedo(self) -> slice:
        return slice(self.n_identity, self.n_shared)

    @property
    def camera(self) -> slice:
        return slice(self.n_shared, self.n_shared + N_CAMERA)

    @property
    def focal(self) -> int:
        return self.n_shared + N_CAMERA - 1

    @property
    def expression(self) -> slice:
        start = self.n_shared + N_CAMERA
        return slice(start, start + self.n_expression)

    @property
    def light(self) -> slice:
        return slice(self.size - N_LIGHT, self.size)


@dataclass(frozen=True)
class State:
    """The current estimate for n views of some subjects.

    Args:
        cameras: n cameras.
        identity: (n_subjects, n_identity) sigma.
        albedo: (n_subjects, n_albedo) sigma.
        expression: (n, n_expression) weights 0..1, or sigma; see `FaceModel.expression_prior`.
        light: (n, 9, 3) SH coefficients, model frame.
        subject: (n,) index of each view's subject.
        known: which views have known cameras and move together; None = each is for itself.
    """

    cameras: Cameras
    identity: torch.Tensor
    albedo: torch.Tensor
    expression: torch.Tensor
    light: torch.Tensor
    subject: torch.Tensor
    known: KnownCameras | None = None

    def shape(self) -> torch.Tensor:
        """(n, n_identity + n_expression) coefficients of each view."""
        return torch.cat([self.identity[self.subject], self.expression], 1)
