"""The light that skin mirrors in many views, and where it comes from.

    seen_v(x) = matte(x) + sum over directions j of light_j * GGX(normal, eye_v, direction_j)

The matte part of a place is the same in all views, so that only differences between views count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from lib.geometry import sphere_directions

DIRECTIONS = 768
LAMPS_MM = 1800.0  # how far light comes from: between a studio's lamps and a room's windows
FITTED = 1500  # places that tell the light
SMOOTH = 0.02  # of the light, beside the mean square of what it makes
RIDGE = 1e-4
STEPS = 400
NEIGHBOURS = 6
LEAST_COSINE = 1e-3
DARK = 1e-3  # of the brightest direction: counts as none
CHUNK = 1000  # places at a time


@dataclass(frozen=True)
class Places:
    """Places of skin and what calibrated views show of them.

    Args:
        position: (n, 3) float32 mm about the head's middle.
        normal: (n, 3) float32 unit.
        to_eye: (k, n, 3) float32 unit.
        bright: (k, n) float32 linear: of each view, exposures made equal.
        weight: (k, n) float32 0..1: how far the view shows the place's bare skin.
        gloss: (n, 2) float32 reflectance at normal incidence and roughness of GGX.
    """

    position: np.ndarray
    normal: np.ndarray
    to_eye: np.ndarray
    bright: np.ndarray
    weight: np.ndarray
    gloss: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def at(self, rows: np.ndarray | slice) -> Places:
        """Some of the places."""
        return Places(
            self.position[rows],
            self.normal[rows],
            self.to_eye[:, rows],
            self.bright[:, rows],
            self.weight[:, rows],
            self.gloss[rows],
        )

    def of_views(self, views: np.ndarray) -> Places:
        """What some of the views show."""
        return replace(
            self,
            to_eye=self.to_eye[views],
            bright=self.bright[views],
            weight=self.weight[views],
        )

    def chunks(self) -> Iterator[tuple[slice, Places]]:
        """All places, not too many at a time."""
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            yield part, self.at(part)


@dataclass(frozen=True)
class MirroredLight:
    """What skin mirrors: lamps on a sphere about the head.

    Args:
        direction: (m, 3) float32 unit, from the head's middle.
        colour: (m,) float32 linear grey, irradiance over pi of a surface that faces it.
    """

    direction: np.ndarray
    colour: np.ndarray


def differences(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(k, n, ...) values less their mean over the views, by weight (k, n)."""
    share = weight.reshape(*weight.shape, *(1,) * (values.ndim - 2))
    return values - (share * values).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-9)


