"""From photos to codes: crop, network, and the rows of the artefact."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lib.artefacts import Capture, Faces, Landmarks, Regression
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import FaceModel
from lib.geometry.aligned_crop import SIDE_PX, AlignedCrop, align_face
from lib.geometry.coded_camera import DEEP3D, DETAIL_LAYER
from lib.geometry.five_points import aligning_five
from lib.networks.ahead import AT_ONCE, Ahead
from lib.networks.aligned import cut_aligned, cut_square
from lib.networks.cards import file_sha256
from lib.networks.regressor import CodeLayout, CoefficientRegressor, load_regressor, split_code
from lib.regression.coarse import CoarseRegressor, coarse_regressor, square_of_view
from lib.regression.options import RegressionOptions

logger = logging.getLogger(__name__)

HASH_DIGITS = 12
AS_IT_IS = AlignedCrop(
    (SIDE_PX, SIDE_PX), 1.0, (SIDE_PX / 2, SIDE_PX / 2), (SIDE_PX, SIDE_PX), (0.0, 0.0)
)
FIELDS = ("identity", "expression", "albedo", "angles", "light", "translation")


@dataclass(frozen=True)
class Regressor:
    """A network ready to read crops.

    Args:
        network: in evaluation mode, on `device`.
        name: for the artefact.
        model: name of the head model.
        device: where it computes.
    """

    network: CoefficientRegressor | CoarseRegressor
    name: str
    model: str
    device: torch.device

    @classmethod
    def load(cls, path: str | Path, model: FaceModel, device: torch.device) -> Regressor:
        """The network of a checkpoint, for a head model.

        Raises:
            MissingModelError: the file is not there.
            ConfigError: it is no such network, or one for another head model.
        """
        if not str(path):
            raise ConfigError(
                "fit.method asks for a network, but regression.weights is empty. Name a published "
                "checkpoint (docs/published_systems.md) or one that `snakemake train_coarse` made; "
                "or set fit.method: optimise, which needs none."
            )
        coarse = coarse_regressor(path)
        network = load_regressor(path) if coarse is None else coarse
        _check_layout(network.layout, model, path)
        kind = type(network.backbone if coarse is None else coarse.network.encoder).__name__
        name = f"{kind} {file_sha256(path)[:HASH_DIGITS]}"
        logger.info("%s: %s, %d coefficients", path, kind, network.layout.total)
        return cls(network.to(device), name, model.name, device)

    @property
    def system(self) -> str:
        """Whose crop and conventions."""
        return DETAIL_LAYER if isinstance(self.network, CoarseRegressor) else DEEP3D

    def many(self, crops: list[np.ndarray]) -> list[np.ndarray]:
        """A code for each of some crops, at once."""
        return list(self.codes(np.stack(crops))) if crops else []

    def codes(self, crops: np.ndarray, batch: int = AT_ONCE) -> np.ndarray:
        """(n, total) float32 codes of crops (n, side, side, 3) uint8, sRGB."""
        found, white = [], 1 if self.system == DETAIL_LAYER else 255
        with torch.inference_mode():
            for start in range(0, len(crops), batch):
                part = torch.from_numpy(np.ascontiguousarray(crops[start : start + batch]))
                image = part.to(self.device).permute(0, 3, 1, 2).float() / white
                found.append(self.network(image).float().cpu())
        total = self.network.layout.total
        return torch.cat(found).numpy() if found else np.zeros((0, total), np.float32)


@dataclass(frozen=True)
class AlignedViews:
    """The crops of a capture's views.

    Args:
        crops: of each view; None where it cannot be aligned.
        pictures: (side, side, 3) uint8 of those that can.
        reasons: why a view cannot; empty where it can.
    """

    crops: tuple[AlignedCrop | None, ...]
    pictures: tuple[np.ndarray, ...]
    reasons: tuple[str, ...]


def align_views(
    capture: Capture,
    faces: Faces,
    landmarks: Landmarks,
    options: RegressionOptions,
    system: str = DEEP3D,
) -> AlignedViews:
    """What a network of a published system is to see of a capture."""
    crops: list[AlignedCrop | None] = []
    pictures, reasons = [], []
    for view, image in enumerate(capture.image):
        try:
            crop = crop_of_view(image.shape[:2], faces, landmarks, view, options, system)
        except CaptureFailure as failure:
            crops.append(None)
            reasons.append(failure.reason)
            continue
        crops.append(crop)
        reasons.append("")
        if system == DETAIL_LAYER:
            pictures.append(cut_square(image, crop))
        else:
            pictures.append(image if crop is AS_IT_IS else cut_aligned(image, crop))
    return AlignedViews(tuple(crops), tuple(pictures), tuple(reasons))


def regress_capture(
    capture: Capture,
    faces: Faces,
    landmarks: Landmarks,
    regressor: Regressor,
    options: RegressionOptions,
    ahead: Ahead[np.ndarray, np.ndarray] | None = None,
    name: str = "",
) -> Regression:
    """The codes of all views of a capture.

    Args:
        capture: the photos.
        faces: the face that is meant.
        landmarks: of it.
        regressor: the network.
        options: settings.
        ahead: gives codes that were worked out with those of other captures; None = ask now.
        name: of the capture, for `ahead`.

    Raises:
        CaptureFailure: no view can be aligned (`not_aligned`), or the network told none a finite
            code (`fit_failed`).
    """
    views = align_views(capture, faces, landmarks, options, regressor.system)
    if not views.pictures:
        raise CaptureFailure("not_aligned", views.reasons[0])
    if ahead is None:
        codes = regressor.codes(np.stack(views.pictures))
    else:
        codes = np.stack(ahead.take(name, views.pictures))
    return _artefact(capture, *_told(views, codes), regressor)


def _told(views: AlignedViews, codes: np.ndarray) -> tuple[AlignedViews, np.ndarray]:
    """The views whose code is finite, and their codes; the others have a reason instead.

    Raises:
        CaptureFailure: the network told no view a finite code (`fit_failed`).
    """
    finite = np.isfinite(codes).all(1)
    if finite.all():
        return views, codes
    reason = "the network's code is not finite; are its weights damaged?"
    if not finite.any():
        raise CaptureFailure("fit_failed", reason)
    crops, reasons = list(views.crops), list(views.reasons)
    aligned = [view for view, crop in enumerate(crops) if crop is not None]
    for view, good in zip(aligned, finite, strict=True):
        if not good:
            crops[view], reasons[view] = None, f"view {view + 1}: {reason}"
    pictures = tuple(p for p, good in zip(views.pictures, finite, strict=True) if good)
    return AlignedViews(tuple(crops), pictures, tuple(reasons)), codes[finite]


def crop_of_view(
    size: tuple[int, int],
    faces: Faces,
    landmarks: Landmarks,
    view: int,
    options: RegressionOptions,
    system: str = DEEP3D,
) -> AlignedCrop:
    """The crop that a network of a published system sees of one view.

    Raises:
        CaptureFailure: the view has no such points, or a picture that is to be taken as it is does
            not have the crop's size.
    """
    if system == DETAIL_LAYER:
        return square_of_view(size, faces, landmarks, view, options.points, options.crop)
    if not options.crop:
        if size != (SIDE_PX, SIDE_PX):
            raise CaptureFailure(
                "not_aligned",
                f"the picture is {size[1]} x {size[0]} px; with regression.crop: false pictures "
                f"must be aligned crops of {SIDE_PX} x {SIDE_PX} px. Set it to true.",
            )
        return AS_IT_IS
    measured = options.points == "landmarks"
    five = faces.points_px[view]
    if measured:
        points, ibug68 = landmarks.points_px[view], landmarks.ibug68_px[view]
        five = aligning_five(landmarks.scheme, points, ibug68)
    if not np.isfinite(five).all():
        what = "68 landmarks" if measured else "five points of the detector"
        raise CaptureFailure("not_aligned", f"view {view + 1} lacks the {what} that align a face.")
    try:
        return align_face(five, size, options.rounding)
    except ValueError as error:
        raise CaptureFailure("not_aligned", f"view {view + 1}: {error}") from error


def _artefact(
    capture: Capture, views: AlignedViews, codes: np.ndarray, regressor: Regressor
) -> Regression:
    crops = views.crops
    there = np.array([crop is not None for crop in crops])
    every = np.full((len(crops), codes.shape[1]), np.nan, np.float32)
    every[there] = codes
    parts = split_code(torch.from_numpy(every), regressor.network.layout)

    def told(name: str, size: int) -> np.ndarray:
        rows = np.full((len(crops), size), np.nan)
        for view in np.flatnonzero(there):
            rows[view] = getattr(crops[view], name)
        return rows

    return Regression(
        system=regressor.system,
        model=regressor.model,
        network=regressor.name,
        image_size=np.array([image.shape[:2] for image in capture.image]),
        scale=told("scale", 1)[:, 0],
        centre=told("centre", 2),
        resized=told("resized", 2),
        corner=told("corner", 2),
        view_reason=views.reasons,
        **{name: getattr(parts, name).numpy() for name in FIELDS},
    )


def _check_layout(layout: CodeLayout, model: FaceModel, path: str | Path) -> None:
    found = (layout.identity, layout.expression, layout.albedo)
    expected = (model.n_identity, model.n_expression, model.n_albedo)
    if found != expected:
        raise ConfigError(
            f"{path} tells {' + '.join(map(str, found))} coefficients of identity, expression and "
            f"albedo, but the head model '{model.name}' has {' + '.join(map(str, expected))}. "
            "Set face_model to the model that the network was trained with; for the published "
            "weights that is bfm09 (docs/face_models.md)."
        )
