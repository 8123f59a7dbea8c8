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
from lib.highlights.views import ViewComparison, separate_view
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
    given = given_illuminant(options.illuminant)

    def photo_of(view: int) -> FacePhoto:
        photo = face_photo(model, capture, fit, skin, view)
        return replace(photo, illuminant=given.rgb) if given else photo

    compared = options.across_views and measured is not None and measured.found
    comparison = ViewComparison(measured) if tools.separator and compared else None
    lights: dict[int, Illuminant] = {}
    found: dict[int, Separated] = {}
    for view in range(len(capture.image)):  # of what is known of photos, one is in memory at a time
        if not is_fitted(fit, view):
            continue
        photo = photo_of(view)
        # What is found is too unsure to divide by: the scanned head's face gets 1.9 dB worse.
        lights[view] = light = given or find_illuminant(photo)
        logger.info("view %s: light %s by %s", capture.view[view], light.rgb, light.source)
        if tools.separator:
            found[view] = tools.separator.separate(photo)
        if comparison:
            comparison.add(view, photo)
    chart = comparison.chart() if comparison else None
    for view in chart.gain if chart else ():
        found[view] = separate_view(chart, measured, view, photo_of(view), found[view])
    return _stored(capture, options, given or CAMERA, lights, found)


def _stored(
    capture: Capture,
    options: HighlightOptions,
    otherwise: Illuminant,
    lights: dict[int, Illuminant],
    found: dict[int, Separated],
) -> Highlights:
    """The artefact; where nothing was separated, pixels are those of the working image."""
    probability, diffuse = [], []
    for view, image in enumerate(capture.image):
        if view not in found:
            probability.append(np.zeros(image.shape[:2], np.uint8))
            diffuse.append(image)
            continue
        coded = linear_to_srgb8(found[view].diffuse)
        probability.append(np.rint(255 * np.clip(found[view].probability, 0, 1)))
        diffuse.append(coded)
    told = [lights.get(view, otherwise) for view in range(len(capture.image))]
    return Highlights(
        method=options.method,
        probability=tuple(probability),
        diffuse=tuple(diffuse),
        illuminant=np.stack([light.rgb for light in told]),
        illuminant_sigma=np.array([light.sigma for light in told]),
        illuminant_source=tuple(light.source for light in told),
    )
