"""How a person is photographed: expression, camera, light, sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry.pose import rotation_from_vector
from lib.render import Camera
from lib.synthesis.chance import generator
from lib.synthesis.light import Environment, draw_environment

FACE_MM = 200.0  # from the hairline to the chin
LOOKS = (  # what faces do, each with its strongest weight
    (("mouthSmile",), 0.7),
    (("mouthSmile", "cheekSquint", "jawOpen"), 0.5),
    (("jawOpen",), 0.3),
    (("browInnerUp", "browOuterUp"), 0.6),
    (("browDown", "eyeSquint"), 0.5),
    (("mouthPucker",), 0.4),
    (("mouthPress",), 0.5),
    (("mouthFrown", "browDown"), 0.4),
    (("eyeBlink",), 0.3),
)
ASYMMETRY = 0.12


@dataclass(frozen=True)
class ShotOptions:
    """Ranges that shots are drawn from, evenly.

    Args:
        size: (h, w) px.
        distance_mm: nearest and farthest camera, even in log.
        face_share: of the picture's height that a face of 200 mm takes.
        yaw_deg, pitch_deg, roll_deg: largest turns of the head.
        expression: factor on the expressions; 0 = neutral.
    """

    size: tuple[int, int] = (640, 640)
    distance_mm: tuple[float, float] = (400.0, 2500.0)
    face_share: tuple[float, float] = (0.4, 0.6)
    yaw_deg: float = 45.0
    pitch_deg: float = 15.0
    roll_deg: float = 12.0
    expression: float = 0.7


@dataclass(frozen=True)
class Shot:
    """One photo to be taken.

    Args:
        expression: (n_expression,) weights 0..1.
        camera: in the frame of the head.
        size: (h, w) px.
        yaw_deg: turn of the head to its left.
        environment: light in the model frame.
        seed: of background and sensor noise.
        index: likewise.
    """

    expression: np.ndarray
    camera: Camera
    size: tuple[int, int]
    yaw_deg: float
    environment: Environment
    seed: int
    index: int


def draw_shot(
    model: FaceModel, seed: int, index: int, options: ShotOptions, yaw_deg: float | None = None
) -> Shot:
    """Shot `index` of a world.

    Args:
        model: gives the expressions' names.
        seed: of the world.
        index: of the shot.
        options: ranges.
        yaw_deg: a given turn instead of a random one.
    """
    chance = generator(seed, index, "shot")
    turn = chance.uniform(-1, 1, 3) * [options.yaw_deg, options.pitch_deg, options.roll_deg]
    if yaw_deg is not None:
        turn[0] = yaw_deg
    camera = _camera(np.radians(turn), options, chance)
    return Shot(
        options.expression * _expression(model, chance),
        camera,
        options.size,
        float(turn[0]),
        draw_environment(chance, camera.world_to_camera[:, :3]),
        seed,
        index,
    )


def _camera(turn: np.ndarray, options: ShotOptions, chance: np.random.Generator) -> Camera:
    yaw, pitch, roll = (
        rotation_from_vector(angle * axis) for angle, axis in zip(turn, np.eye(3)[[1, 0, 2]])
    )
    rotation = np.diag([1.0, -1.0, -1.0]) @ roll @ pitch @ yaw
    distance = float(np.exp(chance.uniform(*np.log(options.distance_mm))))
    height, width = options.size
    focal = chance.uniform(*options.face_share) * height * distance / FACE_MM
    off_centre = chance.uniform(-0.07, 0.07, 2) * [width, height] - [0, 0.04 * height]
    middle = np.array([0.0, -30.0, 0.0])  # of the face, in the model frame
    place = np.array([*(off_centre / focal * distance), distance])
    pose = np.column_stack([rotation, place - rotation @ middle])
    return Camera(pose, float(focal), np.array([(width - 1) / 2, (height - 1) / 2]))


def _expression(model: FaceModel, chance: np.random.Generator) -> np.ndarray:
    """(n_expression,) none to two looks, nearly symmetric."""
    weights = np.zeros(model.n_expression)
    for look in chance.choice(len(LOOKS), chance.integers(0, 3), replace=False):
        stems, strongest = LOOKS[look]
        for stem in stems:
            strength = chance.uniform(0, strongest)
            for row, name in enumerate(model.expression_names):
                if name in (stem, f"{stem}Left", f"{stem}Right"):
                    weights[row] = max(
                        weights[row], strength * (1 + ASYMMETRY * chance.standard_normal())
                    )
    return np.clip(weights, 0, 1)
