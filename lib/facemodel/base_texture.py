"""A complete texture of a head without any photo: pigment skin, painted eyes, mouth and teeth."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage

from lib.facemodel.model import FaceModel
from lib.facemodel.raster import cover
from lib.facemodel.skin_fields import SkinFields, random_albedo, skin_fields

Iris = Literal["brown", "hazel", "green", "blue", "grey"]
IRIS_COLOURS: dict[str, tuple[float, float, float]] = {  # linear sRGB
    "brown": (0.075, 0.032, 0.014),
    "hazel": (0.15, 0.085, 0.03),
    "green": (0.13, 0.15, 0.07),
    "blue": (0.11, 0.19, 0.30),
    "grey": (0.19, 0.22, 0.24),
}
IRIS_RADIUS, PUPIL_RADIUS = 5.9, 1.9  # mm
SCLERA = np.array([0.62, 0.57, 0.54])
VEIN = np.array([0.55, 0.30, 0.26])
PUPIL = np.array([0.004, 0.004, 0.004])
ENAMEL, GUM = np.array([0.70, 0.64, 0.52]), np.array([0.36, 0.13, 0.12])
LEAST_BALL = 0.6  # of its breadth: depth of what is a ball
GUM_SHARE = 0.35  # of a row of teeth, from the root


def base_texture(
    model: FaceModel,
    size: int,
    albedo_coefficients: np.ndarray | None = None,
    iris: Iris = "brown",
    vertex_albedo: np.ndarray | None = None,
) -> np.ndarray:
    """Texture of every region, charts grown over their margins so that no texel is empty.

    Args:
        model: the head; its uv atlas covers all regions.
        size: rows and columns, texels.
        albedo_coefficients: (n_albedo,) sigma; None = the mean.
        iris: eye colour.
        vertex_albedo: (n_vertices, 3) linear sRGB to use instead of the coefficients.

    Returns:
        (size, size, 3) float32 linear sRGB; row 0 is v = 1.
    """
    skin = model.albedo(albedo_coefficients) if vertex_albedo is None else vertex_albedo
    coverage = cover(model.uv * size, model.uv_triangles, (size, size))
    filled = coverage.triangle >= 0
    rows = coverage.triangle[filled]
    weights = coverage.barycentric[filled][:, :, None]
    corners = model.triangles[rows]
    colour = (skin[corners] * weights).sum(axis=1)
    place = (model.mean[corners] * weights).sum(axis=1)
    region = model.triangle_region[rows]
    for index, name in enumerate(model.region_names):
        texels = region == index
        if not texels.any():
            continue
        owned = model.mean[np.unique(model.triangles[model.triangle_region == index])]
        if name.startswith("eye_"):
            colour[texels] = _eyeball(place[texels], owned, np.array(IRIS_COLOURS[iris]))
        elif name.startswith("teeth_"):
            colour[texels] = _teeth(place[texels], owned, upper=name.endswith("upper"))
        elif name == "mouth":
            colour[texels] *= _deepening(place[texels, 2], owned[:, 2])
    image = np.zeros((size, size, 3), np.float32)
    image[filled] = colour
    nearest = ndimage.distance_transform_edt(~filled, return_distances=False, return_indices=True)
    return np.clip(image[tuple(nearest)], 0, 1)


def _eyeball(place: np.ndarray, ball: np.ndarray, iris: np.ndarray) -> np.ndarray:
    """Pupil, iris with streaks and a dark rim, and a sclera that reddens towards its sides.

    The back of a ball has the colour of veins; what is no ball but a patch between lids has none.
    """
    centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
    x, y = place[:, 0] - centre[0], place[:, 1] - centre[1]
    whole = np.ptp(ball[:, 2]) > LEAST_BALL * np.ptp(ball[:, 0])
    front = (place[:, 2] > centre[2]) | (not whole)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    streaks = np.sin(23 * angle) + 0.7 * np.sin(41 * angle + 1.3) + 0.5 * np.sin(67 * angle + 0.4)
    relative = np.clip((radius - PUPIL_RADIUS) / (IRIS_RADIUS - PUPIL_RADIUS), 0, 1)
    shade = (1 + 0.16 * streaks * np.sin(np.pi * relative)) * (1.25 - 0.9 * relative**3)
    half_width = np.ptp(ball[:, 0]) / 2
    redness = np.clip((np.abs(x) - 0.55 * half_width) / (0.45 * half_width), 0, 1)[:, None]
    colour = SCLERA * (1 - 0.45 * redness) + VEIN * 0.45 * redness
    blend = _soft_step(IRIS_RADIUS - radius, 0.35)[:, None]
    colour = colour * (1 - blend) + np.clip(iris * shade[:, None], 0, 1) * blend
    blend = _soft_step(PUPIL_RADIUS - radius, 0.2)[:, None]
    colour = colour * (1 - blend) + PUPIL * blend
    return np.where(front[:, None], colour, VEIN)


def _teeth(place: np.ndarray, row: np.ndarray, upper: bool) -> np.ndarray:
    low, high = row[:, 1].min(), row[:, 1].max()
    from_root = (high - place[:, 1] if upper else place[:, 1] - low) / (high - low)
    gum = _soft_step(GUM_SHARE - from_root, 0.05)[:, None]
    return ENAMEL * (1 - gum) + GUM * gum


def _deepening(depth: np.ndarray, owned: np.ndarray) -> np.ndarray:
    """(n, 1) darkening towards the throat, where no light reaches."""
    share = (depth - owned.min()) / (owned.max() - owned.min())
    return (0.15 + 0.85 * np.clip(share, 0, 1) ** 2)[:, None]


def _soft_step(value: np.ndarray, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(value / width, -40, 40)))


def model_skin_fields(model: FaceModel) -> SkinFields:
    """Pigment fields on a model, from its landmarks and parts alone."""
    lips = np.zeros(model.n_vertices)
    lips[model.parts["upper_lip"]] = 1
    lips[model.parts["lower_lip"]] = 1
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    lips = _smooth(lips, model.triangles, 2)
    return skin_fields(model.mean.astype(np.float64), marks, lips, np.zeros(model.n_vertices))


def random_skin(
    model: FaceModel, tone_deg: float, rng: np.random.Generator, fields: SkinFields | None = None
) -> np.ndarray:
    """(n_vertices, 3) linear sRGB of a random person through the pigment decoder itself.

    Unlike random coefficients of the linear basis, it keeps dark hair on dark skin.

    Args:
        model: the head.
        tone_deg: individual typology angle, -55 (dark) .. 70 (very light).
        rng: source of chance.
        fields: `model_skin_fields(model)`, to save its time when drawing many.
    """
    colour = random_albedo(fields or model_skin_fields(model), tone_deg, rng)
    inside = model.triangles[model.triangle_region != model.region_names.index("skin")]
    on_skin = model.triangles[model.triangle_region == model.region_names.index("skin")]
    inner = np.setdiff1d(inside, on_skin)
    colour[inner] = model.albedo()[inner]
    return colour.astype(np.float32)


def _smooth(field: np.ndarray, triangles: np.ndarray, rounds: int) -> np.ndarray:
    """Averages over triangle neighbours."""
    count = np.bincount(triangles.ravel(), minlength=len(field))
    for _ in range(rounds):
        mean = np.repeat(field[triangles].mean(axis=1), 3)
        total = np.bincount(triangles.ravel(), mean, len(field))
        field = np.where(count > 0, total / np.maximum(count, 1), field)
    return field
