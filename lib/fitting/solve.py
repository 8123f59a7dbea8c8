"""Normal equations with unknowns shared by the views of a subject, and weights kept in 0..1."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lib.fitting.pack import Layout


@dataclass(frozen=True)
class Normal:
    """Gauss-Newton system of each view: hessian (n, d, d), gradient (n, d), cost (n,), float64."""

    hessian: torch.Tensor
    gradient: torch.Tensor
    cost: torch.Tensor

    def scaled(self, share: float) -> Normal:
        """The system with its information multiplied by `share`."""
        return Normal(self.hessian * share, self.gradient * share, self.cost * share)

    def __add__(self, other: Normal) -> Normal:
        return Normal(
            self.hessian + other.hessian, self.gradient + other.gradient, self.cost + other.cost
        )


def empty_normal(n_views: int, layout: Layout, device: torch.device) -> Normal:
    """A system without any evidence."""
    zeros = torch.zeros(n_views, layout.size, layout.size, dtype=torch.float64, device=device)
    return Normal(zeros, zeros[:, 0].clone(), zeros[:, 0, 0].clone())


def hold(normal: Normal, held: torch.Tensor) -> Normal:
    """The system with some unknowns (n, d bool) held at their values."""
    free = (~held).to(torch.float64)
    hessian = normal.hessian * free[:, :, None] * free[:, None, :]
    hessian = hessian + torch.diag_embed(held.to(torch.float64))
    return Normal(hessian, normal.gradient * free, normal.cost)


def solve_shared(
    normal: Normal,
    prior_hessian: torch.Tensor,
    prior_gradient: torch.Tensor,
    subject: torch.Tensor,
    layout: Layout,
    damping: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One damped Gauss-Newton step: shared unknowns by the Schur complement, then each view's own.

    Args:
        normal: evidence and local priors of n views.
        prior_hessian: (n_shared,) diagonal of the shared unknowns' prior.
        prior_gradient: (n_subjects, n_shared) its gradient at the current estimate.
        subject: (n,) subject of each view.
        layout: where the unknowns stand.
        damping: (n,) Marquardt factor of each view.

    Returns:
        (n_subjects, n_shared) and (n, n_local) steps, float64.
    """
    k = layout.n_shared
    diagonal = normal.hessian.diagonal(dim1=1, dim2=2)
    hessian = normal.hessian + torch.diag_embed(diagonal * damping[:, None])
    local = hessian[:, k:, k:]
    cross = hessian[:, k:, :k]
    factor = torch.linalg.cholesky(local)
    solved = torch.cholesky_solve(torch.cat([cross, normal.gradient[:, k:, None]], 2), factor)
    reduced = hessian[:, :k, :k] - cross.transpose(1, 2) @ solved[:, :, :k]
    right = normal.gradient[:, :k] - (cross.transpose(1, 2) @ solved[:, :, k:])[..., 0]

    n_subjects = len(prior_gradient)
    shared_hessian = torch.diag(prior_hessian).expand(n_subjects, k, k).clone()
    shared_hessian.index_add_(0, subject, reduced)
    shared_gradient = prior_gradient.clone().index_add_(0, subject, right)
    whole = torch.linalg.cholesky(shared_hessian)
    shared = -torch.cholesky_solve(shared_gradient[..., None], whole)[..., 0]
    local_step = -(solved[:, :, k] + (solved[:, :, :k] @ shared[subject][:, :, None])[..., 0])
    return shared, local_step


def shared_covariance(
    normal: Normal, prior_hessian: torch.Tensor, subject: torch.Tensor, layout: Layout
) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior covariances of the Gaussian that the last system describes.

    Returns:
        (n_subjects, n_shared, n_shared) of the shared unknowns, and (n, n_local) variances of the
        local ones given uncertain shared ones.
    """
    k = layout.n_shared
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(normal.hessian[:, k:, k:]))
    cross = normal.hessian[:, k:, :k]
    gain = inverse @ cross
    reduced = normal.hessian[:, :k, :k] - cross.transpose(1, 2) @ gain
    n_subjects = int(subject.max()) + 1
    information = torch.diag(prior_hessian).expand(n_subjects, k, k).clone()
    information.index_add_(0, subject, reduced)
    covariance = torch.cholesky_inverse(torch.linalg.cholesky(information))
    covariance = 0.5 * (covariance + covariance.transpose(1, 2))
    local = inverse.diagonal(dim1=1, dim2=2)
    local = local + torch.einsum("nij,njk,nik->ni", gain, covariance[subject], gain)
    return covariance, local
