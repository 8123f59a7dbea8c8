"""Errors of skin albedo: typology angle by skin class, PSNR, mean error, with and without gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.facemodel.pigment import typology_angle
from lib.imaging import linear_to_srgb
from lib.metrics.distances import NothingToScore
from lib.metrics.images import checked_images, psnr

# Name and lowest individual typology angle in degrees (not included), lightest first.
SKIN_CLASSES = (
    ("very light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", -90.0),
)


@dataclass(frozen=True)
class AlbedoScore:
    """Errors of one face's albedo.

    Args:
        skin_class: of the truth, a name of `SKIN_CLASSES`.
        true_ita_deg: mean individual typology angle of the true skin pixels.
        ita_deg: of the found ones.
        psnr_db: on sRGB values 0..1.
        mae: mean absolute difference on sRGB values 0..1.
        gain: the one number by which the found linear albedo must be multiplied to be nearest to
            the truth; > 1 = found too dark.
        scaled_psnr_db: as `psnr_db` after that.
        scaled_mae: as `mae` after that.
    """

    skin_class: str
    true_ita_deg: float
    ita_deg: float
    psnr_db: float
    mae: float
    gain: float
    scaled_psnr_db: float
    scaled_mae: float

    @property
    def ita_bias_deg(self) -> float:
        """Found minus true angle in degrees; positive = found too light."""
        return self.ita_deg - self.true_ita_deg

    @property
    def ita_error_deg(self) -> float:
        """Size of the bias in degrees."""
        return abs(self.ita_bias_deg)


@dataclass(frozen=True)
class FairnessScore:
    """Errors of many faces by skin class.

    Args:
        classes: names of the classes that occur, lightest first.
        ita_error_deg: (n_classes,) mean error in each.
        ita_bias_deg: (n_classes,) mean signed error in each.
        count: (n_classes,) faces.
        mean_ita_error_deg: mean over classes, so that each weighs the same.
        spread_deg: standard deviation over classes of their mean error, called bias by FAIR.
        total_deg: sum of these two.
        mae: mean over faces of the mean absolute difference, sRGB 0..1. Published in 0..255.
    """

    classes: tuple[str, ...]
    ita_error_deg: np.ndarray
    ita_bias_deg: np.ndarray
    count: np.ndarray
    mean_ita_error_deg: float
    spread_deg: float
    total_deg: float
    mae: float


def skin_class(ita_deg: float) -> str:
    """The skin class of an individual typology angle in degrees.

    Source: Chardon, Cretois & Hourseau 1991, Int J Cosmet Sci 13; Del Bino & Bernerd 2013, Br J
    Dermatol 169.
    """
    for name, lowest in SKIN_CLASSES[:-1]:
        if ita_deg > lowest:
            return name
    return SKIN_CLASSES[-1][0]


def sure_class(ita_deg: float, sigma_deg: float) -> str | None:
    """The skin class that an angle has wherever it lies within its sigma; None = no single one."""
    if not np.isfinite([ita_deg, sigma_deg]).all():
        return None
    names = {skin_class(ita_deg + step * sigma_deg) for step in (-1, 0, 1)}
    return names.pop() if len(names) == 1 else None


def score_albedo(
    found: np.ndarray, true: np.ndarray, mask: np.ndarray | None = None
) -> AlbedoScore:
    """Errors of an albedo map, in texels of a chart or pixels of a photo.

    Args:
        found: (h, w, 3) linear sRGB under D65, 0..1.
        true: (h, w, 3) likewise.
        mask: (h, w) bool: bare skin; None = all.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: the mask is empty, or the found albedo is black.
    """
    found, true, mask = checked_images(found, true, mask)
    found, true = found[mask], true[mask]
    power = float((found**2).sum())
    if power == 0:
        raise NothingToScore(
            "The found albedo is black everywhere in the mask, expected some light: is it the "
            "right picture?"
        )
    gain = float((found * true).sum()) / power
    angle, true_angle = (float(typology_angle(skin).mean()) for skin in (found, true))
    shown, scaled, wanted = (
        linear_to_srgb(np.clip(skin, 0, 1)) for skin in (found, gain * found, true)
    )
    return AlbedoScore(
        skin_class=skin_class(true_angle),
        true_ita_deg=true_angle,
        ita_deg=angle,
        psnr_db=psnr(shown, wanted),
        mae=float(np.abs(shown - wanted).mean()),
        gain=gain,
        scaled_psnr_db=psnr(scaled, wanted),
        scaled_mae=float(np.abs(scaled - wanted).mean()),
    )


def score_fairness(scores: Sequence[AlbedoScore]) -> FairnessScore:
    """How evenly albedo errors fall on skin classes, in the way of the FAIR benchmark.

    What is confirmed of FAIR, from its authors' public notes: a total made of an average ITA error
    and a bias error. Not confirmed, for its protocol could not be read: that the total is their
    sum without the mean absolute difference, that bias is the standard deviation over the six
    classes' means, and that a face's angle is the mean over its skin pixels. The evaluation on
    held-out truth is the benchmark's own; numbers from here compare with each other.

    Args:
        scores: of faces, at least one.

    Raises:
        NothingToScore: there are none.

    Source: Feng et al. 2022, Towards racially unbiased skin tone estimation via scene
    disambiguation (ECCV).
    """
    if not scores:
        raise NothingToScore("There is no albedo score to sum up, expected at least one face's.")
    names = [name for name, _ in SKIN_CLASSES if any(one.skin_class == name for one in scores)]
    groups = [[one for one in scores if one.skin_class == name] for name in names]
    error = np.array([np.mean([one.ita_error_deg for one in group]) for group in groups])
    bias = np.array([np.mean([one.ita_bias_deg for one in group]) for group in groups])
    return FairnessScore(
        classes=tuple(names),
        ita_error_deg=error,
        ita_bias_deg=bias,
        count=np.array([len(group) for group in groups]),
        mean_ita_error_deg=float(error.mean()),
        spread_deg=float(error.std()),
        total_deg=float(error.mean() + error.std()),
        mae=float(np.mean([one.mae for one in scores])),
    )
