"""What is exactly so in a synthetic capture: the images, and everything they were made from.

World frame: the head's model frame, in millimetres. Integer pixel coordinates are pixel centres.
Surface maps lie in the head's texture chart; row 0 is v = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, ragged, text

PART_LABELS = (  # values of `Truth.part`
    "background",
    "right_eye",
    "left_eye",
    "right_eyebrow",
    "left_eyebrow",
    "nose",
    "upper_lip",
    "lower_lip",
    "skin",  # of the face; these are the face model's eight parts in order, counted from 1
    "head",  # ears, scalp and neck
    "mouth",  # teeth, tongue and what lies behind the lips
    "hair",
    "glasses",
    "cloth",
    "hand",
    "hat",
)


@dataclass(frozen=True)
class Truth(Artefact):
    """A synthetic capture with its exact truth; `lib.synthesis` makes it again from `world`.

    `image` went through a sensor. `diffuse` + `specular` is the light that fell on it, with the
    background in `diffuse`, before exposure, noise and compression.
    """

    version: ClassVar[int] = 3

    world: str = text("JSON: options, seed and index that make this capture again")
    subject: str = text("whose face")
    face_model: str = text("name of the face model whose triangles these are")
    span: str = text("face model that can take this very shape; empty = none can")
    tone_deg: np.ndarray = array("", "f4", "degrees", "individual typology angle of the skin")

    image: tuple[np.ndarray, ...] = ragged("n_views h w 3", "u1", "sRGB 0..255", "the photo")
    diffuse: tuple[np.ndarray, ...] = ragged("n_views h w 3", "f2", "linear", "matte light")
    specular: tuple[np.ndarray, ...] = ragged("n_views h w 3", "f2", "linear", "mirrored light")
    highlight: tuple[np.ndarray, ...] = ragged("n_views h w", "u1", "bool", "a highlight is seen")
    depth_mm: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "f4", "mm", "camera depth of the head's surface; inf = something else"
    )
    normal: tuple[np.ndarray, ...] = ragged(
        "n_views h w 3", "f2", "1", "unit normal of the head's surface in the camera frame"
    )
    uv: tuple[np.ndarray, ...] = ragged(
        "n_views h w 2", "f4", "0..1", "chart coordinates of the head's surface; NaN elsewhere"
    )
    part: tuple[np.ndarray, ...] = ragged("n_views h w", "u1", "label", "index into PART_LABELS")
    focal_px: np.ndarray = array("n_views", "f8", "px", "focal length, square pixels")
    centre_px: np.ndarray = array("n_views 2", "f8", "px", "principal point (x, y)")
    world_to_camera: np.ndarray = array("n_views 3 4", "f8", "mm", "[R|t]")
    exposure: np.ndarray = array(
        "n_views 3", "f4", "1", "factor per channel from light to the photo's linear value"
    )

    identity: np.ndarray = array("n_identity", "f4", "sigma", "of the face model")
    expression: np.ndarray = array("n_expression", "f4", "weight", "of the face model")
    neutral_mm: np.ndarray = array("n_vertices 3", "f4", "mm", "without expression and relief")
    vertices_mm: np.ndarray = array("n_vertices 3", "f4", "mm", "with expression, without relief")
    visible: np.ndarray = array("n_views n_vertices", "u1", "bool", "nothing stands before it")
    detail_mm: np.ndarray = array("n_detail 3", "f4", "mm", "vertices of the mesh with relief")
    detail_triangles: np.ndarray = array("n_detail_triangles 3", "i4", "index", "of detail_mm")
    detail_face: np.ndarray = array("n_detail", "u1", "bool", "vertex belongs to the face region")

    landmarks68_mm: np.ndarray = array("68 3", "f4", "mm", "iBUG points")
    landmarks106_mm: np.ndarray = array("106 3", "f4", "mm", "see docs/face_models.md")
    landmarks134_mm: np.ndarray = array("134 3", "f4", "mm", "see docs/face_models.md")
    landmarks68_px: np.ndarray = array("n_views 68 2", "f4", "px", "where they project")
    landmarks106_px: np.ndarray = array("n_views 106 2", "f4", "px", "likewise")
    landmarks134_px: np.ndarray = array("n_views 134 2", "f4", "px", "likewise")
    landmarks68_seen: np.ndarray = array("n_views 68", "u1", "bool", "nothing stands before it")
    landmarks106_seen: np.ndarray = array("n_views 106", "u1", "bool", "likewise")
    landmarks134_seen: np.ndarray = array("n_views 134", "u1", "bool", "likewise")

    uv_position_mm: np.ndarray = array("side side 3", "f4", "mm", "skin with expression and relief")
    uv_normal: np.ndarray = array("side side 3", "f2", "1", "unit, world frame, with relief")
    uv_displacement_mm: np.ndarray = array("side side", "f4", "mm", "relief along the normal")
    uv_resting_mm: np.ndarray = array("side side", "f4", "mm", "relief when the face rests")
    uv_albedo: np.ndarray = array("side side 3", "f2", "linear", "diffuse reflectance")
    uv_specular: np.ndarray = array(
        "side side 2", "f2", "1", "reflectance at normal incidence, and GGX roughness"
    )

    sh_light: np.ndarray = array("9 3", "f4", "linear", "all light without shadows, bands 0..2")
    light_direction: np.ndarray = array("n_lights 3", "f4", "1", "unit, towards each light")
    light_distance_mm: np.ndarray = array("n_lights", "f4", "mm", "inf = distant light")
    light_radius_mm: np.ndarray = array(
        "n_lights", "f4", "mm", "of a round lamp; of a distant light, its angle in radians"
    )
    light_colour: np.ndarray = array("n_lights 3", "f4", "linear", "irradiance over pi, facing it")
