"""Where on a face pigments vary, and the linear albedo basis that random people span."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lib.facemodel.parts import brow_cover
from lib.facemodel.pigment import skin_colour, typology_angle

N_PEOPLE = 480
SEED = 7
N_PATCHES = 48
ITA_CLASSES = ((55, 62), (41, 55), (28, 41), (10, 28), (-30, 10), (-55, -30))  # degrees
TONE_PERCENTILES = (0.5, 99.5)
TONE_REACH = 2.2  # sigma of the first mode at those percentiles
BASE_BLOOD = 0.045


@dataclass(frozen=True)
class SkinFields:
    """Smooth fields on the vertices, (n,) 0..1 each unless said otherwise.

    Args:
        patches: (n_patches, n) random smooth bumps for uneven tone.
    """

    lips: np.ndarray
    ears: np.ndarray
    brows: np.ndarray
    beard: np.ndarray
    cheeks: np.ndarray
    nose: np.ndarray
    under_eyes: np.ndarray
    forehead: np.ndarray
    patches: np.ndarray


def skin_fields(
    vertices: np.ndarray, landmarks: np.ndarray, lips: np.ndarray, ears: np.ndarray
) -> SkinFields:
    """Fields about the 68 landmarks (mm) of a neutral face."""
    marks = landmarks

    def bump(centre: np.ndarray, radius: float) -> np.ndarray:
        return np.exp(-0.5 * ((vertices - centre) ** 2).sum(axis=1) / radius**2)

    def band(line: np.ndarray, radius: float) -> np.ndarray:
        return np.exp(-0.5 * (_distance_to_line(vertices, line) / radius) ** 2)

    low = np.array([0.0, 6.0, 0.0])
    forward = np.array([0.0, 0.0, 6.0])
    moustache = band(np.stack([marks[31] - low, marks[51] + [0, 3, 0], marks[35] - low]), 5.0)
    chin = band(np.stack([marks[48], marks[57] - [0, 12, 0], marks[54]]), 10.0)
    beard = np.maximum(np.maximum(band(marks[3:14], 16.0), moustache), chin)
    # hair ends below the cheekbones and at the red of the lips, softly
    beard *= (
        1 / (1 + np.exp((vertices[:, 1] - marks[30, 1] - 4) / 3)) * (1 - np.clip(1.3 * lips, 0, 1))
    )
    rng = np.random.default_rng(SEED)
    front = np.flatnonzero(vertices[:, 2] > marks[0, 2] - 10)
    centres = vertices[np.sort(rng.choice(front, N_PATCHES, replace=False))]
    radii = rng.uniform(12, 35, N_PATCHES)
    return SkinFields(
        lips=lips,
        ears=ears,
        brows=np.maximum(brow_cover(vertices, marks[17:22]), brow_cover(vertices, marks[22:27])),
        beard=beard,
        cheeks=bump((marks[1] + marks[31]) / 2 + forward, 18.0)
        + bump((marks[15] + marks[35]) / 2 + forward, 18.0),
        nose=bump(marks[30], 11.0),
        under_eyes=bump((marks[40] + marks[41]) / 2 - low, 6.0)
        + bump((marks[46] + marks[47]) / 2 - low, 6.0),
        forehead=bump((marks[21] + marks[22]) / 2 + [0, 35, 0], 30.0),
        patches=np.stack([bump(centre, radius) for centre, radius in zip(centres, radii)]),
    )


def _distance_to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    distance = np.full(len(points), np.inf)
    for start, end in itertools.pairwise(line):
        along = end - start
        share = np.clip(((points - start) @ along) / (along @ along), 0, 1)
        away = np.linalg.norm(points - start - share[:, None] * along, axis=1)
        distance = np.minimum(distance, away)
    return distance


def melanin_of_tone(angle_deg: np.ndarray) -> np.ndarray:
    """Melanin depth whose skin, at average blood, has that individual typology angle."""
    melanin = np.geomspace(0.03, 2.0, 400)
    angle = typology_angle(skin_colour(melanin, BASE_BLOOD))
    return np.interp(angle_deg, angle[::-1], melanin[::-1])


def random_albedo(fields: SkinFields, tone_deg: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) linear sRGB skin of one random person of the given individual typology angle."""
    normal = rng.normal
    melanin = float(melanin_of_tone(np.array(tone_deg)))
    blood = float(np.clip(normal(BASE_BLOOD, 0.011), 0.02, 0.08))
    uneven_melanin, uneven_blood = (fields.patches.T @ normal(size=N_PATCHES) for _ in range(2))
    m = melanin * np.exp(
        0.10 * normal() * fields.forehead
        + 0.08 * normal() * fields.nose
        + abs(0.12 * normal()) * fields.under_eyes
        + 0.045 * uneven_melanin
    )
    b = blood * np.exp(
        (0.33 + 0.12 * normal()) * fields.cheeks
        + (0.45 + 0.2 * normal()) * fields.nose
        + 0.5 * fields.ears
        + (0.2 + 0.15 * normal()) * fields.under_eyes
        + 0.06 * uneven_blood
    )
    red = fields.lips
    b = b * (1 - red) + red * min(blood * np.exp(normal(1.2, 0.25)), 0.3)
    m = m * (1 - red) + red * (melanin * np.clip(0.8 + 0.12 * normal(), 0.5, 1.2) + 0.05)
    oxygen = np.clip(0.7 - 0.25 * fields.under_eyes - 0.1 * red, 0, 1)
    skin = skin_colour(np.clip(m, 0.03, 2.0), np.clip(b, 0.008, 0.35), oxygen)
    return _with_hair(skin, fields, tone_deg, rng)


