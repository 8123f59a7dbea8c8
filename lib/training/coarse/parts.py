"""The part re-projection distance of a step: targets of its crops, and its loss.

Source: Wang et al. 2024, CVPR; `lib.fitting.part_distance` has the formulas.
"""

from __future__ import annotations

import numpy as np
import torch

from lib.artefacts.samples import PART_UNKNOWN
from lib.facemodel import PARTS
from lib.fitting.part_distance import (
    PartTargets,
    anchor_grid,
    mask_points,
    part_distance_loss,
    part_targets,
)
from lib.training.coarse.face import Picture, TrainedFace, image_up

ANCHOR_STEP_PX = 14.0
POINT_STEP_PX = 2  # between pixels of a part that are looked at
SIDE_UP = 223.0  # y down = 223 - y up
EDGE = 3  # pixels of a part below which it counts as absent


def crop_targets(labels: np.ndarray) -> PartTargets:
    """Targets (1, ...) of a crop's labels (h, w): 0 = none, part + 1, 255 = unknown everywhere."""
    thin = labels[::POINT_STEP_PX, ::POINT_STEP_PX]
    nothing = np.zeros((0, 2))
    points = []
    for part in range(len(PARTS)):
        found = mask_points(thin == part + 1) * POINT_STEP_PX
        known = len(found) >= EDGE and labels[0, 0] != PART_UNKNOWN
        points.append(found if known else nothing)
    targets = part_targets(points, anchor_grid(labels.shape, ANCHOR_STEP_PX))
    return PartTargets(
        targets.anchors.float(), targets.descriptors[None].float(), targets.present[None]
    )


def part_loss(face: TrainedFace, seen: Picture, targets: PartTargets) -> torch.Tensor:
    """Mean over n faces of the loss, px^2; points that turn away from the camera do not count."""
    places = image_up(seen.world) * seen.world.new_tensor([1, -1])
    places = places + seen.world.new_tensor([0.0, SIDE_UP])
    predicted = [places[:, rows] for rows in face.part_vertex]
    counts = [
        seen.facing[:, rows] & filled
        for rows, filled in zip(face.part_vertex, face.part_filled, strict=True)
    ]
    weights = [1.0] * len(PARTS)
    return part_distance_loss(predicted, targets, weights, counts).mean()
