"""Pictures of a head under other lights than its photo's, and under that one again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import Albedo, Capture, FaceFit
from lib.export.appearance import Appearance
from lib.export.measured import resized_map
from lib.export.pictures import face_triangles, faded, lay_over
from lib.facemodel.model import FaceModel
from lib.geometry import vertex_normals
from lib.imaging import save_png
from lib.imaging.colour import linear_to_srgb8
from lib.render import (
    SH_COSINE,
    Camera,
    interpolate,
    render_buffers,
    sample_texture,
    sh_basis,
    turntable_cameras,
)
from lib.render.light_sets import LIGHT_SETS
from lib.render.relight import LitHead, Reflectance, developed, lit_head, relight, soft_shares
from lib.render.window import Window
from lib.uvspace.grey import face_window, resting_tilt, squared, view_camera
from lib.uvspace.shown import posed_vertices

RELIT_FILES = (*(f"{light.name}.png" for light in LIGHT_SETS), "turntable.png", "own_light.png")
TILT_PX = 1024  # side of the relief's normals in pictures
LOOK_DEG = 18.0  # how far the head is turned under the five lights
TURNS_DEG = (-80, -40, 0, 40, 80)
TURNTABLE_LIGHT = "studio"


def write_relit(
    folder: Path,
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    appearance: Appearance,
    height_mm: np.ndarray | None,
    posed_tilt: np.ndarray | None,
    side_px: int,
) -> None:
    """The files of `RELIT_FILES`.

    Args:
        folder: made if it is not there.
        model: the fitted head model.
        capture: the photos.
        fit: shape, cameras and expression.
        appearance: what the skin is made of.
        height_mm: (rows, rows) relief of the neutral head; None = none.
        posed_tilt: what relief adds to normals with the photo's expression, see `relief_tilt`.
        side_px: of each picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vertices, size = fit.vertices.astype(np.float32), (side_px, side_px)
    tilt = None
    if height_mm is not None:
        tilt = resting_tilt(model, vertices, resized_map(height_mm, min(TILT_PX, len(height_mm))))
    head = reflecting_head(model, vertices, appearance.albedo, tilt)
    look, *_ = turntable_cameras(vertices, size, (LOOK_DEG, -LOOK_DEG))
    for light in LIGHT_SETS:
        picture = developed(relight(head, look, size, light))
        save_png(folder / f"{light.name}.png", picture, "fast")
    light = next(one for one in LIGHT_SETS if one.name == TURNTABLE_LIGHT)
    around = turntable_cameras(vertices, size, TURNS_DEG)
    shares = soft_shares(head, light)
    strip = [developed(relight(head, camera, size, light, shares=shares)) for camera in around]
    save_png(folder / "turntable.png", np.concatenate(strip, axis=1), "fast")
    own = own_light(model, capture, fit, appearance, posed_tilt, side_px)
    save_png(folder / "own_light.png", own, "fast")


def reflecting_head(
    model: FaceModel, vertices: np.ndarray, albedo: Albedo, tilt: np.ndarray | None = None
) -> LitHead:
    """A head of the model with the albedo and gloss of a capture; `tilt` as in `LitHead`."""
    planes = (albedo.rgb, albedo.specular, albedo.roughness)
    reflectance = Reflectance(*(plane.astype(np.float32) for plane in planes))
    chart = model.uv, model.uv_triangles
    return lit_head(vertices, model.triangles, *chart, reflectance, model.region("skin"), tilt)


def own_light(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    appearance: Appearance,
    tilt: np.ndarray | None,
    side_px: int,
) -> np.ndarray:
    """(side, 4 side, 3) uint8: photo; without highlights; albedo in the light found; albedo.

    The last two stand in the photo where the face is.
    """
    view = fit.frontal_view
    posed, camera = posed_vertices(model, fit, view), view_camera(fit, view)
    image = capture.image[view]
    window = face_window(model, posed, camera, image.shape[:2], side_px)
    matte = image if appearance.highlights is None else appearance.highlights.diffuse[view]
    lit, plain = shown_in_own_light(model, posed, appearance.albedo, view, window, camera, tilt)
    photo = window.cut(matte)
    panels = [
        window.cut(image),
        photo,
        lay_over(faded(lit), photo),
        lay_over(faded(plain), photo),
    ]
    return np.concatenate([squared(panel, side_px) for panel in panels], axis=1)


def shown_in_own_light(
    model: FaceModel,
    posed: np.ndarray,
    albedo: Albedo,
    view: int,
    window: Window,
    camera: Camera,
    tilt: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 4) uint8 twice: the face's albedo in the light of a view, and in even white light.

    Args:
        model: the head model.
        posed: (n_vertices, 3) mm, with the view's expression.
        albedo: with the light of its views.
        view: which.
        window: what is shown of the camera's image.
        camera: of the view.
        tilt: what relief adds to the normals.
    """
    shown = face_triangles(model)
    triangles = model.triangles[shown]
    fine = Window(window.corner, window.extent, (2 * window.size[0], 2 * window.size[1]))
    buffers = render_buffers(posed, triangles, *fine.camera(camera), fine.size)
    mask = buffers.mask
    uv = interpolate(buffers, model.uv, model.uv_triangles[shown])[mask]
    normals = interpolate(buffers, vertex_normals(posed, model.triangles), triangles)[mask]
    if tilt is not None:
        on_skin = model.region("skin")[shown][buffers.triangle_id[mask]]
        normals = normals + sample_texture(tilt, uv) * on_skin[:, None]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    colour = sample_texture(albedo.rgb.astype(np.float32), uv)
    light = albedo.light[view] + local_light_at(albedo, view, uv)
    received = np.einsum("nk,nkc->nc", sh_basis(normals) * SH_COSINE, light).clip(0)
    even = float(np.median(received.mean(axis=1)))  # about as bright as the photo
    return _framed(mask, colour * received), _framed(mask, colour * even)


def local_light_at(albedo: Albedo, view: int, uv: np.ndarray) -> np.ndarray:
    """(n, 9, 3) local light of a view at places (n, 2) of the chart."""
    field = albedo.local_light[view].astype(np.float32)
    return sample_texture(field.reshape(*field.shape[:2], -1), uv).reshape(-1, 9, 3)


def _framed(mask: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """(h / 2, w / 2, 4) uint8 sRGB and alpha of linear colours (n, 3) where a mask (h, w) is."""
    picture = np.zeros((*mask.shape, 4), np.float32)
    picture[mask] = np.column_stack([colour, np.ones(len(colour))])
    size = mask.shape[1] // 2, mask.shape[0] // 2
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:]
    rgb = linear_to_srgb8(small[..., :3] / np.maximum(alpha, 1e-6))
    return np.dstack([rgb, np.rint(255 * alpha).astype(np.uint8)])
