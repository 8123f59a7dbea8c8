"""The displacement of a capture by any of the methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Displacement, Surface, Texture
from lib.displacement.facescape import FaceScapeNetwork, facescape_height, open_facescape
from lib.displacement.highpass import highpass_height
from lib.displacement.network import ReliefNet, learned_height, load_network
from lib.displacement.options import DisplacementOptions
from lib.facemodel import FaceModel
from lib.uvspace.bare import SkinChart, skin_chart


@dataclass(frozen=True)
class Predictor:
    """A method ready for any number of captures.

    Args:
        options: settings.
        chart: of the head model.
        network: of the method, if it has one.
    """

    options: DisplacementOptions
    chart: SkinChart
    network: FaceScapeNetwork | ReliefNet | None


def open_predictor(model: FaceModel, options: DisplacementOptions) -> Predictor:
    """What all captures of a batch share.

    Raises:
        MissingModelError: a file of the method is not there or holds something else.
        ConfigError: `options.template` cannot be read.
    """
    network: FaceScapeNetwork | ReliefNet | None = None
    if options.method == "pix2pixhd":
        network = open_facescape(model, options)
    elif options.method == "learned":
        network = load_network(options.weights)
    return Predictor(options, skin_chart(model, options.uv_size), network)


def predict_displacement(predictor: Predictor, surface: Surface, texture: Texture) -> Displacement:
    """The fine relief over a surface; none over what shading told of a single photo.

    Raises:
        CaptureFailure: `no_surface`.
    """
    options, network = predictor.options, predictor.network
    if surface.from_shading:  # it holds all detail of the photo
        nothing = np.zeros((options.uv_size, options.uv_size), np.float16)
        return Displacement(method="none", height_mm=nothing, confidence=nothing)
    given = (surface, texture, predictor.chart)
    if isinstance(network, FaceScapeNetwork):
        height, confidence = facescape_height(*given, network, options)
    elif isinstance(network, ReliefNet):
        height, confidence = learned_height(*given, network, options)
    else:
        height, confidence = highpass_height(*given, options)
    return Displacement(
        method=options.method,
        height_mm=height.astype(np.float16),
        confidence=confidence.astype(np.float16),
    )
