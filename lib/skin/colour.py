"""Skin and other colours of one photo as two Gaussian mixtures, learnt from that photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SKIN_COMPONENTS = 3
HAIR_COMPONENTS = 2
BACKGROUND_COMPONENTS = 5
HAIR_SHARE = 0.4
ROUNDS = 10
LEAST_SPREAD = np.array([4.0, 2.0, 2.0])  # L, a, b: noise and what a mixture cannot resolve
STRAY = 0.03  # share of other colours that fit no component
COLOUR_VOLUME = 100.0 * 120.0 * 120.0  # of the L, a, b values that photos hold
LARGEST_EVIDENCE = 12.0
PSEUDO_COUNT = 100.0
FEWEST = 30
BALD, ALIKE = 1.7, 3.0  # Mahalanobis distances; 1.5 is the median of skin itself
STRAY_DISTANCE = 3.5


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
    colour: np.ndarray,
    prior: np.ndarray,
    seed: np.ndarray,
    scalp: np.ndarray,
    elsewhere: np.ndarray,
) -> tuple[Mixture, Mixture]:
    """The mixtures of skin and of everything else that explain a photo best.

    Expectation-maximisation with a prior per pixel, anchored to three sets of pixels: almost
    surely skin; where hair grows; and outside the head. Colours outside the head that look like
    the skin are taken for a shoulder or a hand and left out. A scalp of skin colour is bald.

    Args:
        colour: (n, 3) L, a, b of a sample of pixels.
        prior: (n,) probability of skin by place alone.
        seed: (n,) bool, almost surely skin.
        scalp: (n,) bool, hair, or skin of a bald head.
        elsewhere: (n,) bool, outside the head.
    """
    sure = _without_strays(colour[seed])
    start = skin = _start(sure, SKIN_COMPONENTS)
    other_start = other = _start_other(colour, sure, scalp, elsewhere)
    trust, other_trust = float(len(sure)), float(max(len(sure), elsewhere.sum()))
    for _ in range(ROUNDS):
        in_skin, in_other = skin.densities(colour), other.densities(colour)
        skin_total = in_skin.sum(1)
        other_total = (1 - STRAY) * in_other.sum(1) + STRAY / COLOUR_VOLUME
        posterior = prior * skin_total / (prior * skin_total + (1 - prior) * other_total + 1e-300)
        skin = _maximise(colour, posterior[:, None] * _share(in_skin), start, trust)
        explained = (1 - posterior) * (1 - STRAY) * in_other.sum(1) / other_total
        other = _maximise(colour, explained[:, None] * _share(in_other), other_start, other_trust)
    return skin, other


def _start_other(
    colour: np.ndarray, sure: np.ndarray, scalp: np.ndarray, elsewhere: np.ndarray
) -> Mixture:
    """Colours of hair and background; of the blackest and whitest grey where neither is seen."""
    parts = []
    if scalp.sum() > FEWEST and np.median(_distance(colour[scalp], sure)) > BALD:
        parts.append((HAIR_SHARE, _start(colour[scalp], HAIR_COMPONENTS)))
    strange = colour[elsewhere]
    strange = strange[_distance(strange, sure) > ALIKE]
    if len(strange) > FEWEST:
        parts.append((1 - HAIR_SHARE, _start(strange, BACKGROUND_COMPONENTS)))
    if not parts:
        greys = np.array([[-40.0, 0.0, 0.0], [40.0, 0.0, 0.0]])
        parts.append((1.0, Mixture(np.full(2, 0.5), greys, np.tile(np.eye(3) * 400.0, (2, 1, 1)))))
    total = sum(share for share, _ in parts)
    return Mixture(
        np.concatenate([share / total * part.weight for share, part in parts]),
        np.concatenate([part.mean for _, part in parts]),
        np.concatenate([part.covariance for _, part in parts]),
    )


def _distance(colour: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """(n,) Mahalanobis distance from a sample of colours."""
    covariance = np.cov(sample.T) + np.diag(LEAST_SPREAD**2) * 0.25
    offset = colour - sample.mean(0)
    return np.sqrt((offset @ np.linalg.inv(covariance) * offset).sum(1))


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
    return _maximise(colour, np.eye(count)[nearest], blank, PSEUDO_COUNT)


def _nearest(colour: np.ndarray, means: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return (((colour[:, None] - means) / scale) ** 2).sum(2).argmin(1)


def _maximise(colour: np.ndarray, share: np.ndarray, prior: Mixture, trust: float) -> Mixture:
    """The mixture of shared-out colours and `trust` pixels of the prior mixture."""
    count = share.sum(0)
    believed = trust * prior.weight
    total = count + believed
    mean = (share.T @ colour + believed[:, None] * prior.mean) / total[:, None]
    covariance = np.empty_like(prior.covariance)
    for k in range(len(count)):
        offset, shift = colour - mean[k], prior.mean[k] - mean[k]
        scatter = (share[:, k, None] * offset).T @ offset
        kept = believed[k] * (prior.covariance[k] + np.outer(shift, shift))
        covariance[k] = (scatter + kept) / total[k] + np.diag(LEAST_SPREAD**2) * 0.25
    return Mixture(total / total.sum(), mean, covariance)


def _without_strays(colour: np.ndarray) -> np.ndarray:
    """Colours near the median: without brow hairs, nostrils, glints and rims of glasses."""
    offset = colour - np.median(colour, axis=0)
    spread = 1.4826 * np.median(np.abs(offset), axis=0) + LEAST_SPREAD / 2
    return colour[((offset / spread) ** 2).sum(1) < STRAY_DISTANCE**2]


def _share(densities: np.ndarray) -> np.ndarray:
    return densities / (densities.sum(1, keepdims=True) + 1e-300)
