"""Faces of random codes, drawn over the crops of photos: any number of known shapes and poses.

They have the head model's skin and light, and the photo's hair, hat and background around them.

Source: the idea of Richardson, Sela, Kimmel 2016, 3D Face Reconstruction by Learning from Synthetic
Data (3DV), with real surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from lib.artefacts.samples import PART_UNKNOWN, CoarseSample
from lib.facemodel import FaceModel
from lib.fitting import average_identity
from lib.geometry.aligned_crop import align_face, standard_five
from lib.geometry.crop_camera import DISTANCE, FOCAL_PX, MM_PER_UNIT
from lib.networks.regressor import Code
from lib.training.coarse.face import TrainedFace, image_up, picture, rotation

SIDE = 224
ANGLES_DEG = (9.0, 26.0, 7.0)  # spread of pitch, yaw, roll
MOST_YAW_DEG = 75.0
MOST_EXPRESSIONS = 7  # of weights 0..1 that are not 0
IDENTITY_SIGMA, ALBEDO_SIGMA = 1.0, 0.9
LAMP, FILL = 0.45, 0.22  # largest lamp, spread of light from everywhere
FEATHER_PX = 1.5
ALIGNINGS = 3  # the crop's scale and place hang on the pose, and the pose on them


@dataclass(frozen=True)
class Population:
    """Whom codes are drawn from.

    Args:
        average: (n_identity,) about whom people vary.
        free: (n_expression,) bool, expressions that photos tell.
        weights: expressions are weights 0..1; else they are N(0, 1).
        n_albedo: number of albedo coefficients.
    """

    average: np.ndarray
    free: np.ndarray
    weights: bool
    n_albedo: int

    @classmethod
    def of(cls, model: FaceModel) -> Population:
        """That of a head model."""
        weights = model.expression_prior == "weight"
        return cls(average_identity(model), model.free_expressions, weights, model.n_albedo)


def rendered_sample(
    face: TrainedFace, people: Population, sample: CoarseSample, chance: np.random.Generator
) -> CoarseSample:
    """The crop of a sample with the face of a random code drawn over its own.

    Args:
        face: tensors on the CPU.
        people: whom the code is drawn from.
        sample: gives the surroundings.
        chance: source of all draws.
    """
    code = aligned_code(face, random_code(people, chance))
    with torch.no_grad():
        seen = picture(face, code, SIDE)
        neutral = face.shape(code.identity, torch.zeros_like(code.expression))[0]
    mask = seen.mask[0].numpy().astype(np.float32)
    cover = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))), (0, 0), FEATHER_PX)[..., None]
    drawn = np.clip(255 * seen.colour[0].numpy(), 0, 255)
    image = _as_taken(cover * drawn + (1 - cover) * sample.image, chance)
    marks = seen.landmarks_up[0].numpy() * [1, -1] + [0, SIDE - 1]
    return replace(
        sample,
        image=image,
        skin=(255 * seen.front[0].numpy()).astype(np.uint8),
        landmarks_px=marks,
        part=np.full_like(sample.part, PART_UNKNOWN),
        neutral_mm=MM_PER_UNIT * neutral.numpy(),
        posed_mm=MM_PER_UNIT * seen.shape[0].numpy(),
    )


def random_code(people: Population, chance: np.random.Generator) -> Code:
    """A code of somebody under some light, not aligned yet."""
    n_expression = len(people.free)
    if people.weights:
        expression = np.zeros(n_expression)
        count = int(chance.integers(0, MOST_EXPRESSIONS + 1))
        chosen = chance.choice(np.flatnonzero(people.free), count, replace=False)
        expression[chosen] = chance.beta(1, 1.5, count)
    else:
        expression = chance.normal(0, 1, n_expression) * people.free
    identity = people.average + chance.normal(0, IDENTITY_SIGMA, len(people.average))
    angles = np.radians(chance.normal(0, ANGLES_DEG))
    angles[1] = np.clip(angles[1], *np.radians([-MOST_YAW_DEG, MOST_YAW_DEG]))
    parts = (identity, expression, chance.normal(0, ALBEDO_SIGMA, people.n_albedo), angles)
    parts = (*parts, _random_light(chance), np.zeros(3))
    return Code(*(torch.tensor(part[None], dtype=torch.float32) for part in parts))


def aligned_code(face: TrainedFace, code: Code) -> Code:
    """The code with the translation under which its face is aligned in the crop."""
    with torch.no_grad():
        shape = face.shape(code.identity, code.expression)
        turned = face.landmarks(shape) @ rotation(code.angles)
        shift = torch.zeros(1, 3)
        for _ in range(ALIGNINGS):
            marks = image_up(turned + shift[:, None])[0].numpy() * [1, -1] + [0, SIDE - 1]
            crop = align_face(standard_five(marks), (SIDE, SIDE))
            depth = (DISTANCE - float(shift[0, 2])) / crop.scale
            middle = crop.to_crop(_origin_px(shift)) - (SIDE - 1) / 2
            place = middle * [1, -1] * depth / FOCAL_PX
            shift = torch.tensor([[*place, DISTANCE - depth]], dtype=torch.float32)
    return replace(code, translation=shift)


def _origin_px(shift: torch.Tensor) -> np.ndarray:
    """(2,) px, y down, where the object's origin is seen."""
    return image_up(shift)[0].numpy() * [1, -1] + [0, SIDE - 1]


def _random_light(chance: np.random.Generator) -> np.ndarray:
    """(27,) light from everywhere, one lamp, and a little of everything; nearly white."""
    direction = chance.normal(0, 1, 3) + [0, 0.4, 1.0]
    direction /= np.linalg.norm(direction)
    x, y, z = direction * chance.uniform(0, LAMP)
    bands = np.array([chance.normal(0.05, FILL), -y, z, -x, *chance.normal(0, 0.02, 5)])
    tint = 1 + chance.normal(0, 0.06, 3)
    colour = np.outer(tint, bands)
    colour[:, 0] += 0.8 * (tint - 1)
    return colour.ravel()


def _as_taken(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(h, w, 3) uint8 with blur and noise as cameras give them."""
    blur = chance.uniform(0, 1.6)
    if blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    noisy = image + chance.normal(0, chance.uniform(0, 6), image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
