"""The motion that carries points nearest to others that are known one by one."""

from __future__ import annotations

import numpy as np


def align_points(
    source: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None = None,
    with_scale: bool = True,
) -> tuple[float, np.ndarray, np.ndarray]:
    """target = scale * (rotation . source) + translation, by weighted least squares.

    Args:
        source: (n, 3).
        target: (n, 3).
        weights: (n,) inverse variances; None = equal.
        with_scale: False keeps the scale at 1.

    Returns:
        scale; (3, 3) rotation, never a mirror; (3,) translation.

    Source: Umeyama 1991, IEEE PAMI 13.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    share = np.ones(len(source)) if weights is None else np.asarray(weights, float)
    share = share / share.sum()
    middle, there = share @ source, share @ target
    a, b = source - middle, target - there
    left, singular, right = np.linalg.svd((b * share[:, None]).T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = (left * sign) @ right
    scale = float((singular * sign).sum() / (share @ (a**2).sum(1))) if with_scale else 1.0
    return scale, rotation, there - scale * rotation @ middle
