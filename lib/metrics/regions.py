"""Region-wise errors in the way of REALY: nose, mouth, forehead, cheek, each aligned by itself.

Source: Chai et al. 2022, REALY: Rethinking the evaluation of 3D face reconstruction (ECCV).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.metrics.align import MissingLandmarks, Similarity, similarity_of_points
from lib.metrics.distances import DistanceStatistics, NothingToScore
from lib.metrics.landmarks import NOW_POINTS
from lib.metrics.surface import Mesh, Surface

REGIONS = ("nose", "mouth", "forehead", "cheek")
# Of iBUG-68, the points that hold a region in place; REALY's few others are in no common scheme.
REGION_POINTS: Mapping[str, np.ndarray] = {
    "nose": np.arange(27, 36),
    "mouth": np.array([*range(48, 61), 64]),
    "forehead": np.array([*range(36, 48), *range(17, 27)]),
    "cheek": np.array([*range(48, 61), 64, 36, 41, 40, 39, 42, 47, 46, 45, 7, 8, 9]),
}
POINTS_WEIGHT = {"nose": 1.0, "mouth": 1.0, "forehead": 1.0, "cheek": 0.25}
MOUTH_REACH_MM = 10.0  # skin this near to the lips belongs to the mouth
ITERATIONS = 100
CONVERGED_MM2 = 1e-6


@dataclass(frozen=True)
class RegionScore:
    """Errors of one region.

    Args:
        distances: of the region's true points to the reconstruction aligned there, mm; the mean
            is what REALY prints.
        distance_mm: (n,) each of them.
        alignment: reconstruction to truth, for this region.
    """

    distances: DistanceStatistics
    distance_mm: np.ndarray
    alignment: Similarity


@dataclass(frozen=True)
class RegionScores:
    """Errors of all regions.

    Args:
        regions: name -> its score.
        mean_mm: mean over regions of their mean distance.
    """

    regions: Mapping[str, RegionScore]
    mean_mm: float


def model_regions(model: FaceModel) -> dict[str, np.ndarray]:
    """Vertex indices of the four regions; together they are the model's face mask.

    The nose is the model's part. The mouth is the lips and skin within 10 mm of them. Of the rest,
    the forehead is what lies above the middle of the nose bridge (iBUG point 28) and so includes
    the eyes, and the cheek is the remainder with the chin. REALY's own scans come already cut.
    """
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    face = np.zeros(model.n_vertices, bool)
    face[model.parts["face_mask"]] = True
    nose = np.zeros(model.n_vertices, bool)
    nose[model.parts["nose"]] = True
    lips = np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]])
    to_lips, _ = cKDTree(model.mean[lips]).query(model.mean)
    mouth = (to_lips < MOUTH_REACH_MM) & ~nose
    above = model.mean[:, 1] > marks[28, 1]
    masks = {
        "nose": nose,
        "mouth": mouth,
        "forehead": above & ~nose & ~mouth,
        "cheek": ~above & ~nose & ~mouth,
    }
    return {name: np.flatnonzero(mask & face) for name, mask in masks.items()}


def score_regions(
    reconstruction: Mesh, regions: Mapping[str, np.ndarray], true_landmarks: np.ndarray
) -> RegionScores:
    """Distances from each region of the truth to the reconstruction, aligned region by region.

    Similarity of 7 landmarks; then per region rigid point-to-point steps, in which the region's
    landmarks weigh together as much as its points (a quarter in the cheek). Deviation: REALY then
    bends the region onto the reconstruction and measures along that correspondence; here the
    nearest point counts, so numbers are lower than REALY's and compare only with each other.

    Args:
        reconstruction: with landmarks; any unit.
        regions: name (of `REGIONS`) -> (n, 3) mm true points.
        true_landmarks: (68, 3) mm.

    Raises:
        MissingLandmarks: the reconstruction has none.
        NothingToScore: there is no region, or one of another name.
    """
    if reconstruction.landmarks is None:
        raise MissingLandmarks(
            "The reconstruction has no landmarks, expected 68 iBUG points: regions are aligned "
            "by them."
        )
    unknown = set(regions) - set(REGIONS)
    if unknown or not regions:
        raise NothingToScore(f"Regions are {sorted(regions)}, expected some of {REGIONS}.")
    marks = np.asarray(true_landmarks, np.float64)
    start = similarity_of_points(reconstruction.landmarks[NOW_POINTS], marks[NOW_POINTS])
    surface = reconstruction.surface
    scores = {}
    for name, points in regions.items():
        held = REGION_POINTS[name]
        alignment = _align_region(
            surface,
            np.asarray(points, np.float64),
            reconstruction.landmarks[held],
            marks[held],
            start,
            POINTS_WEIGHT[name],
        )
        _, distance, _ = surface.nearest(alignment.inverse().apply(points))
        distance = distance * alignment.scale
        scores[name] = RegionScore(DistanceStatistics.of(distance), distance, alignment)
    mean = float(np.mean([score.distances.mean for score in scores.values()]))
    return RegionScores(scores, mean)


def _align_region(
    surface: Surface,
    points: np.ndarray,
    held: np.ndarray,
    true_held: np.ndarray,
    start: Similarity,
    weight: float,
) -> Similarity:
    """Rigid steps from `start` that bring the surface to points and its landmarks to theirs."""
    target = np.concatenate([points, true_held])
    weights = np.ones(len(target))
    weights[len(points) :] = weight * len(points) / len(held)
    current, before = start, np.inf
    for _ in range(ITERATIONS):
        nearest, _, _ = surface.nearest(current.inverse().apply(points))
        source = current.apply(np.concatenate([nearest, held]))
        step = similarity_of_points(source, target, with_scale=False, weights=weights)
        squared = ((step.apply(source) - target) ** 2).sum(axis=1)
        error = float((weights * squared).sum() / weights.sum())
        if abs(before - error) < CONVERGED_MM2:
            break
        current, before = step.after(current), error
    return current
