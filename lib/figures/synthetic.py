"""A look at a shard of a synthetic world: photos, and the truth behind some of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.artefacts import PART_LABELS, BatchReader, Truth
from lib.figures.sheets import Picture, contact_sheet
from lib.imaging.colour import linear_to_srgb8

MOST = 48  # captures on a sheet
LABEL_COLOURS = np.array([
    (40, 40, 44), (230, 90, 90), (240, 150, 80), (150, 110, 60), (190, 150, 70),
    (240, 215, 120), (220, 60, 130), (170, 40, 110), (235, 195, 170), (190, 150, 130),
    (130, 30, 30), (90, 60, 50), (70, 160, 200), (90, 110, 160), (120, 190, 120), (160, 110, 190),
], np.uint8)  # fmt: skip


def synthetic_sheet(shard: str | Path, columns: int = 8) -> np.ndarray:
    """(h, w, 3) uint8 sRGB: the first captures of a shard, and the layers of the first one."""
    with BatchReader(shard, Truth) as reader:
        names = reader.captures[:MOST]
        photos: list[Picture] = []
        for name in names:
            truth = reader[name]
            middle = len(truth.image) // 2
            photos.append((name, truth.image[middle], f"{truth.tone_deg:.0f} degrees"))
        first = reader[names[0]]
    return contact_sheet([*photos, *truth_layers(first)], columns, Path(shard).stem)


def truth_layers(truth: Truth, view: int = 0) -> list[Picture]:
    """The layers of one view as pictures."""
    gain = truth.exposure[view]
    depth = truth.depth_mm[view]
    seen = np.isfinite(depth)
    near = np.zeros(depth.shape, np.float32)
    if seen.any():
        low, high = np.percentile(depth[seen], [1, 99])
        near[seen] = 1 - np.clip((depth[seen] - low) / max(high - low, 1e-6), 0, 1) * 0.85
    uv = np.nan_to_num(truth.uv[view])
    return [
        ("matte", _encoded(truth.diffuse[view] * gain), "no highlights"),
        ("mirrored", _encoded(truth.specular[view] * gain), "highlights alone"),
        ("depth", np.repeat(np.uint8(near * 255)[..., None], 3, axis=2), "near = bright"),
        ("normals", np.uint8((truth.normal[view].astype(np.float32) * 0.5 + 0.5) * 255), "camera"),
        ("chart", np.uint8(np.dstack([uv * 255, np.zeros_like(uv[..., :1])])), "u, v"),
        ("parts", LABEL_COLOURS[truth.part[view]], f"{len(PART_LABELS)} labels"),
    ]


def _encoded(linear: np.ndarray) -> np.ndarray:
    return linear_to_srgb8(linear.astype(np.float32))