def mirrored(places: Places, light: MirroredLight) -> tuple[np.ndarray, np.ndarray]:
    """What each view sees mirrored, (k, n) float32 twice: per reflectance, and what stays without.

    Schlick's Fresnel term is F0 (1 - c) + c; the first is the part with F0, to be multiplied by it.
    Where a place has no weight in a view, both are 0.
    """
    on = light.colour > DARK * light.colour.max(initial=0)
    direction, colour = light.direction[on], light.colour[on]
    by_reflectance = np.zeros(places.bright.shape, np.float32)
    grazing = np.zeros_like(by_reflectance)
    for view, weight in enumerate(places.weight):
        shown = np.flatnonzero(weight > 0)
        for rows in np.array_split(shown, len(shown) // CHUNK + 1):
            lobe, rim = _lobes(places.at(rows), view, direction)
            by_reflectance[view, rows], grazing[view, rows] = lobe @ colour, rim @ colour
    return by_reflectance, grazing


def fit_mirrored_light(places: Places) -> MirroredLight:
    """The smooth light, nowhere negative, that explains how views differ.

    Non-negative least squares by accelerated projected gradients, with the surface's Laplacian on
    the sphere of directions as a prior.

    Source: Ramamoorthi & Hanrahan 2001, A signal-processing framework for inverse rendering
    (SIGGRAPH), for light from its reflection; Beck & Teboulle 2009, A fast iterative
    shrinkage-thresholding algorithm (FISTA), eqs. 4.1-4.3.
    """
    direction = sphere_directions(DIRECTIONS).astype(np.float32)
    system, right = np.zeros((DIRECTIONS, DIRECTIONS)), np.zeros(DIRECTIONS)
    some = places.at(np.linspace(0, len(places) - 1, min(FITTED, len(places))).astype(int))
    for _, part in some.chunks():
        lobes = np.stack([_seen(part, v, direction) for v in range(len(part.bright))])
        root = np.sqrt(part.weight)
        rows = (differences(lobes, part.weight) * root[..., None]).reshape(-1, DIRECTIONS)
        seen = (differences(part.bright, part.weight) * root).reshape(-1)
        system += rows.T @ rows
        right += rows.T @ seen
    scale = np.trace(system) / DIRECTIONS
    system += scale * (SMOOTH * _laplacian(direction) + RIDGE * np.eye(DIRECTIONS))
    colour = _not_negative(system, right)
    return MirroredLight(direction, colour.astype(np.float32))


def _seen(places: Places, view: int, direction: np.ndarray) -> np.ndarray:
    """(n, m) what lamps of colour 1 show in a view."""
    lobe, rim = _lobes(places, view, direction)
    return places.gloss[:, :1] * lobe + rim


def _lobes(places: Places, view: int, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, m) of `mirrored` for every lamp by itself, as `lib.render.differentiable.ggx` has it.

    Lamps stand at `LAMPS_MM`, so near each other that lobes of skin join.
    """
    normal, to_eye, lamp = places.normal, places.to_eye[view], direction * np.float32(LAMPS_MM)
    away = (places.position**2).sum(axis=1)[:, None] - 2 * places.position @ lamp.T
    near = 1 / np.sqrt(LAMPS_MM**2 + away)
    cos_lamp = (normal @ lamp.T - (normal * places.position).sum(axis=1)[:, None]) * near
    between = (to_eye @ lamp.T - (to_eye * places.position).sum(axis=1)[:, None]) * near
    cos_eye = np.maximum((normal * to_eye).sum(axis=1), LEAST_COSINE)[:, None]
    length = np.sqrt(np.maximum(2 + 2 * between, 1e-6))  # of eye + lamp, twice the half vector's
    cos_half = np.clip((cos_lamp + cos_eye) / length, 0, 1)
    lit = np.maximum(cos_lamp, LEAST_COSINE)
    square = places.gloss[:, 1:] ** 4
    rest = 1 - square
    masking = 2 * lit / (
        cos_eye * np.sqrt(square + rest * lit**2) + lit * np.sqrt(square + rest * cos_eye**2)
    )  # fmt: skip
    lobe = np.where(cos_lamp > 0, 0.25 * square / (1 - rest * cos_half**2) ** 2 * masking, 0)
    rim = lobe * (1 - np.minimum(length / 2, 1)) ** 5
    return lobe - rim, rim


def _laplacian(direction: np.ndarray) -> np.ndarray:
    """(m, m) of the nearest neighbours of every direction."""
    _, near = cKDTree(direction).query(direction, NEIGHBOURS + 1)
    result = np.zeros((len(direction),) * 2)
    here = np.arange(len(direction))
    for there in near[:, 1:].T:
        result[here, here] += 1
        result[here, there] -= 1
    return 0.5 * (result + result.T)


def _not_negative(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(m,) the least of x' system x / 2 - right' x over x that are nowhere negative."""
    step = 1 / np.linalg.norm(system, 2)
    found = ahead = np.zeros(len(right))
    pace = 1.0
    for _ in range(STEPS):
        moved = np.maximum(ahead - step * (system @ ahead - right), 0)
        faster = 0.5 * (1 + np.sqrt(1 + 4 * pace**2))
        ahead = moved + (pace - 1) / faster * (moved - found)
        found, pace = moved, faster
    return found


def with_gloss(places: Places, gloss: np.ndarray) -> Places:
    """The places with another gloss (n, 2)."""
    return replace(places, gloss=gloss.astype(np.float32))
