"""What is written of a head whose albedo is told apart from its light."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lib.artefacts import Albedo, Capture, FaceFit, Highlights
from lib.errors import CaptureFailure
from lib.export.tables import LIGHT_CONVENTION, MODEL_FRAME, Json, plain
from lib.highlights.original import at_original_size
from lib.imaging import encode_png, save_png
from lib.metrics import sure_class
from lib.render.light_sets import LIGHT_SETS, Lamp

logger = logging.getLogger(__name__)

GLOSS_FILES = ("specular.png", "roughness.png")
PHOTO_FILES = ("diffuse.png", "highlight_mask.png")
NOBODY = "none"  # method of a stage that was not asked
LARGEST_F0 = 0.08  # reflectance at normal incidence that 255 means; usual of game engines
IOR = (1 + np.sqrt(LARGEST_F0)) / (1 - np.sqrt(LARGEST_F0))  # whose reflectance that is
OPEN = 255  # of the ambient occlusion that the picture of gloss has in its red channel


@dataclass(frozen=True)
class Appearance:
    """What is known of one capture's skin and light.

    Args:
        albedo: of the head's surface; None, or method `none` = nobody told it.
        highlights: of the photos; None, or method `none` = nobody looked for them.
    """

    albedo: Albedo | None = None
    highlights: Highlights | None = None

    @property
    def is_known(self) -> bool:
        """Whether albedo and light were told apart."""
        return self.albedo is not None and self.albedo.method != NOBODY

    @property
    def has_matte_photos(self) -> bool:
        """Whether highlights were looked for."""
        return self.highlights is not None and self.highlights.method != NOBODY


def gloss_picture(albedo: Albedo, side: int) -> np.ndarray:
    """(side, side, 4) uint8 for glTF: occlusion 1, roughness, metalness 0, F0 over LARGEST_F0."""
    rough, specular = (coded_gloss(plane, side) for plane in _gloss(albedo))
    empty = np.zeros_like(rough)
    return np.dstack([np.full_like(rough, OPEN), rough, empty, specular])


def write_gloss(folder: Path, albedo: Albedo) -> None:
    """The files of `GLOSS_FILES`: 8-bit grey, linear; 255 is F0 = LARGEST_F0, and roughness 1."""
    for name, plane in zip(("roughness", "specular"), _gloss(albedo), strict=True):
        save_png(folder / f"{name}.png", coded_gloss(plane, len(plane)))


def coded_gloss(plane: np.ndarray, side: int) -> np.ndarray:
    """(side, side) uint8 of a square map 0..1; never larger than it is."""
    if side < len(plane):
        plane = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)
    return np.rint(255 * np.clip(plane, 0, 1)).astype(np.uint8)


def gloss_png(albedo: Albedo, side: int) -> bytes:
    """`gloss_picture` as PNG."""
    return encode_png(gloss_picture(albedo, side))


def _gloss(albedo: Albedo) -> tuple[np.ndarray, np.ndarray]:
    """Roughness and F0 over LARGEST_F0, (rows, cols) float32 0..1 each."""
    return albedo.roughness.astype(np.float32), albedo.specular.astype(np.float32) / LARGEST_F0


def write_matte_photos(folder: Path, capture: Capture, highlights: Highlights) -> None:
    """The files of `PHOTO_FILES`, at the size of the original; of several views, for each.

    Of several views, names begin with the view's. Where an original is gone, its files are left
    out, and the log says so.

    Args:
        folder: of the head.
        capture: names the originals.
        highlights: of its views.
    """
    for view, name in enumerate(capture.view):
        first = "" if len(capture.view) == 1 else f"{name}_"
        try:
            pictures = at_original_size(capture, highlights, view)
        except CaptureFailure as failure:
            logger.warning("%sdiffuse.png is not written: %s", first, failure)
            continue
        for file, picture in zip(PHOTO_FILES, pictures, strict=True):
            save_png(folder / f"{first}{file}", picture, "fast")


def skin_tone(albedo: Albedo) -> Json:
    """The individual typology angle with its sigma, and its class; None where sigma spans more."""
    angle, sigma = float(albedo.ita_deg), float(albedo.ita_sigma_deg)
    return {
        "ita_deg": plain(angle, 2),
        "ita_sigma_deg": plain(sigma, 2),
        "class": sure_class(angle, sigma),
        "definition": "arctan((L* - 50) / b*) of CIELAB under D65, mean over bare skin",
        "method": albedo.method,
    }


def lighting_table(capture: Capture, fit: FaceFit, appearance: Appearance) -> Json:
    """The light of each photo, and the lights of the pictures in relight/."""
    albedo = appearance.albedo
    views = []
    for view, path in enumerate(capture.path):
        views.append(
            {
                "photo": Path(path).name,
                "light": plain(albedo.light[view]),
                "white": plain(albedo.white[view], 4),
                "white_source": albedo.white_source[view],
                "fitted": bool(np.isfinite(fit.world_to_camera[view]).all()),
            }
        )
    return {
        "convention": LIGHT_CONVENTION
        + " Negative light at places is what 9 harmonics make of a small lamp. Local light, which "
        "holds shadows, is in albedo.h5.",
        "frame": MODEL_FRAME,
        "white": "linear RGB that a white sheet has on the photo, of mean 1; the light holds it",
        "views": views,
        "sets": [_light_set(one) for one in LIGHT_SETS],
    }


def _light_set(light: Any) -> Json:
    return {"name": light.name, "sky": plain(light.sky), "lamps": _lamps(light.lamps)}


def _lamps(lamps: Sequence[Lamp]) -> Json:
    return [
        {
            "towards": plain(lamp.direction, 4),
            "colour": plain(lamp.colour, 4),
            "half_angle_deg": lamp.half_angle_deg,
            "distance": "infinite",
        }
        for lamp in lamps
    ]
