"""The highlights of one capture: method by method, view by view."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch

from lib.artefacts import Capture, FaceFit, Highlights, SkinMask
from lib.facemodel import FaceModel
from lib.highlights.dichromatic import Dichromatic
from lib.highlights.face import face_photo, is_fitted
from lib.highlights.illuminant import CAMERA, Illuminant, find_illuminant, given_illuminant
from lib.highlights.network import load_separator
from lib.highlights.options import HighlightOptions
from lib.highlights.separator import FacePhoto, Separated, Separator
from lib.imaging.colour import linear_to_srgb8
from lib.uvspace.measured import Measured

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HighlightTools:
    """What a method needs beside the photos, loaded once for many.

    Args:
        separator: takes highlights off one picture; None = they stay.
    """

    separator: Separator | None = None

    @classmethod
    def load(cls, options: HighlightOptions, device: torch.device | str = "cpu") -> HighlightTools:
        """The tools of a method; `device` is where networks run.

        Raises:
            ConfigError: a network is asked for, and no weights are named, or those of another.
            MissingModelError: their file is not there.
        """
        if options.method == "dichromatic":
            return cls(Dichromatic())
        if options.method != "none":
            return cls(load_separator(options, device))
        return cls()


def remove_highlights(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    skin: SkinMask,
    options: HighlightOptions | None = None,
    tools: HighlightTools | None = None,
    measured: Measured | None = None,
) -> Highlights:
    """The light that a face mirrors in each view, and each view without it.

    Args:
        model: the fitted head model.
        capture: working images.
        fit: the fitted head and its cameras.
        skin: where bare skin is.
        options: settings.
        tools: of the method; None = load them.
        measured: cameras and surface of a capture of many views.
    """
    options = options or HighlightOptions()
    tools = tools or HighlightTools.load(options)
    lights, found = [], []
    for view in range(len(capture.image)):
        if not is_fitted(fit, view):
            lights.append(given_illuminant(options.illuminant) or CAMERA)
            found.append(None)
            continue
        photo = face_photo(model, capture, fit, skin, view)
        light = given_illuminant(options.illuminant) or find_illuminant(photo)
        lights.append(light)
        found.append(_separated(replace(photo, illuminant=light.rgb), tools))
        logger.info("view %s: light %s by %s", capture.view[view], light.rgb, light.source)
    return _stored(capture, options, lights, found)


def _separated(photo: FacePhoto, tools: HighlightTools) -> Separated | None:
    return None if tools.separator is None else tools.separator.separate(photo)


def _stored(
    capture: Capture,
    options: HighlightOptions,
    lights: list[Illuminant],
    found: list[Separated | None],
) -> Highlights:
    """The artefact; where nothing was separated, pixels are those of the working image."""
    probability, diffuse = [], []
    for image, separated in zip(capture.image, found, strict=True):
        if separated is None:
            probability.append(np.zeros(image.shape[:2], np.uint8))
            diffuse.append(image)
            continue
        probability.append(np.rint(255 * np.clip(separated.probability, 0, 1)))
        diffuse.append(linear_to_srgb8(separated.diffuse))
    return Highlights(
        method=options.method,
        probability=tuple(probability),
        diffuse=tuple(diffuse),
        illuminant=np.stack([light.rgb for light in lights]),
        illuminant_sigma=np.array([light.sigma for light in lights]),
        illuminant_source=tuple(light.source for light in lights),
    )