def _with_hair(
    skin: np.ndarray, fields: SkinFields, tone_deg: float, rng: np.random.Generator
) -> np.ndarray:
    """Brows on everybody, a shadow of beard on a third; dark skin has dark hair."""
    # eumelanin depth of hair: from blond to black, never lighter than the skin below
    depth = np.exp(rng.normal(np.log(1.6 if tone_deg > 28 else 2.6), 0.4))
    hair = 0.35 * np.exp(-np.array([0.9, 1.15, 1.5]) * depth) + 0.006
    hair = np.minimum(hair, 0.5 * np.median(skin, axis=0))
    bearded = rng.random() < 0.35
    for cover, field in (
        (np.clip(rng.normal(0.75, 0.15), 0.3, 1), fields.brows),
        (np.clip(rng.normal(0.25, 0.15), 0, 0.7) if bearded else 0.0, fields.beard),
    ):
        alpha = (cover * field)[:, None]
        skin = skin * (1 - alpha) + hair * alpha
    return skin


def albedo_basis(fields: SkinFields, n_modes: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (n, 3), modes (n_modes, n, 3) per sigma and the share of variance that they keep.

    Tones are spread evenly over the six classes of the individual typology angle, so that no
    skin colour is the odd one out.
    """
    rng = np.random.default_rng(SEED + 1)
    people = []
    for index in range(N_PEOPLE):
        low, high = ITA_CLASSES[index % len(ITA_CLASSES)]
        people.append(random_albedo(fields, rng.uniform(low, high), rng).astype(np.float32))
    flat = np.stack(people).reshape(N_PEOPLE, -1)
    mean = flat.mean(axis=0)
    flat -= mean
    values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64) / (N_PEOPLE - 1))
    strongest = np.argsort(-values)[:n_modes]
    modes = vectors[:, strongest].T.astype(np.float32) @ flat / np.sqrt(N_PEOPLE - 1)
    # Tones are no Gaussian: the middle of their range becomes the mean and two sigma its ends, so
    # that likely coefficients give human skin, dark as well as light.
    low, high = np.percentile(vectors[:, strongest[0]] * np.sqrt(N_PEOPLE - 1), TONE_PERCENTILES)
    mean += np.float32((low + high) / 2) * modes[0]
    modes[0] *= np.float32((high - low) / 2 / TONE_REACH)
    first = np.abs(modes).argmax(axis=1)
    modes *= np.sign(modes[np.arange(n_modes), first])[:, None]
    kept = float(values[strongest].sum() / values.sum())
    shape = (len(fields.lips), 3)
    return mean.reshape(shape), modes.reshape(n_modes, *shape), kept
