"""What one photo shows of a fitted head, on the head's chart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from lib.artefacts import Capture, FaceFit, SkinMask
from lib.facemodel import FaceModel, model_skin_fields
from lib.geometry import project, to_camera
from lib.render import (
    Buffers,
    Camera,
    facing,
    fill_margins,
    interpolate,
    sample_image,
    uv_buffers,
    visible,
)
from lib.uvspace.bare import bare_skin
from lib.uvspace.grid import chart_grid, outer_skin
from lib.uvspace.photos import FaceCrop, crop_face, open_photo
from lib.uvspace.shown import (
    depth_buffer,
    distance_to_edges,
    posed_vertices,
    ramp,
    sample_skin,
)

GRAZING_DEG = (75.0, 55.0)  # seen at a steeper angle, a texel counts nothing; up to the second, all
OUTLINE_MM = (2.0, 6.0)  # from the outline of the head
EDGE_MM = (1.0, 3.0)  # from edges inside it, such as the nose before the cheek
SMOOTH_STEPS_MM = 2.0  # of the metric, so that seams and facets do not count
LEAST_MM = 1e-3
SEAM = 6.0  # a step so many times longer than most is no step on the surface


@dataclass(frozen=True)
class ChartFields:
    """What a head model's chart fixes for every photo; (rows, cols) float32 0..1 each.

    Args:
        bare, beard, lips: as in `UnwrappedFace`.
    """

    bare: np.ndarray
    beard: np.ndarray
    lips: np.ndarray


def chart_fields(model: FaceModel, uv_size: int) -> ChartFields:
    """The fields of a head model at `uv_size` texels a side."""
    fields = model_skin_fields(model)
    values = np.column_stack([bare_skin(model), fields.beard, fields.lips])
    bare, beard, lips = np.moveaxis(_on_chart(model, values, uv_size), 2, 0)
    return ChartFields(bare, np.clip(beard, 0, 1), np.clip(lips, 0, 1))


@dataclass(frozen=True)
class UnwrappedFace:
    """One photo on the chart of a posed head; row 0 is v = 1, the world is the model's frame.

    Args:
        position: (rows, cols, 3) float32 mm: base surface with the photo's expression; 0 off the
            chart.
        normal: (rows, cols, 3) float32: its unit normals, outwards.
        mask: (rows, cols) bool: texels of the outer skin (and a membrane over each eye).
        across: (rows, cols, 3) float32 mm: from a texel to the next column, smoothed.
        down: (rows, cols, 3) float32 mm: from a texel to the next row, smoothed.
        rgb: (rows, cols, 3) float32 linear RGB of the original photo; 0 where `weight` is 0.
        weight: (rows, cols) float32 0..1: how far the photo shows this texel.
        skin: (rows, cols) float32 0..1: probability of bare skin on the photo; 1 without a mask.
        bare: (rows, cols) float32 0..1: skin that may have relief; 0 at eyes, brows, nostrils, the
            border of the lips, ears, hair and neck.
        beard: (rows, cols) float32 0..1: where beards grow.
        lips: (rows, cols) float32 0..1.
        to_camera: (rows, cols, 3) float32: unit vectors to the camera.
        pixel_mm: (rows, cols) float32: extent on the skin of a pixel of the original photo along
            the direction in which it is larger.
        place_px: (rows, cols, 2) float32: where on the working image; NaN off the chart.
        albedo: (rows, cols, 3) float32 linear: colour of the fitted model's skin.
        light: (9, 3) float32: SH light of the fit, model frame.
    """

    position: np.ndarray
    normal: np.ndarray
    mask: np.ndarray
    across: np.ndarray
    down: np.ndarray
    rgb: np.ndarray
    weight: np.ndarray
    skin: np.ndarray
    bare: np.ndarray
    beard: np.ndarray
    lips: np.ndarray
    to_camera: np.ndarray
    pixel_mm: np.ndarray
    place_px: np.ndarray
    albedo: np.ndarray
    light: np.ndarray

    @property
    def trust(self) -> np.ndarray:
        """(rows, cols) float32 0..1: bare skin that the photo shows."""
        return self.weight * self.bare * self.skin

    @property
    def texel_mm(self) -> np.ndarray:
        """(rows, cols) float32: extent of a texel, of both directions together."""
        area = np.linalg.norm(np.cross(self.across, self.down), axis=2)
        return np.sqrt(np.maximum(area, LEAST_MM**2))

    def cut(self, rows: slice, columns: slice) -> UnwrappedFace:
        """A rectangle of the chart."""
        parts = {name: getattr(self, name)[rows, columns] for name in _PLANES}
        return UnwrappedFace(**parts, light=self.light)


_PLANES = tuple(name for name in UnwrappedFace.__dataclass_fields__ if name != "light")


def unwrap_face(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    skin: SkinMask | None,
    view: int,
    uv_size: int,
    fields: ChartFields | None = None,
) -> UnwrappedFace:
    """What the original photo of a view shows on the chart of the fitted head.

    Args:
        model: the head model of the fit.
        capture: tells the original file and the working image.
        fit: pose, expression, camera and light.
        skin: probability of bare skin on the working image; None = everywhere 1.
        view: row of capture and fit.
        uv_size: texels along each side.
        fields: of the model at that size, to save their time when there are many photos.

    Raises:
        CaptureFailure: `original_missing`.
    """
    fields = fields or chart_fields(model, uv_size)
    vertices = posed_vertices(model, fit, view)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    grid = chart_grid(model, vertices, uv_size)
    points = grid.position[grid.mask].astype(np.float64)
    normals = grid.normal[grid.mask].astype(np.float64)
    place = project(points, *camera)
    buffers = depth_buffer(vertices, model.triangles, camera)
    cosine = facing(points, normals, camera)
    height, width = capture.image[view].shape[:2]
    inside = ((place > -0.5) & (place < np.array([width, height]) - 0.5)).all(axis=1)
    inside &= cosine > np.cos(np.radians(GRAZING_DEG[0]))
    of = np.flatnonzero(inside & visible(points, normals, buffers, camera))
    rgb, weight, bare = _look_up(
        model, capture, skin, view, camera, buffers, grid.mask, place, cosine, of
    )
    away = -camera.world_to_camera[:, :3].T @ camera.world_to_camera[:, 3] - points
    original_px = float(capture.working_to_original[view].mean())

    def plane(values: np.ndarray) -> np.ndarray:
        result = np.zeros((*grid.mask.shape, *values.shape[1:]), np.float32)
        result[grid.mask] = values
        return result

    return UnwrappedFace(
        position=grid.position,
        normal=grid.normal,
        mask=grid.mask,
        across=_step(grid.position, grid.mask, 1),
        down=_step(grid.position, grid.mask, 0),
        rgb=plane(rgb),
        weight=plane(weight),
        skin=plane(bare),
        bare=fields.bare,
        beard=fields.beard,
        lips=fields.lips,
        to_camera=plane(away / np.linalg.norm(away, axis=1, keepdims=True)),
        pixel_mm=plane(_pixel_mm(points, camera, cosine) / original_px),
        place_px=np.where(grid.mask[..., None], plane(place), np.float32(np.nan)),
        albedo=_on_chart(model, model.albedo(fit.albedo), uv_size),
        light=fit.light[view].astype(np.float32),
    )


def _pixel_mm(points: np.ndarray, camera: Camera, cosine: np.ndarray) -> np.ndarray:
    """(n,) extent on the skin of a working pixel at points (n, 3) seen at a cosine (n,)."""
    depth = to_camera(points, camera.world_to_camera)[:, 2]
    return depth / camera.focal_px / np.clip(cosine, 0.2, 1)


def _look_up(
    model: FaceModel,
    capture: Capture,
    skin: SkinMask | None,
    view: int,
    camera: Camera,
    buffers: Buffers,
    mask: np.ndarray,
    place: np.ndarray,
    cosine: np.ndarray,
    of: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours (n, 3), weights (n,) and skin (n,) of texels at (n, 2) px, those `of` being seen."""
    rgb, weight = np.zeros((len(place), 3), np.float32), np.zeros(len(place), np.float32)
    bare = np.ones(len(place), np.float32)
    if not len(of):
        return rgb, weight, bare
    scale = capture.working_to_original[view]
    texel_px = _texel_px(place, mask, of) * float(scale.mean())
    crop = crop_face(open_photo(capture, view), scale, place[of], 1 / texel_px)
    edges = sample_image(distance_to_edges(buffers, camera, model), buffers.to_buffer(place[of]))
    clear = ramp(edges[:, 0], *OUTLINE_MM) * ramp(edges[:, 1], *EDGE_MM)
    weight[of] = clear * ramp(cosine[of], *np.cos(np.radians(GRAZING_DEG)))
    rgb[of] = _sample(crop, place[of], texel_px / crop.factor) * (weight[of] > 0)[:, None]
    if skin is not None:
        bare[of] = sample_skin(skin.probability[view], capture.image[view], place[of])
    return rgb, weight, bare


