"""What faces do in photos: a few looks, nearly symmetric, blinks and glances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel

ASYMMETRY = 0.12


@dataclass(frozen=True)
class Look:
    """Expressions that go together.

    Args:
        share: how often, relative to the others.
        weights: ARKit name without its side -> strongest weight.
    """

    share: float
    weights: dict[str, float]


LOOKS = (
    Look(4.0, {"mouthSmile": 0.75, "cheekSquint": 0.5}),
    Look(3.0, {"mouthSmile": 0.7, "cheekSquint": 0.7, "jawOpen": 0.22, "mouthUpperUp": 0.3}),
    Look(1.0, {"jawOpen": 0.75, "browInnerUp": 0.7, "browOuterUp": 0.7, "eyeWide": 0.6}),
    Look(1.5, {"jawOpen": 0.35, "mouthFunnel": 0.35}),
    Look(1.5, {"browInnerUp": 0.7, "browOuterUp": 0.8}),
    Look(1.5, {"browDown": 0.8, "eyeSquint": 0.6, "mouthPress": 0.3}),
    Look(0.8, {"mouthPucker": 0.7}),
    Look(1.0, {"mouthPress": 0.5, "mouthDimple": 0.4}),
    Look(0.8, {"mouthFrown": 0.6, "browDown": 0.5, "mouthShrugLower": 0.4}),
    Look(0.6, {"noseSneer": 0.8, "browDown": 0.6, "mouthUpperUp": 0.5}),
    Look(0.8, {"mouthSmile": 0.9, "cheekSquint": 0.9, "jawOpen": 0.45, "eyeSquint": 0.5}),
    Look(0.5, {"cheekPuff": 0.8, "mouthPress": 0.3}),
    Look(0.6, {"mouthLeft": 0.5}),
    Look(0.6, {"mouthRight": 0.5}),
    Look(0.5, {"mouthRollLower": 0.5, "mouthRollUpper": 0.4}),
    Look(0.6, {"eyeBlink": 1.0}),
    Look(1.0, {"eyeSquint": 0.7}),
)
NEUTRAL_SHARE = 0.28  # of photos: no look at all
EYE_MM = 30.0  # from the middle of the face
SIDE_DEG, TILT_DEG = 20.0, 12.0  # turn of an eye at weight 1
FARTHEST_DEG = 22.0  # that eyes turn to a camera; further, people turn their heads
NEARBY_DEG, AWAY_DEG, AWAY_SHARE = (1.5, 1.5), (9.0, 4.0), 0.3  # beside what is looked at
OUTWARD_DEG, DOWNWARD_DEG = 2.0, 4.0  # models' eyes rest turned in and up between their lids


def draw_expression(
    model: FaceModel,
    chance: np.random.Generator,
    strength: float = 1.0,
    camera_mm: np.ndarray | None = None,
) -> np.ndarray:
    """(n_expression,) weights 0..1: none to two looks, half-closed lids and a glance.

    Of a model whose expressions are N(0, 1), a draw of these within 2 sigma.

    Args:
        model: gives the expressions' names; those it lacks are left out.
        chance: source of random numbers.
        strength: factor on the looks; 0 = a resting face that still looks about.
        camera_mm: (3,) the lens, model frame; most eyes look at it. None = they look ahead.
    """
    if model.expression_prior == "normal":
        drawn = np.clip(chance.standard_normal(model.n_expression), -2, 2)
        return (strength * drawn * model.free_expressions).astype(np.float32)
    weights = np.zeros(model.n_expression)
    shares = np.array([look.share for look in LOOKS])
    count = 0 if chance.random() < NEUTRAL_SHARE else chance.integers(1, 3)
    for row in chance.choice(len(LOOKS), count, replace=False, p=shares / shares.sum()):
        level = strength * chance.beta(2.0, 1.4)
        for stem, strongest in LOOKS[row].weights.items():
            amount = level * strongest * np.exp(chance.normal(0, 0.2))
            for side in ("", "Left", "Right"):
                uneven = 1 + ASYMMETRY * chance.standard_normal()
                raise_weight(model, weights, stem + side, amount * uneven)
    for side in ("Left", "Right"):  # lids at rest
        raise_weight(model, weights, f"eyeBlink{side}", abs(chance.normal(0, 0.06)))
    glance(model, weights, chance, camera_mm)
    return np.clip(weights, 0, 1).astype(np.float32)


def glance(
    model: FaceModel,
    weights: np.ndarray,
    chance: np.random.Generator,
    camera_mm: np.ndarray | None,
) -> None:
    """Turn both eyes to the camera, or somewhere else, as far as they go."""
    away = chance.normal(0, AWAY_DEG if chance.random() < AWAY_SHARE else NEARBY_DEG)
    for side, x in (("Left", EYE_MM), ("Right", -EYE_MM)):
        to = np.array([0.0, 0.0, 1.0]) if camera_mm is None else camera_mm - [x, 0.0, 0.0]
        left, up = np.degrees(np.arctan2(to[:2], to[2]))
        left = np.clip(left, -FARTHEST_DEG, FARTHEST_DEG) + away[0]
        left += OUTWARD_DEG if side == "Left" else -OUTWARD_DEG
        up = np.clip(up, -FARTHEST_DEG, FARTHEST_DEG) + away[1] - DOWNWARD_DEG
        outward = left if side == "Left" else -left
        sideways = "Out" if outward > 0 else "In"
        raise_weight(model, weights, f"eyeLook{sideways}{side}", abs(outward) / SIDE_DEG)
        raise_weight(
            model, weights, f"eyeLook{'Up' if up > 0 else 'Down'}{side}", abs(up) / TILT_DEG
        )


def raise_weight(model: FaceModel, weights: np.ndarray, name: str, amount: float) -> None:
    """Make a weight at least so large; a name that the model lacks does nothing."""
    if name in model.expression_names:
        row = model.expression_names.index(name)
        weights[row] = max(weights[row], amount)
