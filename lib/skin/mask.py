"""The skin stage: a soft mask of bare skin for every view of a capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from lib.artefacts.stages import Capture, Faces, Landmarks, SkinMask
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import FaceModel, SurfacePoints
from lib.skin.colour import evidence, learn_evidence
from lib.skin.published import published_probability
from lib.skin.region import (
    BROW,
    FACE,
    FEATURE,
    FOREHEAD,
    HEAD,
    OUTSIDE,
    SCALP,
    PosedHead,
    label_pixels,
    pose_head,
)
from lib.skin.smooth import apply_lines, guided_lines

MARGIN = 0.25  # of the face's diameter, around the head
SAMPLE = 12_000  # pixels that the colours are learnt from
LEARNING_FLOOR = 0.15
SHADE_REACH = 0.2  # of the face's diameter: shading changes slowly
SHADE_DOUBT = 0.02
FIVE_POINT_SIGMA = 0.05  # of the eye distance


@dataclass(frozen=True)
class SkinOptions:
    """Settings of the skin stage.

    Args:
        method: `refined` learns the photo's own skin colours; `published` is the fixed mixture of
            Deep3DFaceRecon, without any notion of place.
        side_px: side of the reduced face that the colours are judged on; the mask itself follows
            the edges of the working image.
        colour_weight: how much a pixel's colour counts against its place, 1 = fully. Neighbours
            are not independent, so less than 1 is right.
        edge_tolerance: contrast (sRGB, 0..1) below which the mask ignores edges.
    """

    method: Literal["refined", "published"] = "refined"
    side_px: int = 256
    colour_weight: float = 0.5
    edge_tolerance: float = 0.03

    def __post_init__(self) -> None:
        if self.method not in ("refined", "published"):
            raise ConfigError(f"skin.method is '{self.method}', expected refined or published.")


def mask_skin(
    model: FaceModel,
    capture: Capture,
    faces: Faces,
    landmarks: Landmarks,
    options: SkinOptions,
) -> SkinMask:
    """Probability of bare skin on every working image: face, ears and neck, not hair or features.

    A view without a face or without usable landmarks is 0 everywhere; so is what lies outside of
    a mask that the user gave.

    Args:
        model: head model that knows the landmarks' scheme or `ibug68`.
        capture: working images.
        faces: the face that is meant; its five points are the fallback for missing landmarks.
        landmarks: of the same views.
        options: see `SkinOptions`.

    Raises:
        CaptureFailure: `no_pose`: the landmarks of no view determine a pose.
    """
    masks, failures = [], []
    for view, image in enumerate(capture.image):
        try:
            if not np.isfinite(faces.box_px[view]).all():
                raise CaptureFailure("no_pose", "No view shows a face.")
            probability = _probability(model, capture, faces, landmarks, view, options)
        except CaptureFailure as failure:
            failures.append(failure)
            probability = np.zeros(image.shape[:2])
        if capture.mask[view].size:
            probability = probability * (capture.mask[view] / 255)
        masks.append(np.round(np.clip(probability, 0, 1) * 255).astype(np.uint8))
    if len(failures) == len(masks):
        raise failures[0]
    return SkinMask(probability=tuple(masks))


def _probability(
    model: FaceModel,
    capture: Capture,
    faces: Faces,
    landmarks: Landmarks,
    view: int,
    options: SkinOptions,
) -> np.ndarray:
    if options.method == "published":
        return published_probability(capture.image[view])
    head = _pose_view(model, capture, faces, landmarks, view)
    return _mask_view(model, capture.image[view], head, options)


def _pose_view(
    model: FaceModel, capture: Capture, faces: Faces, landmarks: Landmarks, view: int
) -> PosedHead:
    sets = []
    if landmarks.scheme in model.landmarks:
        sets.append((landmarks.scheme, landmarks.points_px[view], landmarks.sigma_px[view]))
    sets.append(("ibug68", landmarks.ibug68_px[view], landmarks.ibug68_sigma_px[view]))
    five = faces.points_px[view]
    sigma = np.full(5, FIVE_POINT_SIGMA * np.linalg.norm(five[0] - five[1]))
    sets.append(("points5", five, sigma))
    usable = [s for s in sets if s[0] in model.landmarks and np.isfinite(s[1]).all(1).sum() >= 5]
    if not usable:
        raise CaptureFailure(
            "no_pose",
            f"No five landmarks of scheme '{landmarks.scheme}' are known to head model "
            f"'{model.name}'. Choose another landmark method.",
        )
    scheme, points, sigma = usable[0]
    surface: SurfacePoints = model.landmarks[scheme]
    return pose_head(
        model,
        surface,
        points.astype(np.float64),
        sigma,
        capture.image[view].shape[:2],
        float(capture.focal_px[view]),
        capture.centre_px[view],
    )


def _mask_view(
    model: FaceModel, image: np.ndarray, head: PosedHead, options: SkinOptions
) -> np.ndarray:
    """(h, w) float32 probability; 0 far from the head."""
    height, width = image.shape[:2]
    margin = MARGIN * head.face_px
    x0, y0 = np.clip(np.floor(head.box_px[:2] - margin), 0, [width, height]).astype(int)
    x1, y1 = np.clip(np.ceil(head.box_px[2:] + margin), 0, [width, height]).astype(int)
    if min(x1 - x0, y1 - y0) < 8:
        raise CaptureFailure("no_pose", "The landmarks put the head outside the photo.")
    crop = image[y0:y1, x0:x1].astype(np.float32) / 255
    factor = min(1.0, options.side_px / max(crop.shape[:2]))
    size = tuple(max(8, round(side * factor)) for side in crop.shape[:2])
    small = cv2.resize(crop, size[::-1], interpolation=cv2.INTER_AREA)
    scale = np.array([crop.shape[1] / size[1], crop.shape[0] / size[0]])
    points = (head.points_px - [x0, y0] + 0.5) / scale - 0.5
    labels = label_pixels(model, points, head.depth_mm, size)
    face_px = head.face_px / float(scale.mean())
    lines = _mask_lines(small, labels, face_px, options)
    lines = cv2.resize(lines, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    result = np.zeros((height, width), np.float32)
    result[y0:y1, x0:x1] = np.clip(apply_lines(lines, crop), 0, 1)
    return result


def _mask_lines(
    small: np.ndarray, labels: np.ndarray, face_px: float, options: SkinOptions
) -> np.ndarray:
    """Local linear maps from colour to probability of skin, on the reduced crop."""
    place = _place_prior(labels, face_px)
    feature = _grown(labels == FEATURE, 0.008 * face_px)
    avoided = (labels == FEATURE) | (labels == BROW)
    seed = _shrunk(labels == FACE, 0.06 * face_px) & ~_grown(avoided, 0.04 * face_px)
    scalp = labels == SCALP
    elsewhere = ~_grown(labels > 0, 0.12 * face_px)
    if seed.sum() < 30:
        seed = labels == FACE
    colour = _colour_features(small, seed, face_px)
    step = max(1, seed.size // SAMPLE)
    picks = slice(None, None, step)
    learning = np.maximum(place, LEARNING_FLOOR)  # a hand or a shoulder has skin colour too
    mixtures = learn_evidence(
        colour[picks],
        *(plane.ravel()[picks] for plane in (learning, seed, scalp, elsewhere)),
    )
    ratio = evidence(colour, *mixtures).reshape(labels.shape)
    odds = np.log(place / (1 - place)) + options.colour_weight * ratio
    probability = (1 / (1 + np.exp(-odds))).astype(np.float32)
    radius = max(1, round(0.02 * face_px))
    lines = guided_lines(small, probability, radius, options.edge_tolerance**2)
    inside = cv2.GaussianBlur((~feature).astype(np.float32), (0, 0), max(0.5, 0.006 * face_px))
    return lines * inside[..., None]


def _colour_features(small: np.ndarray, seed: np.ndarray, face_px: float) -> np.ndarray:
    """(h * w, 3) L, a, b, where L counts from the skin around: shade does not make skin hair."""
    colour = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    weight = seed.astype(np.float32)
    lightness = colour[..., 0]
    usual = float(np.median(lightness[seed]))
    spread = max(1.0, SHADE_REACH * face_px)
    known = cv2.GaussianBlur(weight, (0, 0), spread) + SHADE_DOUBT
    total = cv2.GaussianBlur(weight * lightness, (0, 0), spread) + SHADE_DOUBT * usual
    colour[..., 0] -= total / known
    return colour.reshape(-1, 3).astype(np.float64)


def _place_prior(labels: np.ndarray, face_px: float) -> np.ndarray:
    """(h, w) probability of bare skin by place alone, without the features."""
    certain = {FACE: 0.9, FOREHEAD: 0.85, FEATURE: 0.8, HEAD: 0.4, SCALP: 0.12, BROW: 0.2}
    prior = np.full(labels.shape, 0.01, np.float32)
    near = _grown(labels > 0, 0.04 * face_px)
    prior[near] = 0.1
    for label, value in certain.items():
        prior[labels == label] = value
    prior[_grown(labels == BROW, 0.012 * face_px) & (labels != OUTSIDE)] = certain[BROW]
    soft = cv2.GaussianBlur(prior, (0, 0), max(0.5, 0.02 * face_px))
    return np.clip(soft, 0.004, 0.95)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _grown(mask: np.ndarray, radius: float) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), _disc(radius)) > 0


def _shrunk(mask: np.ndarray, radius: float) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), _disc(radius)) > 0
