"""What skin, lips, eyes and teeth mirror: reflectance at normal incidence and roughness.

Skin has a refractive index of about 1.4, so that it mirrors 2.8 % at normal incidence. Nose and
forehead are oilier than the rest and mirror more sharply; wet lips and eyes most of all.

Source: Weyrich et al. 2006, Analysis of human faces using a measurement-based skin reflectance
model (SIGGRAPH), who find the sharpest and strongest lobes on nose, forehead and lips, the broadest
on cheeks; their lobe is Beckmann's, ours GGX, so that only the order of the regions is theirs.
"""

from __future__ import annotations

import numpy as np

from lib.albedo.chart import HeadChart
from lib.facemodel import model_skin_fields
from lib.uvspace.regions import region

SKIN, OILY, LIPS = (0.028, 0.43), (0.034, 0.36), (0.033, 0.34)  # F0, roughness
EYE, TEETH, MOUTH = (0.025, 0.10), (0.053, 0.20), (0.028, 0.25)


def usual_gloss(chart: HeadChart) -> np.ndarray:
    """(rows, cols, 2) float32 reflectance at normal incidence and roughness, by region."""
    fields = model_skin_fields(chart.model)
    oily = np.clip(fields.nose + 0.6 * fields.forehead, 0, 1)[:, None]
    lips = np.clip(fields.lips, 0, 1)[:, None]
    skin = np.array(SKIN) * (1 - oily) + np.array(OILY) * oily
    result = chart.spread(skin * (1 - lips) + np.array(LIPS) * lips)
    triangle = np.maximum(chart.buffers.triangle_id, 0)
    for word, gloss in (("mouth", MOUTH), ("tongue", MOUTH), ("teeth", TEETH), ("eye", EYE)):
        result[region(chart.model, word)[triangle] & chart.mask] = gloss
    return result.astype(np.float32)
