"""What one photo, or many views of one moment, show on the chart, freed of mirrored light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from lib.albedo.chart import HeadChart
from lib.albedo.eyes import eye_contrast
from lib.artefacts import (
    BaseMesh,
    Capture,
    FaceFit,
    Highlights,
    Rig,
    SkinMask,
    Surface,
    Texture,
)
from lib.imaging import srgb_to_linear
from lib.render import sample_image
from lib.uvspace.grey import relief_tilt
from lib.uvspace.grid import Grid, grid_of
from lib.uvspace.heads import resized
from lib.uvspace.unwrap import UnwrappedFace, unwrap_face

CLIPPED = (0.90, 0.98)  # linear; a channel that is brighter tells no colour
LEAST_LIGHT = 1e-3
GAIN_RANGE = (0.2, 5.0)  # of a view's exposure to the blended texture's
WEIGHED = 0.3  # weight from which a texel tells the exposure of a view


@dataclass(frozen=True)
class Source:
    """What the line made of one capture.

    Args:
        capture: the photos.
        fit: the fitted head.
        skin: where photos show bare skin.
        texture: its colour, light included.
        highlights: mirrored light apart; None = nobody looked for it.
        surface: relief or measured surface; None = the fitted head is smooth.
        rig, base: of calibrated views; None = single photos.
    """

    capture: Capture
    fit: FaceFit
    skin: SkinMask
    texture: Texture
    highlights: Highlights | None = None
    surface: Surface | None = None
    rig: Rig | None = None
    base: BaseMesh | None = None

    @property
    def fitted(self) -> np.ndarray:
        """(k,) views that were fitted."""
        return np.flatnonzero(np.isfinite(self.fit.world_to_camera).all(axis=(1, 2)))

    @property
    def measured(self) -> bool:
        """Whether views with known cameras measured the surface."""
        if self.rig is None or self.surface is None or self.surface.from_shading:
            return False
        return self.rig.source != "none" and bool(np.nan_to_num(self.surface.confidence).max() > 0)


@dataclass(frozen=True)
class ChartPhoto:
    """One photo on the chart, without highlights: what an albedo is told from.

    Args:
        rgb: (rows, cols, 3) float32 linear; 0 where the weight is 0.
        glossy_rgb: (rows, cols, 3) float32: the same with its highlights.
        weight: (rows, cols) float32 0..1: how far the photo shows this texel, and in range.
        skin: (rows, cols) float32 0..1: probability of bare skin.
        normal: (rows, cols, 3) float32 unit, model frame, with relief; 0 off the outer skin.
        albedo: (rows, cols, 3) float32 linear: of the fitted head.
        light: (9, 3) float32: of the fit, model frame.
        white: (3,) linear RGB of a white sheet, of mean 1.
        white_sigma: of the logarithms of its ratios R/G and B/G.
        white_source: what told it.
        eyes, eye_px: see `eye_contrast`.
        rig: whether its camera was set once for whoever sits before it.
        gains: of each view that it stands for, (3,) what its linear values are times these.
    """

    rgb: np.ndarray
    glossy_rgb: np.ndarray
    weight: np.ndarray
    skin: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    light: np.ndarray
    white: np.ndarray
    white_sigma: float
    white_source: str
    rig: bool
    gains: Mapping[int, np.ndarray]
    eyes: float = float("nan")
    eye_px: float = 0.0


def chart_photos(chart: HeadChart, source: Source) -> tuple[ChartPhoto, ...]:
    """One for each fitted view; one for all views of a measured surface.

    Raises:
        CaptureFailure: `original_missing`.
    """
    if source.measured:
        return (_measured_photo(chart, source),)
    tilt = _shaded_tilt(chart, source)
    return tuple(_photo(chart, source, int(view), tilt) for view in source.fitted)


def _photo(chart: HeadChart, source: Source, view: int, tilt: np.ndarray) -> ChartPhoto:
    """A view of the fitted head."""
    face = _unwrapped(chart, source, view)
    rgb = face.rgb * _share_of_diffuse(source, view, face)
    normal = (face.normal + tilt) * face.mask[..., None]
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    white, sigma, told = _white(source, view)
    eyes, eye_px = eye_contrast(source.capture, source.fit, source.skin, view)
    return ChartPhoto(
        rgb=rgb,
        glossy_rgb=face.rgb,
        weight=face.weight * _in_range(face.rgb),
        skin=face.skin,
        normal=normal,
        albedo=face.albedo,
        light=face.light,
        white=white,
        white_sigma=sigma,
        white_source=told,
        rig=False,
        gains={view: np.ones(3, np.float32)},
        eyes=eyes,
        eye_px=eye_px,
    )


def _unwrapped(chart: HeadChart, source: Source, view: int) -> UnwrappedFace:
    return unwrap_face(
        chart.model, source.capture, source.fit, source.skin, view, chart.size[0], chart.fields
    )


def _share_of_diffuse(source: Source, view: int, face: UnwrappedFace) -> np.ndarray:
    """(rows, cols, 3) float32 0..1: what is left of each colour without what was mirrored."""
    share = np.ones(face.rgb.shape, np.float32)
    if source.highlights is None:
        return share
    seen = srgb_to_linear(source.capture.image[view])
    kept = srgb_to_linear(source.highlights.diffuse[view])
    ratio = np.clip((kept + LEAST_LIGHT) / (seen + LEAST_LIGHT), 0, 1).astype(np.float32)
    of = face.weight > 0
    share[of] = sample_image(ratio, face.place_px[of])
    return share


def _in_range(rgb: np.ndarray) -> np.ndarray:
    """(rows, cols) float32: 0 where a channel is clipped."""
    off = np.clip((rgb.max(axis=2) - CLIPPED[0]) / (CLIPPED[1] - CLIPPED[0]), 0, 1)
    return (1 - off).astype(np.float32)


def _white(source: Source, view: int) -> tuple[np.ndarray, float, str]:
    """The colour of a white sheet, its sigma and who told it."""
    if source.highlights is None:
        return np.ones(3, np.float32), WHITE_SIGMA, "camera"
    told = source.highlights
    sigma = float(told.illuminant_sigma[view])
    return told.illuminant[view].astype(np.float32), sigma, told.illuminant_source[view]


WHITE_SIGMA = 0.12  # of log ratios of a photo whose white balance nobody checked


def _shaded_tilt(chart: HeadChart, source: Source) -> np.ndarray:
    """(rows, cols, 3) float32: what the relief of a photo adds to normals, model frame."""
    surface = source.surface
    if surface is None or not surface.from_shading:
        return np.zeros((*chart.size, 3), np.float32)
    mask = np.isfinite(surface.position_mm[..., 0])
    grid = Grid(np.nan_to_num(surface.position_mm), surface.normal, mask)
    tilt = relief_tilt(grid, surface.distance_mm)
    return tilt if mask.shape == chart.size else resized(tilt, mask, chart.size[0])


def _measured_photo(chart: HeadChart, source: Source) -> ChartPhoto:
    """All calibrated views as one: their blended texture on the measured surface."""
    surface, texture = source.surface, source.texture
    mask = np.isfinite(surface.position_mm[..., 0])
    normal = grid_of(np.nan_to_num(surface.points_mm), mask).normal
    normal = normal @ surface.head_to_world[:, :3].astype(np.float32)
    if mask.shape != chart.size:
        normal = resized(normal, mask, chart.size[0])
    normal = np.where(chart.outer[..., None], normal, 0)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    side = chart.size[::-1]
    rgb = cv2.resize(texture.rgb.astype(np.float32), side, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(texture.weight.astype(np.float32), side, interpolation=cv2.INTER_AREA)
    faces = {int(view): _unwrapped(chart, source, int(view)) for view in source.fitted}
    shown = sum(face.weight for face in faces.values())
    skin = sum(face.weight * face.skin for face in faces.values()) / np.maximum(shown, 1e-6)
    main = faces[source.fit.frontal_view]
    whites = [_white(source, view) for view in faces]
    eyes = [
        eye_contrast(source.capture, source.fit, source.skin, int(view)) for view in source.fitted
    ]
    told = [pair for pair in eyes if np.isfinite(pair[0])]
    white = np.exp(np.mean([np.log(white) for white, _, _ in whites], axis=0))
    return ChartPhoto(
        rgb=rgb * (weight > 0)[..., None],
        glossy_rgb=rgb,
        weight=weight * _in_range(rgb) * chart.outer,
        skin=np.where(shown > 0, skin, 0).astype(np.float32),
        normal=normal,
        albedo=main.albedo,
        light=main.light,
        white=(white / white.mean()).astype(np.float32),
        white_sigma=float(np.mean([sigma for _, sigma, _ in whites])),
        white_source=whites[0][2],
        rig=True,
        gains={view: _gain(face, rgb, weight) for view, face in faces.items()},
        eyes=float(np.median([contrast for contrast, _ in told])) if told else float("nan"),
        eye_px=float(np.median([width for _, width in told])) if told else 0.0,
    )


def _gain(face: UnwrappedFace, rgb: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(3,) how much brighter a view is than the texture of all."""
    both = (face.weight > WEIGHED) & (weight > WEIGHED) & (face.bare > WEIGHED)
    if not both.any():
        return np.ones(3, np.float32)
    ratio = (face.rgb[both] + LEAST_LIGHT) / (rgb[both] + LEAST_LIGHT)
    return np.clip(np.median(ratio, axis=0), *GAIN_RANGE).astype(np.float32)
