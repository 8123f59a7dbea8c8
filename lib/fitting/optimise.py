"""The optimiser: Levenberg-Marquardt over all views of a batch, shared unknowns by subject."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import torch

from lib.fitting.known import gather
from lib.fitting.pack import N_CAMERA, State
from lib.fitting.priors import Priors
from lib.fitting.solve import Normal, hold, solve_shared

logger = logging.getLogger(__name__)

MOST_SIGMA = 1.5  # that one step moves a coefficient

Evidence = Callable[[State], Normal]


def optimise(
    state: State,
    evidence: Evidence,
    priors: Priors,
    iterations: int,
    held: tuple[slice, ...] = (),
) -> State:
    """The state after some damped Gauss-Newton steps.

    A step that raises a subject's cost is taken back and damped more; the other subjects go on.

    Args:
        state: start.
        evidence: gives the data terms at a state.
        priors: what is believed beforehand.
        iterations: number of steps tried.
        held: blocks of unknowns that stay as they are.
    """
    system, cost = _system(state, evidence, priors)
    n_subjects = len(state.identity)
    damping = torch.full((n_subjects,), 1e-3, dtype=torch.float64, device=state.identity.device)
    for iteration in range(iterations):
        trial = _stepped(state, system, priors, held, damping[state.subject])
        trial_system, trial_cost = _system(trial, evidence, priors)
        better = trial_cost <= cost
        state = choose(better, trial, state)
        view_better = better[state.subject]
        system = Normal(
            torch.where(view_better[:, None, None], trial_system.hessian, system.hessian),
            torch.where(view_better[:, None], trial_system.gradient, system.gradient),
            torch.where(view_better, trial_system.cost, system.cost),
        )
        cost = torch.where(better, trial_cost, cost)
        damping = torch.where(better, damping * 0.3, damping * 10).clamp(1e-6, 1e4)
        if iteration % max(1, iterations // 5) == 0:
            logger.info("step %d: mean cost %.2f", iteration + 1, float(cost.mean()))
    return state


def _stepped(
    state: State,
    system: Normal,
    priors: Priors,
    held: tuple[slice, ...],
    damping: torch.Tensor,
) -> State:
    """The state after one damped step (n,); views of known cameras move together."""
    layout, known, rows = priors.layout, state.known, slice(None)
    if known is not None:
        light_held = layout.light in held
        gathered = gather(system, known, state.cameras, layout, damping, light_held)
        system, rows = gathered.normal, known.first
    expression, subject = state.expression[rows], state.subject[rows]
    blocked = _held(expression, system, priors, held, priors.free[rows])
    prior_gradient = torch.cat([state.identity, state.albedo], 1).double() * priors.shared
    shared_held = blocked[:, : layout.n_shared].any(0)
    shared, local = solve_shared(
        hold(system, blocked),
        torch.where(shared_held, 1.0, priors.shared),
        torch.where(shared_held, 0.0, prior_gradient),
        subject,
        layout,
        damping[rows],
    )
    if known is None:
        return _moved(state, shared, local, priors)
    steps = torch.cat([shared[subject], local], 1)
    trial = _moved(state, shared, gathered.views(known, steps, layout), priors)
    heads = known.moved(local)
    return replace(trial, cameras=heads.applied(trial.cameras), known=heads)


def _system(state: State, evidence: Evidence, priors: Priors) -> tuple[Normal, torch.Tensor]:
    """Evidence and local priors of each view, and the whole cost of each subject."""
    system = evidence(state) + priors.local(state)
    coefficients = torch.cat([state.identity, state.albedo], 1).double()
    cost = 0.5 * (coefficients**2 * priors.shared).sum(1)
    return system, cost.index_add_(0, state.subject, system.cost)


def _held(
    expression: torch.Tensor,
    system: Normal,
    priors: Priors,
    blocks: tuple[slice, ...],
    free: torch.Tensor,
) -> torch.Tensor:
    """(n, d) bool: unknowns that this step leaves alone.

    Besides the given blocks: expressions that are not free, and weights at 0 or 1 that the
    gradient pushes outwards (the active set of the box), where the model has weights.
    """
    held = torch.zeros_like(system.gradient, dtype=torch.bool)
    for block in blocks:
        held[:, block] = True
    held[:, priors.layout.expression] |= ~free
    if priors.bounded:
        slope = system.gradient[:, priors.layout.expression]
        at_zero = (expression <= 0) & (slope > 0)
        at_one = (expression >= 1) & (slope < 0)
        held[:, priors.layout.expression] |= at_zero | at_one
    return held


def _moved(state: State, shared: torch.Tensor, local: torch.Tensor, priors: Priors) -> State:
    layout = priors.layout
    shared, local = shared.float(), local.float()
    camera, rest = local[:, :N_CAMERA], local[:, N_CAMERA:]
    step = rest[:, : layout.n_expression]
    if priors.bounded:
        expression = (state.expression + step).clamp(0, 1)
    else:
        expression = state.expression + step.clamp(-MOST_SIGMA, MOST_SIGMA)
    return replace(
        state,
        cameras=state.cameras.moved(camera),
        identity=state.identity + shared[:, layout.identity].clamp(-MOST_SIGMA, MOST_SIGMA),
        albedo=state.albedo + shared[:, layout.albedo].clamp(-MOST_SIGMA, MOST_SIGMA),
        expression=expression,
        light=state.light + rest[:, layout.n_expression :].reshape(-1, 9, 3),
    )


def choose(better: torch.Tensor, trial: State, state: State) -> State:
    """The trial for subjects where it is better, the old state for the others."""
    views = better[state.subject]

    def pick(mask: torch.Tensor, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
        return torch.where(mask.reshape(-1, *[1] * (new.dim() - 1)), new, old)

    new, old = trial.cameras, state.cameras
    cameras = replace(
        old,
        rotation=pick(views, new.rotation, old.rotation),
        origin_px=pick(views, new.origin_px, old.origin_px),
        log_scale=pick(views, new.log_scale, old.log_scale),
        log_focal=pick(views, new.log_focal, old.log_focal),
    )
    known = state.known
    if known is not None and trial.known is not None:
        known = known.chosen(views[known.first], trial.known)
    return State(
        cameras,
        pick(better, trial.identity, state.identity),
        pick(better, trial.albedo, state.albedo),
        pick(views, trial.expression, state.expression),
        pick(views, trial.light, state.light),
        state.subject,
        known,
    )
