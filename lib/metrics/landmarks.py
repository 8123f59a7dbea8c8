"""Errors of landmarks in images: NME, failures, area under the cumulative curve, per point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.errors import ShapeError
from lib.metrics.distances import CumulativeCurve, NothingToScore, cumulative_curve

# Of iBUG-68: eye corners, nose base, mouth corners, by which the NoW protocol aligns faces.
NOW_POINTS = np.array([36, 39, 42, 45, 33, 48, 54])
OUTER_EYE_CORNERS = (36, 45)
JAW = 17
LIMITS = (0.08, 0.10)

Normaliser = Literal["interocular", "pupils", "box", "diagonal"]


@dataclass(frozen=True)
class LandmarkScore:
    """Errors of one face per image.

    Args:
        nme: (n_images,) mean distance of points over the normaliser, as a share (0.05 = 5 %);
            infinite where no point was found.
        mean: over the images where points were found.
        median: likewise.
        per_point: (n_points,) mean over images of each point's distance over the normaliser, NaN
            where it was never compared.
        failure_rate: for each limit, the share of images with a larger NME; not found is larger.
        auc: for each limit, the area under the cumulative curve up to it, 0..1.
        curve: share of images by NME up to the largest limit.
        n_missing: images where no point was found.
        limits: of `failure_rate` and `auc`.
    """

    nme: np.ndarray
    mean: float
    median: float
    per_point: np.ndarray
    failure_rate: tuple[float, ...]
    auc: tuple[float, ...]
    curve: CumulativeCurve
    n_missing: int
    limits: tuple[float, ...]


def score_landmarks(
    found_px: np.ndarray,
    true_px: np.ndarray,
    visible: np.ndarray | None = None,
    normaliser: Normaliser = "interocular",
    chosen: np.ndarray | None = None,
    limits: tuple[float, ...] = LIMITS,
) -> LandmarkScore:
    """NME per image and what follows from it.

    A point that is not annotated (NaN in `true_px`) or not found in an image where others are is
    left out of its mean.

    Args:
        found_px: (n_images, n_points, 2).
        true_px: (n_images, n_points, 2).
        visible: (n_images, n_points) bool: only these count; None = all.
        normaliser: of each image, see `face_size`; it uses all annotated points.
        chosen: indices of the points that count, such as `np.arange(17, 68)`; None = all.
        limits: shares at which failures are counted and curves end.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: an image has no annotated, visible point, or no size.

    Source: Sagonas et al. 2016, 300 faces in-the-wild challenge (IVC 47) for `interocular`; Zhu et
    al. 2016 (CVPR, AFLW2000-3D) for `box`.
    """
    found, true = np.asarray(found_px, np.float64), np.asarray(true_px, np.float64)
    counts, size = _comparable(found, true, visible, normaliser, chosen)
    error = np.linalg.norm(found - true, axis=2) / size[:, None]
    error = np.where(counts, error, np.nan)
    was_found = np.isfinite(error).any(axis=1)
    nme = np.full(len(error), np.inf)
    nme[was_found] = np.nanmean(error[was_found], axis=1)
    seen = np.isfinite(error).sum(axis=0)
    per_point = np.where(seen > 0, np.nansum(error, axis=0) / np.maximum(seen, 1), np.nan)
    curves = [cumulative_curve(nme, limit) for limit in limits]
    return LandmarkScore(
        nme=nme,
        mean=float(nme[was_found].mean()) if was_found.any() else float("nan"),
        median=float(np.median(nme[was_found])) if was_found.any() else float("nan"),
        per_point=per_point,
        failure_rate=tuple(float((nme > limit).mean()) for limit in limits),
        auc=tuple(curve.area() for curve in curves),
        curve=curves[int(np.argmax(limits))],
        n_missing=int((~was_found).sum()),
        limits=limits,
    )


def _comparable(
    found: np.ndarray,
    true: np.ndarray,
    visible: np.ndarray | None,
    normaliser: Normaliser,
    chosen: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """(n_images, n_points) bool which points count, and (n_images,) sizes of the faces in px."""
    if found.ndim != 3 or found.shape[2] != 2 or found.shape != true.shape:
        raise ShapeError(
            "found_px", found.shape, f"(n_images, n_points, 2) as true_px {true.shape}"
        )
    counts = np.isfinite(true).all(axis=2)
    if visible is not None:
        if np.shape(visible) != counts.shape:
            raise ShapeError("visible", np.shape(visible), f"{counts.shape}")
        counts &= np.asarray(visible, bool)
    if chosen is not None:
        counts &= np.isin(np.arange(true.shape[1]), chosen)
    counts_any = counts.any(axis=1)
    if not counts_any.all():
        raise NothingToScore(
            f"Image {int(np.argmin(counts_any))} has no point to compare, expected annotated and "
            "visible ones in each: leave such images out."
        )
    size = np.array([face_size(points, normaliser) for points in true])
    if not (size > 0).all():
        raise NothingToScore(
            f"Image {int(np.argmin(size > 0))} has no size by `{normaliser}`, expected its points "
            "to be annotated and apart: leave it out or take `box`."
        )
    return counts, size


def face_size(true_px: np.ndarray, normaliser: Normaliser) -> float:
    """The size in px by which errors of a face are divided.

    Args:
        true_px: (n_points, 2); NaN = not annotated.
        normaliser: `interocular` the distance of the outer eye corners, `pupils` of the eyes'
            centres (both of 68 points), `box` the root of the area of the points' upright box,
            `diagonal` its diagonal.

    Raises:
        ShapeError: the normaliser needs 68 points.
    """
    if normaliser in ("interocular", "pupils") and len(true_px) != 68:
        raise ShapeError("true_px", np.shape(true_px), f"(68, 2) for `{normaliser}`")
    if normaliser == "interocular":
        right, left = OUTER_EYE_CORNERS
        return float(np.linalg.norm(true_px[right] - true_px[left]))
    if normaliser == "pupils":
        right, left = true_px[36:42].mean(axis=0), true_px[42:48].mean(axis=0)
        return float(np.linalg.norm(right - left))
    width, height = np.nanmax(true_px, axis=0) - np.nanmin(true_px, axis=0)
    return float(np.hypot(width, height) if normaliser == "diagonal" else np.sqrt(width * height))


def normalised_mean_error(
    found_px: np.ndarray, true_px: np.ndarray, scale_px: float | None = None, inner: bool = False
) -> float:
    """Mean distance of landmarks over a scale, in percent; points that are NaN do not count.

    Args:
        found_px: (68, 2).
        true_px: (68, 2).
        scale_px: None = distance of the true outer eye corners.
        inner: only the 51 points inside the face, without the jaw.

    Raises:
        ShapeError: the sets are not both (68, 2).
    """
    for name, points in (("found_px", found_px), ("true_px", true_px)):
        if np.shape(points) != (68, 2):
            raise ShapeError(name, np.shape(points), "(68, 2)")
    if scale_px is None:
        scale_px = face_size(true_px, "interocular")
    distance = np.linalg.norm(found_px - true_px, axis=1)[JAW if inner else 0 :]
    return float(100 * np.nanmean(distance) / scale_px)
