"""How much two pictures differ: PSNR, SSIM and mean error inside a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

from lib.errors import ShapeError
from lib.metrics.distances import NothingToScore

EQUAL_DB = 99.0  # the PSNR of equal pictures, finite so that means stay so


@dataclass(frozen=True)
class ImageScore:
    """Differences of one picture to the true one, on sRGB values 0..1.

    Args:
        psnr_db: peak signal 1; 99 for equal pictures.
        ssim: mean structural similarity, -1..1.
        mae: mean absolute difference over pixels and channels, 0..1.
        pixels: that counted.
    """

    psnr_db: float
    ssim: float
    mae: float
    pixels: int


def score_image(found: np.ndarray, true: np.ndarray, mask: np.ndarray | None = None) -> ImageScore:
    """PSNR, SSIM and mean error inside a mask.

    SSIM has a Gaussian window of 11 x 11 px with sigma 1.5 and constants 0.01 and 0.03, is
    computed over the whole picture and averaged over channels and the mask's pixels.

    Args:
        found: (h, w, 3) sRGB-encoded 0..1.
        true: (h, w, 3) likewise; both at least 11 px wide and high.
        mask: (h, w) bool: what counts; None = all.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: the mask is empty.

    Source: Wang et al. 2004, Image quality assessment (TIP 13(4)).
    """
    found, true, mask = checked_images(found, true, mask)
    _, similarity = structural_similarity(
        true,
        found,
        channel_axis=2,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return ImageScore(
        psnr_db=psnr(found[mask], true[mask]),
        ssim=float(similarity.mean(axis=2)[mask].mean()),
        mae=float(np.abs(found - true)[mask].mean()),
        pixels=int(mask.sum()),
    )


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of values (...) with peak 1."""
    squared = float(((found - true) ** 2).mean())
    return EQUAL_DB if squared == 0 else float(-10 * np.log10(squared))


def checked_images(
    found: np.ndarray, true: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both pictures as float64 and the mask as bool.

    Raises:
        ShapeError: arrays do not fit together.
        NothingToScore: the mask is empty.
    """
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if true.ndim != 3 or true.shape[2] != 3:
        raise ShapeError("true", true.shape, "(h, w, 3)")
    if found.shape != true.shape:
        raise ShapeError("found", found.shape, f"{true.shape} as true")
    mask = np.ones(true.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != true.shape[:2]:
        raise ShapeError("mask", mask.shape, f"{true.shape[:2]}")
    if not mask.any():
        raise NothingToScore("The mask is empty, expected at least one pixel that counts.")
    return found, true, mask
