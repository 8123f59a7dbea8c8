"""Skin and other colours of one photo as two Gaussian mixtures, learnt from that photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SKIN_COMPONENTS = 3
OTHER_COMPONENTS = 6
ROUNDS = 10
LEAST_SPREAD = np.array([4.0, 2.0, 2.0])  # L, a, b: noise and what a mixture cannot resolve
STRAY = 0.03  # share of other colours that fit no component
COLOUR_VOLUME = 100.0 * 120.0 * 120.0  # of the L, a, b values that photos hold
LARGEST_EVIDENCE = 8.0
PSEUDO_COUNT = 20.0


@dataclass(frozen=True)
class Mixture:
    """Gaussians over (L, a, b).

    Args:
        weight: (k,) sums to 1.
        mean: (k, 3)
        covariance: (k, 3, 3)
    """

    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def densities(self, colour: np.ndarray) -> np.ndarray:
        """(n, k) weighted densities of colours (n, 3)."""
        columns = []
        for weight, mean, covariance in zip(self.weight, self.mean, self.covariance, strict=True):
            half = np.linalg.cholesky(covariance)
            white = np.linalg.solve(half, (colour - mean).T)
            scale = weight / ((2 * np.pi) ** 1.5 * np.prod(np.diag(half)))
            columns.append(scale * np.exp(-0.5 * (white**2).sum(0)))
        return np.column_stack(columns)


def learn_evidence(
    colour: np.ndarray, prior: np.ndarray, seed: np.ndarray, elsewhere: np.ndarray
) -> tuple[Mixture, Mixture]:
    """The mixtures of skin and of everything else that explain a photo best.

    Expectation-maximisation with a prior per pixel, started from pixels that are almost surely
    skin and pixels that almost surely are not.

    Args:
        colour: (n, 3) L, a, b of a sample of pixels.
        prior: (n,) probability of skin by place alone.
        seed: (n,) bool, almost surely skin.
        elsewhere: (n,) bool, outside the head.
    """
    skin = _start(colour[seed], SKIN_COMPONENTS)
    other_seed = elsewhere if elsewhere.sum() > 50 else ~seed
    other = _start(colour[other_seed], OTHER_COMPONENTS)
    for _ in range(ROUNDS):
        in_skin, in_other = skin.densities(colour), other.densities(colour)
        skin_total = in_skin.sum(1)
        other_total = (1 - STRAY) * in_other.sum(1) + STRAY / COLOUR_VOLUME
        posterior = prior * skin_total / (prior * skin_total + (1 - prior) * other_total + 1e-300)
        skin = _maximise(colour, posterior[:, None] * _share(in_skin), skin)
        explained = (1 - posterior) * (1 - STRAY) * in_other.sum(1) / other_total
        other = _maximise(colour, explained[:, None] * _share(in_other), other)
    return skin, other


def evidence(colour: np.ndarray, skin: Mixture, other: Mixture) -> np.ndarray:
    """(n,) log likelihood ratio of skin against other colours, limited to +-LARGEST_EVIDENCE."""
    skin_total = skin.densities(colour).sum(1)
    other_total = (1 - STRAY) * other.densities(colour).sum(1) + STRAY / COLOUR_VOLUME
    ratio = np.log(skin_total + 1e-300) - np.log(other_total)
    return np.clip(ratio, -LARGEST_EVIDENCE, LARGEST_EVIDENCE)


def _start(colour: np.ndarray, count: int) -> Mixture:
    """Far-apart colours as means, and the spread around them; the same for the same pixels."""
    colour = colour[:: max(1, len(colour) // 3000)]
    chosen = [np.median(colour, axis=0)]
    scaled = LEAST_SPREAD * 3
    for _ in range(count - 1):
        gap = np.min([(((colour - c) / scaled) ** 2).sum(1) for c in chosen], axis=0)
        chosen.append(colour[np.argsort(gap, kind="stable")[int(0.95 * (len(gap) - 1))]])
    means = np.array(chosen)
    for _ in range(8):
        nearest = _nearest(colour, means, scaled)
        means = np.array(
            [
                colour[nearest == k].mean(0) if (nearest == k).any() else means[k]
                for k in range(count)
            ]
        )
    nearest = _nearest(colour, means, scaled)
    blank = Mixture(
        np.full(count, 1 / count), means, np.tile(np.diag(LEAST_SPREAD**2), (count, 1, 1))
    )
    return _maximise(colour, np.eye(count)[nearest], blank)


def _nearest(colour: np.ndarray, means: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return (((colour[:, None] - means) / scale) ** 2).sum(2).argmin(1)


def _maximise(colour: np.ndarray, share: np.ndarray, before: Mixture) -> Mixture:
    count = share.sum(0)
    pulled = count + PSEUDO_COUNT
    mean = (share.T @ colour + PSEUDO_COUNT * before.mean) / pulled[:, None]
    covariance = np.empty_like(before.covariance)
    for k in range(len(count)):
        offset = colour - mean[k]
        scatter = (share[:, k, None] * offset).T @ offset
        covariance[k] = (scatter + PSEUDO_COUNT * before.covariance[k]) / pulled[k]
        covariance[k] += np.diag(LEAST_SPREAD**2) * 0.25
    return Mixture(pulled / pulled.sum(), mean, covariance)


def _share(densities: np.ndarray) -> np.ndarray:
    return densities / (densities.sum(1, keepdims=True) + 1e-300)
