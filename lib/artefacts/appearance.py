"""What the light on a face and the skin below it are made of: highlights, albedo, local light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, ragged, text


@dataclass(frozen=True)
class Highlights(Artefact):
    """The light that skin mirrors, apart from the light that it scatters, on the working images.

    In linear light an image is `diffuse` plus what is mirrored. A view that was not fitted has its
    image as `diffuse` and the probability 0. The illuminant is the colour that a white sheet would
    have on the photo; for a photo whose white balance is right it is grey.
    """

    version: ClassVar[int] = 3

    method: str = text("highlights.method that made it")
    probability: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "u1", "1/255", "probability that a highlight is seen"
    )
    diffuse: tuple[np.ndarray, ...] = ragged(
        "n_views h w 3", "u1", "sRGB 0..255", "working image without the mirrored light"
    )
    illuminant: np.ndarray = array("n_views 3", "f4", "1", "linear RGB of the light, of mean 1")
    illuminant_sigma: np.ndarray = array(
        "n_views", "f4", "1", "standard deviation of the logarithms of its ratios R/G and B/G"
    )
    illuminant_source: tuple[str, ...] = text(
        "what told the illuminant: highlights, eyes, camera or setting", "n_views"
    )


@dataclass(frozen=True)
class Albedo(Artefact):
    """What the head's surface is made of, on its UV chart, and the light that fell on each view.

    The light that a white matte surface with unit normal n (model frame) scatters at a place of
    the chart is `lib.render.irradiance(n, light + local_light)`, in linear values of the view's
    working image; times `rgb` it is the diffuse colour. All captures of one subject have the same
    albedo, specular and roughness.
    """

    version: ClassVar[int] = 6

    method: str = text("albedo.method that made it")
    rgb: np.ndarray = array(
        "n_rows n_cols 3", "f2", "linear RGB", "diffuse reflectance under D65; row 0 is v = 1"
    )
    weight: np.ndarray = array("n_rows n_cols", "f2", "0..1", "how much was seen: 0 = filled in")
    specular: np.ndarray = array(
        "n_rows n_cols", "f2", "1", "reflectance at normal incidence, F0 of Fresnel's law"
    )
    roughness: np.ndarray = array(
        "n_rows n_cols", "f2", "1", "of GGX; its alpha is the square of this"
    )
    gloss_weight: np.ndarray = array(
        "n_rows n_cols", "f2", "0..1", "how much views told, mean of both; 0 = usual for the region"
    )
    light: np.ndarray = array(
        "n_views 9 3", "f4", "1", "SH bands 0-2 per channel, model frame; NaN = not fitted"
    )
    local_light: np.ndarray = array(
        "n_views n_light_rows n_light_cols 9 3",
        "f2",
        "1",
        "what is added to it at places of the chart: shadows and nearby light; row 0 is v = 1",
    )
    white: np.ndarray = array(
        "n_views 3", "f4", "1", "linear RGB that a white sheet has on the view, of mean 1"
    )
    white_source: tuple[str, ...] = text("what told it", "n_views")
    ita_deg: np.ndarray = array(
        "", "f4", "degrees", "individual typology angle of the bare skin; NaN = none was seen"
    )
    ita_sigma_deg: np.ndarray = array("", "f4", "degrees", "its standard deviation")
