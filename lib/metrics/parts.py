"""Overlap of part segmentations: intersection over union per part and its mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.errors import ShapeError
from lib.metrics.distances import NothingToScore

IGNORED = 255


@dataclass(frozen=True)
class PartScore:
    """Overlap of each part.

    Args:
        names: of the parts.
        iou: (n_parts,) 0..1; NaN for a part that is neither in the truth nor in the result.
        mean: of the parts that are in either.
        confusion: (n_parts, n_parts) pixels; row = true part, column = found part. Scores of many
            images are summed up by `part_score` of the sum of theirs.
    """

    names: tuple[str, ...]
    iou: np.ndarray
    mean: float
    confusion: np.ndarray


def score_parts(
    found: np.ndarray, true: np.ndarray, names: Sequence[str], ignored: int = IGNORED
) -> PartScore:
    """Intersection over union of each part, over all pixels of all images given.

    Args:
        found: (...) integer labels, index into `names`.
        true: (...) likewise; pixels with the label `ignored` do not count, whatever was found.
        names: of the parts, background included if it counts.
        ignored: label of pixels that nobody judged.

    Raises:
        ShapeError: the label images differ in shape.
        NothingToScore: a label is no part, or no pixel counts.
    """
    found, true = np.asarray(found), np.asarray(true)
    if found.shape != true.shape:
        raise ShapeError("found", found.shape, f"{true.shape} as true")
    counts = true != ignored
    pairs = np.stack([true[counts], found[counts]]).astype(np.int64)
    if pairs.size == 0 or pairs.min() < 0 or pairs.max() >= len(names):
        raise NothingToScore(
            f"Labels to compare are {np.unique(pairs).tolist()}, expected 0 to {len(names) - 1} "
            f"and at least one pixel that is not {ignored}: map other label schemes to these parts."
        )
    size = len(names)
    confusion = np.bincount(pairs[0] * size + pairs[1], minlength=size * size).reshape(size, size)
    return part_score(confusion, names)


def part_score(confusion: np.ndarray, names: Sequence[str]) -> PartScore:
    """The score of a confusion matrix (n_parts, n_parts), such as the sum of several."""
    both = np.diag(confusion).astype(float)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    iou = np.where(either > 0, both / np.maximum(either, 1), np.nan)
    return PartScore(tuple(names), iou, float(np.nanmean(iou)), confusion)
