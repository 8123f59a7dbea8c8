"""The views of a batch as the optimiser wants them: measurements, cameras, crops, subjects."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.artefacts import Capture, Faces, Landmarks, Parsing, Regression, Rig, SkinMask
from lib.errors import CaptureFailure
from lib.fitting.photometric import FaceCrops
from lib.geometry.aligned_crop import AlignedCrop
from lib.geometry.coded_camera import DEEP3D
from lib.imaging import srgb_to_linear

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709
MIN_CROP_PX = 12.0
CROP_MARGIN = 1.5  # side of the crop over the extent of the landmarks
EYE_CROP_PX = 96  # side of the crops of single eyes, which show what lies between the lids
EYE_MARGIN = 2.0  # side of these crops over the extent of the eye's landmarks
MIN_EYE_PX = 20.0  # extent of an eye in the working image below which its white is blurred away
EYES = (slice(36, 42), slice(42, 48))  # of iBUG-68: right, left


@dataclass(frozen=True)
class Subject:
    """What was measured of one capture.

    Args:
        name: of the capture.
        capture: images; only the face crops are kept.
        faces: which face is meant.
        landmarks: measured points.
        skin: probability of bare skin, or None to use every pixel.
        rig: its cameras in mm; None, or one of source `none`, where nothing tells them.
        regression: what a network reads off it; None where none was asked.
        parsing: parts of the face that it shows; None where nobody told.
    """

    name: str
    capture: Capture
    faces: Faces
    landmarks: Landmarks
    skin: SkinMask | None
    rig: Rig | None = None
    regression: Regression | None = None
    parsing: Parsing | None = None


@dataclass(frozen=True)
class Setup:
    """What the views of a capture have in common: its cameras as far as they are known.

    Args:
        focal_px: (n_views,) NaN where unknown.
        centre_px: (n_views, 2).
        world_to_camera: (n_views, 3, 4) mm; NaN where unknown.
        points_mm: (p, 3) triangulated landmarks in the world, NaN where there are none.
        known: the fit stands in this world; False = every view has a camera of its own.
    """

    focal_px: np.ndarray
    centre_px: np.ndarray
    world_to_camera: np.ndarray
    points_mm: np.ndarray
    known: bool


@dataclass(frozen=True)
class EyeCrop:
    """One eye of one view, at the image's resolution.

    Args:
        colour: (px, px, 3) uint8 sRGB.
        corner_px: (2,) outer corner of the crop.
        zoom: crop px per working px.
    """

    colour: np.ndarray
    corner_px: np.ndarray
    zoom: float


@dataclass(frozen=True)
class PartCrop:
    """The parts on the crop of one view.

    Args:
        label: (side, side) uint8, 1 + index into PARTS; 0 = none of them.
        known: (8,) bool: whoever told knows this part.
    """

    label: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class ViewCode:
    """What a network said of one view.

    Args:
        identity: (n_identity,) sigma.
        albedo: (n_albedo,) sigma.
        expression: (n_expression,).
        angles: (3,) rad, of the fixed camera before the crop.
        translation: (3,) decimetres, see `Regression`.
        crop: that it looked at.
        system: whose conventions these are.
    """

    identity: np.ndarray
    albedo: np.ndarray
    expression: np.ndarray
    angles: np.ndarray
    translation: np.ndarray
    crop: AlignedCrop
    system: str = DEEP3D


@dataclass(frozen=True)
class View:
    """One view, reduced to what the fit needs: memory does not hold whole photos.

    Args:
        name: of the capture.
        index: of the view in its capture.
        setup: of the capture.
        subject: whose face.
        points_px: (p, 2), NaN where there is none.
        sigma_px: (p,).
        depth_px: (p,) relative depth, NaN where there is none.
        ibug68_px: (68, 2), for the reported reprojection error.
        focal_px: NaN if unknown.
        centre_px: (2,).
        colour: (side, side, 3) linear crop.
        skin: (side, side) probability; 0 outside the photo.
        corner_px: (2,) outer corner of the crop.
        zoom: crop px per working px.
        size: (h, w) of the working image.
        eyes: right and left eye of a view of known camera; None where it is not seen well.
        code: what a network said; None where none was asked, or it knows nothing.
        parts: of the face on the crop; None where nobody told.
    """

    name: str
    index: int
    setup: Setup
    subject: str
    points_px: np.ndarray
    sigma_px: np.ndarray
    depth_px: np.ndarray
    ibug68_px: np.ndarray
    focal_px: float
    centre_px: np.ndarray
    colour: np.ndarray
    skin: np.ndarray
    corner_px: np.ndarray
    zoom: float
    size: tuple[int, int]
    eyes: tuple[EyeCrop | None, EyeCrop | None] = (None, None)
    code: ViewCode | None = None
    parts: PartCrop | None = None


def read_views(item: Subject, crop_px: int) -> list[View]:
    """The views of one capture that show a face; the others are skipped.

    Raises:
        CaptureFailure: no view has four measured points (`landmarks_unsure`).
    """
    setup = _setup(item)
    views, failures = [], []
    for index in range(len(item.capture.image)):
        try:
            views.append(_read_view(item, setup, index, crop_px))
        except CaptureFailure as failure:
            failures.append(failure)
    if not views:
        raise failures[0]
    return views


def has_known_cameras(item: Subject) -> bool:
    """Whether a rig tells the cameras of a capture, so that its head stands in their world."""
    return item.rig is not None and item.rig.source != "none"


def _setup(item: Subject) -> Setup:
    rig, capture = item.rig, item.capture
    if rig is None or not has_known_cameras(item):
        nothing = np.full((item.landmarks.sigma_px.shape[1], 3), np.nan)
        unknown = np.full_like(capture.world_to_camera, np.nan)
        return Setup(capture.focal_px, capture.centre_px, unknown, nothing, False)
    return Setup(rig.focal_px, rig.centre_px, rig.world_to_camera, rig.points_mm, True)


def _believed(item: Subject, setup: Setup, index: int) -> np.ndarray:
    """(p, 2) measured points, NaN where the other views contradict them or the view is left out."""
    points = item.landmarks.points_px[index]
    if item.rig is None:
        return points
    if not item.rig.used[index]:
        return np.full_like(points, np.nan)
    wrong = np.isfinite(setup.points_mm).all(1) & (item.rig.inlier[index] == 0)
    return np.where(wrong[:, None], np.nan, points)


def _read_view(item: Subject, setup: Setup, index: int, crop_px: int) -> View:
    """One view.

    Raises:
        CaptureFailure: it has fewer than four measured points, or they span too little.
    """
    image = item.capture.image[index]
    points = _believed(item, setup, index)
    valid = np.isfinite(points).all(1)
    if valid.sum() < 4:
        raise CaptureFailure(
            "landmarks_unsure",
            f"view {index + 1} has {valid.sum()} measured landmarks, at least 4 are needed.",
        )
    low, high = points[valid].min(0), points[valid].max(0)
    side = CROP_MARGIN * float((high - low).max())
    if side < MIN_CROP_PX:
        raise CaptureFailure(
            "landmarks_unsure",
            f"the landmarks of view {index + 1} span {side / CROP_MARGIN:.1f} px, at least "
            f"{MIN_CROP_PX / CROP_MARGIN:.0f} px are needed to fit a face.",
        )
    corner = (low + high) / 2 + 0.5 - side / 2
    colour = crop_square(image, corner, side, crop_px)
    inside = crop_square(np.full(image.shape[:2], 255, np.uint8), corner, side, crop_px)
    skin = item.skin.probability[index] if item.skin is not None else None
    weight = inside if skin is None else crop_square(skin, corner, side, crop_px)
    depth = item.landmarks.depth_px[index]
    return View(
        item.name,
        index,
        setup,
        item.capture.subject,
        points,
        item.landmarks.sigma_px[index],
        np.full_like(depth, np.nan) if setup.known else depth,  # triangulation knows better
        item.landmarks.ibug68_px[index],
        float(setup.focal_px[index]),
        setup.centre_px[index],
        srgb_to_linear(colour),
        np.where(inside > 250, weight, 0).astype(np.float32) / 255,
        corner,
        crop_px / side,
        image.shape[:2],
        _eye_crops(image, item.landmarks.ibug68_px[index]) if setup.known else (None, None),
        _code(item.regression, index),
        _parts(item.parsing, index, corner, side, crop_px),
    )


def _parts(
    parsing: Parsing | None, index: int, corner: np.ndarray, side: float, size: int
) -> PartCrop | None:
    """The labels on the square of `crop_square`, each of the nearest pixel."""
    if parsing is None:
        return None
    zoom = size / side
    shift = 0.5 * zoom - zoom * corner - 0.5
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    label = np.ascontiguousarray(parsing.label[index])
    label = cv2.warpAffine(label, matrix, (size, size), flags=cv2.INTER_NEAREST)
    return PartCrop(label, parsing.known[index].astype(bool))


def _code(regression: Regression | None, index: int) -> ViewCode | None:
    if regression is None or not np.isfinite(regression.scale[index]):
        return None
    return ViewCode(
        regression.identity[index],
        regression.albedo[index],
        regression.expression[index],
        regression.angles[index],
        regression.translation[index],
        regression.crop(index),
        regression.system,
    )


def _eye_crops(image: np.ndarray, ibug68_px: np.ndarray) -> tuple[EyeCrop | None, EyeCrop | None]:
    right, left = (_eye_crop(image, ibug68_px[rows]) for rows in EYES)
    return right, left


def _eye_crop(image: np.ndarray, lids_px: np.ndarray) -> EyeCrop | None:
    """The surroundings of six points (6, 2) of the lids; None where they are unknown or close."""
    low, high = lids_px.min(0), lids_px.max(0)
    extent = float((high - low).max())
    if not extent >= MIN_EYE_PX:  # NaN, too
        return None
    side = EYE_MARGIN * extent
    corner = (low + high) / 2 + 0.5 - side / 2
    return EyeCrop(crop_square(image, corner, side, EYE_CROP_PX), corner, EYE_CROP_PX / side)


def crop_square(image: np.ndarray, corner: np.ndarray, side: float, size: int) -> np.ndarray:
    """A square of an image resampled to (size, size), black outside the image.

    Args:
        image: (h, w) or (h, w, c) uint8.
        corner: (x, y) of the square's outer corner, where pixel 0 spans 0..1.
        side: of the square in px.
        size: px of the result.
    """
    zoom = size / side
    scale = np.ones(2)
    if zoom < 1:  # area-average first, so that the result does not alias
        height, width = image.shape[:2]
        image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        scale = np.array(image.shape[1::-1]) / (width, height)
    left = zoom / scale
    shift = 0.5 * left - zoom * corner - 0.5
    matrix = np.array([[left[0], 0, shift[0]], [0, left[1], shift[1]]])
    return cv2.warpAffine(image, matrix, (size, size))


def stack_crops(views: list[View], device: torch.device) -> FaceCrops:
    """The crops of some views, each scaled so that its skin has mean luminance 1."""
    colour = np.stack([view.colour for view in views])
    skin = np.stack([view.skin for view in views])
    luminance = colour @ LUMINANCE
    weight = skin + 1e-3
    exposure = (luminance * weight).sum((1, 2)) / weight.sum((1, 2))
    exposure = np.maximum(exposure, 1e-3)
    relative = colour / exposure[:, None, None, None]

    def tensor(values: np.ndarray | list[float]) -> torch.Tensor:
        return torch.tensor(np.asarray(values), dtype=torch.float32, device=device)

    return FaceCrops(
        tensor(np.minimum(relative, 4.0)).permute(0, 3, 1, 2).contiguous(),
        tensor(skin)[:, None].contiguous(),
        tensor([view.corner_px for view in views]),
        tensor([view.zoom for view in views]),
        tensor(exposure),
    )