def _texel_px(place: np.ndarray, mask: np.ndarray, of: np.ndarray) -> float:
    """Median extent in px of the working image of the texels that are seen."""
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(len(place))
    seen = np.zeros(len(place), bool)
    seen[of] = True
    here, there = number[:, :-1].ravel(), number[:, 1:].ravel()
    both = (here >= 0) & (there >= 0)
    both &= seen[here] & seen[there]
    if not both.any():
        return 1.0
    step = np.linalg.norm(place[there[both]] - place[here[both]], axis=1)
    return max(float(np.median(step)), 1e-3)


def _sample(crop: FaceCrop, place: np.ndarray, texel_px: float) -> np.ndarray:
    """(k, 3) linear RGB at (k, 2) px of the working image, by cubic splines.

    Straight lines between pixels would put the pixel grid into every slope. Where texels are larger
    than pixels the photo is smoothed to the texels' size first.
    """
    linear = crop.linear
    if texel_px > 1:
        linear = cv2.GaussianBlur(linear, (0, 0), max(0.5 * np.sqrt(texel_px**2 - 1), 0.1))
    at = crop.crop_px(place)[:, ::-1].T
    planes = [
        map_coordinates(linear[..., channel], at, np.float32, order=3, mode="nearest")
        for channel in range(3)
    ]
    return np.maximum(np.stack(planes, axis=1), 0)


