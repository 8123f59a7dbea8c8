"""The truth of a head's surface in its texture chart."""

from __future__ import annotations

import cv2
import numpy as np

from lib.synthesis.rendering.scene import Stage
from lib.synthesis.staging import Posed
from lib.synthesis.studio import Studio


def surface_maps(studio: Studio, posed: Posed, stage: Stage, side: int) -> dict[str, np.ndarray]:
    """Maps of `lib.artefacts.Truth`, averaged from the maps that pictures were made with.

    Args:
        studio: the model.
        posed: the head.
        stage: its maps.
        side: rows and columns, texels.

    Returns:
        Field of `Truth` -> map; off the skin, position and displacement are 0.
    """
    chart = studio.chart(side)
    inside = chart.inside[..., None]
    height = _reduced(posed.height_mm, side)[..., None]
    normal = _reduced(posed.normal_map, side)
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    normal = normal / np.maximum(length, 1e-9)
    from_vertices = chart.on(np.concatenate([posed.vertices, _smooth(studio, posed)], axis=1))
    direction = from_vertices[..., 3:]
    direction = direction / np.maximum(np.linalg.norm(direction, axis=2, keepdims=True), 1e-9)
    gloss = _reduced(stage.skin.gloss, side)
    return {
        "uv_position_mm": (from_vertices[..., :3] + height * direction) * inside,
        "uv_normal": normal * inside,
        "uv_displacement_mm": (height * inside)[..., 0],
        "uv_resting_mm": _reduced(posed.resting_mm, side) * inside[..., 0],
        "uv_albedo": _reduced(stage.skin.albedo, side),
        "uv_specular": gloss[..., ::-1],
    }


def _smooth(studio: Studio, posed: Posed) -> np.ndarray:
    """(n_vertices, 3) normals of the posed head without relief."""
    return posed.normals[: studio.model.n_vertices]


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    """The image at another size; texels are averaged where it shrinks."""
    if len(image) == side:
        return image
    way = cv2.INTER_AREA if len(image) > side else cv2.INTER_LINEAR
    return cv2.resize(image, (side, side), interpolation=way)
