"""Labels of other schemes as our eight parts, which side of the face they are on, and noise."""

from __future__ import annotations

import cv2
import numpy as np

from lib.facemodel import PARTS

# The same 19 names in two orders: of the data set's own label maps, and of the common BiSeNet.
SCHEMES = {
    "celebamask_hq": (
        "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear",
        "r_ear", "mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
    ),
    "bisenet": (
        "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear",
        "ear_r", "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
    ),
}  # fmt: skip
# Sides are decided by place; ears, neck, glasses and the mouth's inside are no part of the face.
OF_NAMES = {
    "skin": "skin",
    "l_brow": "left_eyebrow",
    "r_brow": "right_eyebrow",
    "l_eye": "left_eye",
    "r_eye": "right_eye",
    "nose": "nose",
    "u_lip": "upper_lip",
    "l_lip": "lower_lip",
}
PAIRS = (("right_eye", "left_eye"), ("right_eyebrow", "left_eyebrow"))
EYES = (slice(36, 42), slice(42, 48))  # of the 68 points: right, left
LEAST_SHARE = 0.1  # of a part's largest piece, below which another piece is noise


def label_of(part: str) -> int:
    """The label of a part: 1 + index into PARTS."""
    return 1 + PARTS.index(part)


def of_scheme(label: np.ndarray, scheme: str) -> np.ndarray:
    """(h, w) uint8 parts of labels 0 to 18; what is no part of the face becomes 0.

    Args:
        label: (h, w) integers.
        scheme: a key of `SCHEMES`.
    """
    table = np.zeros(256, np.uint8)
    for name, part in OF_NAMES.items():
        table[SCHEMES[scheme].index(name)] = label_of(part)
    return table[label]


def sided(label: np.ndarray, ibug68_px: np.ndarray) -> np.ndarray:
    """The labels with each eye and brow on the side of the nearer eye's landmarks.

    Schemes mean by "left" the subject's side or the picture's, and networks mix them up in
    mirrored photos.

    Args:
        label: (h, w) uint8 parts.
        ibug68_px: (68, 2) px; nothing changes where an eye's are not known.
    """
    middles = np.array([ibug68_px[rows].mean(axis=0) for rows in EYES])
    if not np.isfinite(middles).all():
        return label
    result = label.copy()
    for pair in PAIRS:
        rows, columns = np.nonzero(np.isin(label, [label_of(part) for part in pair]))
        places = np.stack([columns, rows], axis=1)
        nearer = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
        result[rows, columns] = np.array([label_of(part) for part in pair])[nearer]
    return result


def without_noise(label: np.ndarray) -> np.ndarray:
    """The labels without pieces of a part that are far smaller than its largest."""
    result = label.copy()
    for index in range(1, 1 + len(PARTS)):
        count, piece, stats, _ = cv2.connectedComponentsWithStats(
            (label == index).astype(np.uint8), connectivity=8
        )
        if count <= 2:
            continue
        area = stats[:, cv2.CC_STAT_AREA].copy()
        area[0] = 0
        small = area < LEAST_SHARE * area.max()
        small[0] = False
        result[small[piece]] = 0
    return result
