"""FaceScape's bilinear model as a head model, linear at its mean identity."""

from __future__ import annotations

import logging

import numpy as np

from lib.errors import ConfigError
from lib.facemodel.assemble import HeadSource, assemble_head, vertex_points
from lib.facemodel.facescape.linear import LinearShape, linear_shape
from lib.facemodel.facescape.source import BEST, WHERE, FaceScapeSource
from lib.facemodel.landmark_rules import ibug68_sigma
from lib.facemodel.model import FaceModel

logger = logging.getLogger(__name__)

LICENCE = "FaceScape licence: non-commercial research, no redistribution"
NEUTRAL_LIKE = 60.0  # mm; a slice that is further from the first one is no expression of it
EXPRESSIONS = (  # published order, in ARKit's words; slice 0 is the neutral face
    "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeWideLeft", "eyeWideRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "browDownLeft", "browDownRight",
    "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "jawOpen",
    "mouthClose", "jawLeft", "jawRight", "jawForward",
    "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthRollUpper", "mouthRollLower", "mouthSmileLeft", "mouthSmileRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthFunnel", "mouthLeft", "mouthRight",
    "mouthShrugLower", "mouthShrugUpper", "noseSneerLeft", "noseSneerRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
)  # fmt: skip
NOT_FREE = ("mouthClose",)


def facescape_model(source: FaceScapeSource) -> FaceModel:
    """The head model of a published bilinear model.

    Vertices, triangles, chart and landmarks are the published ones; eyeballs are added behind its
    open lids, and skin colours are ours, as its own carry light and the tones of one group.
    `source` of the result says what making it linear loses.

    Raises:
        ConfigError: the slices of the core are no faces, or the head is not as published.
    """
    shape = linear_shape(source.blocks(), source.id_mean, source.id_var)
    _check_slices(source, shape)
    loss = loss_in_words(shape, source.face)
    logger.info("%s: %s", source.edition, loss)
    every = np.ones(len(source.triangles), bool)
    points = vertex_points(source.landmarks, source.triangles, every, ibug68_sigma())
    marks = shape.mean[source.landmarks]
    return assemble_head(
        HeadSource(
            name="facescape",
            mean=shape.mean,
            identity=shape.identity,
            expression=shape.expression,
            expression_names=_sided(shape, marks),
            not_free=NOT_FREE,
            triangles=source.triangles,
            uv=source.uv,
            uv_triangles=source.uv_triangles,
            ibug68=points,
            mirror=source.mirror,
            face=source.face,
            licence=LICENCE,
            origin=f"FaceScape bilinear model, {source.edition}, https://facescape.nju.edu.cn; "
            f"{loss}",
        )
    )


def loss_in_words(shape: LinearShape, face: np.ndarray | None) -> str:
    """What the linear model leaves out, for logs and for the model's `source`."""
    chosen = slice(None) if face is None else face
    lost, moved = shape.lost[:, chosen], shape.moved[:, chosen]
    return (
        "linear at the mean identity: random people with three expressions each are off by "
        f"{np.sqrt((lost**2).mean()):.2f} mm rms ({np.quantile(lost, 0.95):.2f} mm at 95 %) where "
        f"these move the face by {np.sqrt((moved**2).mean()):.2f} mm rms"
    )


def _check_slices(source: FaceScapeSource, shape: LinearShape) -> None:
    size = np.sqrt((shape.expression**2).sum(axis=2).mean(axis=1))
    far = int((size > NEUTRAL_LIKE).sum())
    if far:
        raise ConfigError(
            f"{source.edition}: {far} of {len(size)} slices of the core lie more than "
            f"{NEUTRAL_LIKE:.0f} mm from the first, expected a neutral face and expressions of it "
            f"(a file whose name ends in id_exp has none). Get {BEST} from {WHERE}."
        )


def _sided(shape: LinearShape, marks: np.ndarray) -> tuple[str, ...]:
    """Names by which `eyeBlinkLeft` closes the eye at +x, whichever side the file counts from."""
    blink = np.linalg.norm(shape.expression[EXPRESSIONS.index("eyeBlinkLeft")], axis=1)
    weight = np.maximum(blink.sum(), 1e-9)
    if (blink * shape.mean[:, 0]).sum() / weight >= marks[27, 0]:
        return EXPRESSIONS
    logger.warning("left and right of the expressions are swapped: the file counts as seen")
    other = {"Left": "Right", "Right": "Left", "": ""}
    sides = [next(s for s in ("Left", "Right", "") if name.endswith(s)) for name in EXPRESSIONS]
    return tuple(name.removesuffix(s) + other[s] for name, s in zip(EXPRESSIONS, sides))
