"""The skin colour mixture of Deep3DFaceRecon: two times four Gaussians over Y, Cb, Cr.

Its constants come from photos of mostly fair skin in white light: it is a start, not a judge.
"""

from __future__ import annotations

import numpy as np

RGB_TO_YCBCR = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
)
OFFSET = np.array([16.0, 128.0, 128.0])
PRIOR = 0.8  # of skin; the mixture is meant for crops of faces

# Per component: weight; mean Y, Cb, Cr; determinant of the covariance; its inverse: yy, yb, yr,
# bb, br, rr.
SKIN = (
    "0.24063933  113.71862 103.39613 164.08226  5692842.5"
    "  0.0019472069 0.0020450759 -0.00060243998 0.017700525 0.0051420014 0.0081308950",
    "0.16365987  150.19858 105.18467 155.51428  5851930.5"
    "  0.0027110141 0.0011036990 0.0023122299 0.010707724 0.010742856 0.017481629",
    "0.26034665  183.92976 107.62468 152.71820  2329131.0"
    "  0.0048026871 0.00022935172 0.0077668377 0.011729696 0.0081661865 0.025374353",
    "0.33535415  114.90524 113.59782 151.38217  1585971.0"
    "  0.0011989699 0.0022453172 -0.0010748957 0.047758564 0.020332102 0.024502251",
)
OTHER = (
    "0.12791070  99.200851 112.07533 140.20602  458703648"
    "  0.00085371657 0.00071197288 0.00023958916 0.0025935620 0.00076557708 0.0015042332",
    "0.31130761  110.91392 125.52969 130.19237  6466488"
    "  0.00024650150 0.00045542428 0.00015019422 0.026412144 0.018419769 0.037497383",
    "0.34245777  129.75864 129.96107 126.96808  90611376"
    "  0.00037054974 0.00038146760 0.00040408765 0.0085505722 0.0079136286 0.010982352",
    "0.21832393  112.29587 128.85121 129.05431  133097.63"
    "  0.00013709733 0.00051228428 0.00012777430 0.28237113 0.10528370 0.23468947",
)


def published_probability(image: np.ndarray) -> np.ndarray:
    """Probability of skin by colour alone.

    Args:
        image: (..., 3) sRGB 0..255.

    Returns:
        (...) float64, 0..1.

    Source: Deep3DFaceRecon (Deng et al. 2019), its skin mask; constants as released.
    """
    colour = image.astype(np.float64) @ (RGB_TO_YCBCR.T / 255) + OFFSET
    skin, other = PRIOR * _likelihood(colour, SKIN), (1 - PRIOR) * _likelihood(colour, OTHER)
    return skin / (skin + other)


def _likelihood(colour: np.ndarray, mixture: tuple[str, ...]) -> np.ndarray:
    total = np.zeros(colour.shape[:-1])
    for line in mixture:
        weight, y, b, r, determinant, yy, yb, yr, bb, br, rr = map(float, line.split())
        offset = colour - np.array([y, b, r])
        inverse = np.array([[yy, yb, yr], [yb, bb, br], [yr, br, rr]])
        distance = np.einsum("...i,ij,...j->...", offset, inverse, offset)
        total += weight * np.exp(-0.5 * distance) / ((2 * np.pi) ** 1.5 * determinant**0.5)
    return total
