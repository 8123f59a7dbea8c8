"""Where the head model expects skin: its surface, posed and bent onto the landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from lib.errors import CaptureFailure
from lib.facemodel import FaceModel, SurfacePoints
from lib.geometry import PoseError, pose_from_points, project, to_camera
from lib.render.rasterise import rasterise

OUTSIDE, FACE, FOREHEAD, HEAD, FEATURE, BROW, SCALP = range(7)
FEATURES = ("right_eye", "left_eye", "upper_lip", "lower_lip")
BROWS = ("right_eyebrow", "left_eyebrow")
SCALP_MM = 25.0  # above the eyes: higher than the ears
FOREHEAD_MM = 20.0  # above the eyes: where caps and fringes begin
USUAL_FOCAL = 1.4  # of the image diagonal, when the photo does not tell
BEND_MM = ((30.0, 6.0), (9.0, 3.0))  # reach and size of how a person's face differs from the mean


@dataclass(frozen=True)
class PosedHead:
    """The mean head in one image.

    Args:
        points_px: (n_vertices, 2)
        depth_mm: (n_vertices,)
        face_px: diameter of the face in px: the root of its bounding box's area.
        box_px: (4,) x0, y0, x1, y1 of the head.
    """

    points_px: np.ndarray
    depth_mm: np.ndarray
    face_px: float
    box_px: np.ndarray


def pose_head(
    model: FaceModel,
    landmarks: SurfacePoints,
    points_px: np.ndarray,
    sigma_px: np.ndarray,
    size: tuple[int, int],
    focal_px: float,
    centre_px: np.ndarray,
) -> PosedHead:
    """The mean head turned to fit the landmarks, then bent in the image so that they coincide.

    Args:
        model: head model.
        landmarks: (n) points on its surface.
        points_px: (n, 2) the same in the image; NaN = unknown.
        sigma_px: (n,)
        size: (h, w) of the image.
        focal_px: focal length, NaN = unknown.
        centre_px: (2,) principal point.

    Raises:
        CaptureFailure: `no_pose`: the landmarks do not determine a pose.
    """
    on_model = landmarks.on(model.mean, model.triangles).astype(np.float64)
    focal_px = focal_px if np.isfinite(focal_px) else USUAL_FOCAL * float(np.hypot(*size))
    with np.errstate(divide="ignore"):
        weights = 1 / np.asarray(sigma_px, np.float64) ** 2
    try:
        pose = pose_from_points(on_model, points_px, focal_px, centre_px, weights)
    except PoseError as error:
        raise CaptureFailure("no_pose", f"The landmarks give no head pose: {error}") from error
    depth = to_camera(model.mean.astype(np.float64), pose)[:, 2]
    if not (depth > 1).all():
        raise CaptureFailure("no_pose", "The landmarks put the head behind the camera.")
    camera = pose, np.array(focal_px), centre_px
    points = project(model.mean.astype(np.float64), *camera)
    known = np.isfinite(points_px).all(1) & np.isfinite(weights) & (weights > 0)
    missing_px = points_px[known] - project(on_model[known], *camera)
    px_per_mm = focal_px / float(np.median(depth))
    noise_mm = np.asarray(sigma_px, np.float64)[known] / px_per_mm
    bend = _bend(on_model[known], missing_px, noise_mm, model.mean.astype(np.float64))
    points = points + bend
    face = points[model.parts["face_mask"]]
    low, high = points.min(0), points.max(0)
    extent = np.ptp(face, axis=0)
    return PosedHead(points, depth, float(np.sqrt(extent.prod())), np.concatenate([low, high]))


def label_pixels(
    model: FaceModel, points_px: np.ndarray, depth_mm: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """(h, w) uint8: what the head model has there.

    OUTSIDE; FACE and FOREHEAD, its skin; HEAD, ears and neck; SCALP; BROW; FEATURE, eyes and lips.

    Args:
        model: head model.
        points_px: (n_vertices, 2) in pixels of this image.
        depth_mm: (n_vertices,)
        size: (h, w).
    """
    normalised = (points_px + 0.5) * 2 / np.array(size[::-1]) - 1
    near, far = depth_mm.min(), depth_mm.max()
    order = 1 - 2 * (1 / depth_mm - 1 / far) / (1 / near - 1 / far + 1e-12)
    clip = np.column_stack([normalised, order, np.ones_like(order)]) * depth_mm[:, None]
    seen = rasterise(clip, model.triangles, size).triangle_id
    return np.where(seen >= 0, _triangle_labels(model)[seen], OUTSIDE).astype(np.uint8)


def _triangle_labels(model: FaceModel) -> np.ndarray:
    on_skin = model.region("skin")
    labels = np.where(on_skin, HEAD, FEATURE)
    height = model.mean[model.triangles, 1].mean(1)
    labels[on_skin & (height > SCALP_MM)] = SCALP
    for label, names in ((FACE, ("face_mask",)), (BROW, BROWS), (FEATURE, FEATURES)):
        member = np.zeros(model.n_vertices, bool)
        for name in names:
            member[model.parts.get(name, [])] = True
        labels[on_skin & (member[model.triangles].sum(1) >= 2)] = label
    labels[(labels == FACE) & (height > FOREHEAD_MM)] = FOREHEAD
    return labels


def _bend(
    sources: np.ndarray, missing_px: np.ndarray, noise_mm: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """(n, 2) px: the missing part of the landmarks spread over the surface, fading away from them.

    Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, eq. 2.25.
    """
    noise = np.diag(np.maximum(noise_mm, 0.5) ** 2)
    factor = cho_factor(_covariance(sources, sources) + noise)
    return _covariance(targets, sources) @ cho_solve(factor, missing_px)


def _covariance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return sum(size**2 * np.exp(-0.5 * squared / reach**2) for reach, size in BEND_MM)
