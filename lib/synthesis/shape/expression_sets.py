"""Sets of strong expressions that photos seldom show: shut eyes, open mouths, frowns, ...

Source: Wang et al. 2024, "3D Face Reconstruction with the Geometric Guidance of Facial Part
Segmentation": its data of synthetic expressions has the sets eye_close, mouth_open, frown,
mouth and eye_close, ugly_mouth and nose. Theirs are edited photos, ours are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.errors import ConfigError
from lib.facemodel import FaceModel
from lib.synthesis.shape.expressions import (
    ASYMMETRY,
    Look,
    draw_expression,
    glance,
    raise_weight,
)

USUAL, BALANCED = "usual", "balanced"
WINKS = 0.12  # of the shut eyes, those where the other is open
SHUT = (0.94, 1.0)  # weight of a blink
MOST_BESIDE = {  # a blink: weights that move lids, which would cross
    "eyeSquint": 0.3,
    "cheekSquint": 0.4,
    "eyeWide": 0.0,
    "eyeLookUp": 0.2,
    "eyeLookDown": 0.4,
}
RESTING_BLINK = 0.06


@dataclass(frozen=True)
class ExpressionSet:
    """A kind of expression.

    Args:
        looks: what faces of the set do, one at a time; a trailing `*` on a name: on one side.
        weakest: share of a look's weights that every face of the set shows.
        shut: eyes are shut.
    """

    looks: tuple[Look, ...]
    weakest: float
    shut: bool = False


SETS = {
    "closed_eyes": ExpressionSet(
        (
            Look(4.0, {}),  # asleep, blinking
            Look(2.0, {"mouthSmile": 0.7, "cheekSquint": 0.6}),
            Look(1.5, {"browDown": 0.7, "cheekSquint": 0.7, "noseSneer": 0.4, "mouthPress": 0.3}),
            Look(1.0, {"browInnerUp": 0.7, "browOuterUp": 0.6}),
            Look(0.8, {"mouthPucker": 0.7}),
            Look(0.7, {"mouthFrown": 0.6, "browInnerUp": 0.5, "browDown": 0.3}),
        ),
        0.25,
        shut=True,
    ),
    "mouth_open": ExpressionSet(
        (
            Look(3.0, {"jawOpen": 0.85}),
            Look(2.0, {"jawOpen": 0.8, "browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.7}),
            Look(2.0, {"jawOpen": 0.7, "mouthSmile": 0.8, "cheekSquint": 0.8, "mouthUpperUp": 0.4}),
            Look(1.5, {"jawOpen": 0.6, "mouthFunnel": 0.6}),
            Look(1.0, {"jawOpen": 0.8, "mouthStretch": 0.6, "mouthLowerDown": 0.5,
                       "browDown": 0.6, "noseSneer": 0.4}),
            Look(1.0, {"jawOpen": 0.35, "mouthUpperUp": 0.7, "mouthLowerDown": 0.7}),
        ),
        0.45,
    ),
    "frown": ExpressionSet(
        (
            Look(3.0, {"browDown": 1.0, "eyeSquint": 0.5}),
            Look(2.0, {"browDown": 0.9, "mouthFrown": 0.7, "mouthPress": 0.4, "eyeSquint": 0.4}),
            Look(1.5, {"browInnerUp": 0.8, "mouthFrown": 0.8, "mouthShrugLower": 0.5}),
            Look(1.0, {"browDown": 1.0, "noseSneer": 0.4, "mouthPucker": 0.3, "eyeSquint": 0.3}),
            Look(1.0, {"browDown": 0.8, "browInnerUp": 0.5, "mouthFrown": 0.5, "jawOpen": 0.15}),
        ),
        0.5,
    ),
    "mouth_open_closed_eyes": ExpressionSet(
        (
            Look(2.5, {"jawOpen": 0.9, "browInnerUp": 0.4}),  # a yawn
            Look(2.5, {"jawOpen": 0.6, "mouthSmile": 0.85, "cheekSquint": 0.9,
                       "mouthUpperUp": 0.3}),
            Look(1.5, {"jawOpen": 0.6, "mouthFunnel": 0.5, "browInnerUp": 0.7, "browOuterUp": 0.5}),
            Look(1.5, {"jawOpen": 0.7, "mouthStretch": 0.6, "mouthLowerDown": 0.4, "browDown": 0.8,
                       "cheekSquint": 0.8, "noseSneer": 0.5}),
            Look(1.0, {"jawOpen": 0.35, "browDown": 0.5}),
        ),
        0.45,
        shut=True,
    ),
    "twisted_mouth": ExpressionSet(
        (
            Look(2.0, {"mouthLeft": 0.9}),
            Look(2.0, {"mouthRight": 0.9}),
            Look(1.5, {"mouthSmile*": 0.9, "mouthDimple*": 0.5}),
            Look(1.0, {"mouthPucker": 0.95}),
            Look(1.0, {"mouthRollLower": 0.8, "mouthRollUpper": 0.8, "mouthPress": 0.4}),
            Look(1.0, {"mouthUpperUp*": 0.9, "noseSneer*": 0.8}),
            Look(1.0, {"jawLeft": 0.8, "jawOpen": 0.25}),
            Look(1.0, {"jawRight": 0.8, "jawOpen": 0.25}),
            Look(0.8, {"cheekPuff": 0.9, "mouthPress": 0.5}),
            Look(0.8, {"mouthStretch": 0.9, "mouthLowerDown": 0.4}),
            Look(0.8, {"mouthShrugLower": 0.9, "mouthShrugUpper": 0.5, "mouthFrown": 0.4}),
        ),
        0.5,
    ),
    "nose": ExpressionSet(
        (
            Look(3.0, {"noseSneer": 1.0, "browDown": 0.6, "cheekSquint": 0.6, "eyeSquint": 0.4}),
            Look(2.0, {"noseSneer": 1.0, "mouthUpperUp": 0.7, "browDown": 0.5, "eyeSquint": 0.3}),
            Look(1.0, {"noseSneer": 0.9, "mouthSmile": 0.5, "cheekSquint": 0.8}),
            Look(1.0, {"noseSneer": 0.9, "jawOpen": 0.25, "mouthUpperUp": 0.6, "browDown": 0.7}),
        ),
        0.5,
    ),
}  # fmt: skip


def set_of(name: str, index: int) -> str:
    """The set that capture `index` of a world is drawn from: `balanced` takes all in turn."""
    every = (USUAL, *SETS)
    return every[index % len(every)] if name == BALANCED else name


def draw_from_set(
    name: str,
    model: FaceModel,
    chance: np.random.Generator,
    strength: float = 1.0,
    camera_mm: np.ndarray | None = None,
) -> np.ndarray:
    """(n_expression,) weights 0..1 of a face of one set.

    Args:
        name: `usual`, or a key of `SETS`.
        model: gives the expressions' names; those it lacks are left out.
        chance: source of random numbers.
        strength: factor on the looks, not on shut lids.
        camera_mm: (3,) the lens, model frame; None = eyes look ahead.

    Raises:
        ConfigError: the model's expressions are no named weights, and the set is not `usual`.
    """
    if name == USUAL:
        return draw_expression(model, chance, strength, camera_mm)
    if "jawOpen" not in model.expression_names:
        raise ConfigError(
            f"synthesis.expressions is '{name}', but face model '{model.name}' has no expressions "
            "named as ARKit does, such as jawOpen. Set synthesis.expressions: usual, or draw from "
            "face_model: makehuman or ict."
        )
    of = SETS[name]
    weights = np.zeros(model.n_expression)
    shares = np.array([look.share for look in of.looks])
    look = of.looks[chance.choice(len(of.looks), p=shares / shares.sum())]
    level = strength * (of.weakest + (1 - of.weakest) * chance.beta(2.0, 1.4))
    alone = "Left" if chance.random() < 0.5 else "Right"
    for stem, strongest in look.weights.items():
        amount = level * strongest * np.exp(chance.normal(0, 0.12))
        for side in ("", "Left", "Right"):
            uneven = 1 + ASYMMETRY * chance.standard_normal()
            if not stem.endswith("*") or side == alone:
                raise_weight(model, weights, stem.rstrip("*") + side, amount * uneven)
    for side in ("Left", "Right"):
        raise_weight(model, weights, f"eyeBlink{side}", abs(chance.normal(0, RESTING_BLINK)))
    glance(model, weights, chance, camera_mm)
    if of.shut:
        _shut(model, weights, chance)
    return np.clip(weights, 0, 1).astype(np.float32)


def _shut(model: FaceModel, weights: np.ndarray, chance: np.random.Generator) -> None:
    """Close both eyes, or wink."""
    sides = ["Left", "Right"]
    if chance.random() < WINKS:
        sides = [sides[chance.integers(2)]]
    for side in sides:
        raise_weight(model, weights, f"eyeBlink{side}", chance.uniform(*SHUT))
        for stem, most in MOST_BESIDE.items():
            if stem + side in model.expression_names:
                row = model.expression_names.index(stem + side)
                weights[row] = min(weights[row], most)
