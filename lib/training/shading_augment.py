"""Other photos of the same relief: mirrored with their light, with other skin and sensors."""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np

from lib.shading.learned import COLOUR_PLANES, LIGHT_PLANES, SQUEEZE_PLANES, TONE_PLANE, TRUST_PLANE
from lib.training.shading_samples import ReliefSample


def changed(sample: ReliefSample, chance: np.random.Generator) -> ReliefSample:
    """Another photo of the same relief: mirrored with its light, spotted, noisy, without colour."""
    if chance.random() < 0.5:
        sample = _flipped(sample, 2)
    if chance.random() < 0.25:
        sample = _flipped(sample, 1)
    planes = sample.planes.copy()
    known = planes[TRUST_PLANE] > 0
    shape = known.shape
    if chance.random() < 0.3:  # freckles and moles
        spots = _noise(shape, chance.uniform(0.8, 2.0), chance)
        spots = np.maximum(spots - chance.uniform(1.0, 2.0), 0) * chance.uniform(0.5, 2.0)
        planes[TONE_PLANE] -= spots
        planes[list(COLOUR_PLANES)] += np.float32([1.0, -0.7])[:, None, None] * spots
    noise = chance.exponential(0.1)
    planes[TONE_PLANE] += noise * _noise(shape, chance.choice([0.0, 0.6, 1.2]), chance)
    planes[TONE_PLANE] += 0.3 * chance.random() * _noise(shape, 12.0, chance)
    planes[list(COLOUR_PLANES)] *= chance.uniform(0.4, 1.3)
    if chance.random() < 0.25:
        planes[list(COLOUR_PLANES)] = 0
    planes[TONE_PLANE] *= np.exp(chance.normal(0, 0.1))
    planes[list(LIGHT_PLANES)] *= np.exp(chance.normal(0, 0.15))
    return replace(sample, planes=planes * known)


def _noise(shape: tuple[int, int], sigma: float, chance: np.random.Generator) -> np.ndarray:
    """Smooth random field of variance 1; sigma in texels."""
    field = chance.standard_normal(shape, np.float32)
    if sigma > 0:
        field = cv2.GaussianBlur(field, (0, 0), sigma)
    return field / max(float(field.std()), 1e-6)


def _flipped(sample: ReliefSample, axis: int) -> ReliefSample:
    """Mirrored columns (2) or rows (1): slopes and the light's answer change sign."""
    parts = {f.name: np.flip(getattr(sample, f.name), axis - 3) for f in fields(ReliefSample)}
    parts["weight"] = np.flip(sample.weight, axis - 3)
    planes = parts["planes"].copy()
    planes[LIGHT_PLANES[0 if axis == 2 else 1]] *= -1
    planes[SQUEEZE_PLANES[2]] *= -1
    return ReliefSample(**(parts | {"planes": planes}))


def cropped(sample: ReliefSample, side: int, chance: np.random.Generator) -> ReliefSample:
    """A square about a texel that counts; the more wrinkled the likelier."""
    chosen = np.argwhere(sample.weight > 0.5)
    if not len(chosen):
        chosen = np.argwhere(sample.weight > 0)
    centre = chosen[chance.integers(len(chosen))]
    if chance.random() < 0.5:
        among = chosen[chance.integers(len(chosen), size=64)]
        depth = np.abs(sample.resting + sample.driven)[tuple(among.T)]
        centre = among[int(np.argmax(depth))] + chance.integers(-40, 41, 2)
    sample = padded(sample, 1, side)
    limit = np.array(sample.weight.shape) - side
    top, left = np.clip(centre - side // 2, 0, limit)
    window = slice(top, top + side), slice(left, left + side)
    return ReliefSample(**{f.name: getattr(sample, f.name)[..., *window] for f in fields(sample)})


def padded(sample: ReliefSample, unit: int, least: int = 1) -> ReliefSample:
    """With rows and columns, multiples of `unit`, at least `least`; zeros that count nothing."""
    rows, cols = sample.weight.shape
    more = [(0, -(-max(side, least) // unit) * unit - side) for side in (rows, cols)]
    if not any(after for _, after in more):
        return sample

    def grown(values: np.ndarray) -> np.ndarray:
        return np.pad(values, [(0, 0)] * (values.ndim - 2) + more)

    return ReliefSample(**{f.name: grown(getattr(sample, f.name)) for f in fields(sample)})
