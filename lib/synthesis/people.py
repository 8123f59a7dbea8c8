"""A random person: shape, skin with its relief, eyes, hair of all sorts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel.base_texture import IRIS_COLOURS
from lib.facemodel.skin_fields import ITA_CLASSES
from lib.synthesis.chance import generator, mixed
from lib.synthesis.hair.beard import draw_beard
from lib.synthesis.hair.colour import draw_hair_colour
from lib.synthesis.hair.facial import draw_brows, draw_lashes
from lib.synthesis.hair.strands import Strands
from lib.synthesis.hair.styles import draw_scalp_hair
from lib.synthesis.options import SynthesisOptions
from lib.synthesis.skin.complexion import Complexion, draw_complexion
from lib.synthesis.skin.relief import Relief, draw_relief
from lib.synthesis.studio import Studio

AGES = (18.0, 80.0)  # the young more often
LIGHT_EYES_FROM_DEG = 22.0  # ITA below which eyes are brown
BEARDED = 0.45  # share of people with some beard
FINE_PX, POINTS, POINTS_FINE = 512, 8, 12  # of a hair, on maps up to this side and beyond
N_BROW, N_LASH, N_BEARD = 700, 260, 2600  # hairs at 512 texels; more on finer maps


@dataclass(frozen=True)
class Person:
    """Whose pictures are made.

    Args:
        tone_deg: individual typology angle.
        age: years.
        identity: (n_identity,) sigma.
        neutral: (n_vertices, 3) mm, free-form shape included.
        complexion: colour and gloss of the skin.
        relief: pores and wrinkles.
        iris: name of the eyes' colour.
        hair: of the scalp; None = bald.
        facial: brows, lashes and beard.
        hair_colour: (3,) linear.
    """

    tone_deg: float
    age: float
    identity: np.ndarray
    neutral: np.ndarray
    complexion: Complexion
    relief: Relief
    iris: str
    hair: Strands | None
    facial: tuple[Strands, ...]
    hair_colour: np.ndarray


def draw_person(
    studio: Studio, options: SynthesisOptions, index: int, side: int, n_hairs: int
) -> Person:
    """Person `index` of a world: skin tones of all six classes in turn.

    Args:
        studio: the model.
        options: of the world.
        index: of the person.
        side: of the skin's maps, texels.
        n_hairs: on the scalp.
    """
    model, seed = studio.model, options.seed

    def chance(purpose: str) -> np.random.Generator:
        return generator(seed, index, purpose)

    traits = chance("traits")
    low, high = ITA_CLASSES[index % len(ITA_CLASSES)]
    tone = float(traits.uniform(low, high))
    age = float(AGES[0] + (AGES[1] - AGES[0]) * traits.beta(1.2, 2.0))
    beard = float(traits.beta(1.2, 2.0)) if traits.random() < BEARDED else 0.0
    names = list(IRIS_COLOURS)
    iris = names[traits.integers(len(names))] if tone > LIGHT_EYES_FROM_DEG else names[0]
    identity = _identity(studio, options.identity_sigma, chance("identity"))
    neutral = model.mean.astype(np.float32) + mixed(identity, model.identity_basis)
    if options.free_form_mm > 0:
        neutral = neutral + studio.free_form.draw(chance("free form"), options.free_form_mm)
    ground = studio.ground(side)
    colour = draw_hair_colour(tone, age, chance("hair colour"))
    rooted = studio.facial_roots
    more = max(1.0, (side / 512) ** 0.7)
    hair = draw_scalp_hair(
        studio.roots, model, neutral, chance("hair"), colour, age, n_hairs,
        POINTS_FINE if side > FINE_PX else POINTS,
    )  # fmt: skip
    facial = [
        draw_brows(model, neutral, chance("brows"), colour, int(N_BROW * more), rooted),
        draw_lashes(model, neutral, chance("lashes"), colour, int(N_LASH * more), rooted),
    ]
    if beard > 0.25:
        amount = (beard - 0.25) / 0.75
        whiskers = draw_beard(
            model, neutral, chance("beard"), colour, amount, int(N_BEARD * more), rooted
        )
        facial += [whiskers] if whiskers is not None else []
    return Person(
        tone,
        age,
        identity,
        neutral,
        draw_complexion(
            ground, tone, age, chance("complexion"), min(1.0, 2 * beard), options.freckles
        ),
        draw_relief(ground, age, chance("relief")),
        iris,
        hair,
        tuple(facial),
        colour,
    )


def _identity(studio: Studio, sigma: float, chance: np.random.Generator) -> np.ndarray:
    """Coefficients about the average person, drawn again where they are beyond 2.5 sigma."""
    drawn = chance.standard_normal(studio.model.n_identity)
    for _ in range(8):
        far = np.abs(drawn) > 2.5
        drawn = np.where(far, chance.standard_normal(len(drawn)), drawn)
    return (studio.centre + sigma * np.clip(drawn, -2.5, 2.5)).astype(np.float32)