def _step(position: np.ndarray, mask: np.ndarray, axis: int) -> np.ndarray:
    """(rows, cols, 3) smoothed step to the next texel along an axis, continued off the mask."""
    both = mask & np.roll(mask, -1, axis)
    both[(slice(None), -1) if axis else -1] = False
    step = np.where(both[..., None], np.roll(position, -1, axis) - position, 0)
    length = np.linalg.norm(step, axis=2)
    both &= length < SEAM * np.median(length[both])
    step = np.where(both[..., None], step, 0).astype(np.float32)
    sigma = SMOOTH_STEPS_MM / max(float(np.median(length[both])), LEAST_MM)
    weight = cv2.GaussianBlur(both.astype(np.float32), (0, 0), sigma)
    smooth = cv2.GaussianBlur(step, (0, 0), sigma) / np.maximum(weight, 1e-6)[..., None]
    return fill_margins(smooth, both & (weight > 1e-3))


def _on_chart(model: FaceModel, values: np.ndarray, uv_size: int) -> np.ndarray:
    """(uv_size, uv_size, C) float32 values (V, C) of the vertices over the outer skin, else 0."""
    skin = outer_skin(model)
    buffers = uv_buffers(model.uv, model.uv_triangles[skin], (uv_size, uv_size))
    return interpolate(buffers, values, model.triangles[skin]).astype(np.float32)
