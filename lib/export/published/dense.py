"""The files of 3DDFA_V3: a grid of panels, landmarks and part masks, and two kinds of meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.artefacts import Capture, Parts, Texture
from lib.export.obj import ObjRig, write_mtl, write_obj
from lib.export.published.frames import PublishedView
from lib.export.published.meshes import write_coloured_obj
from lib.export.published.panels import grey_colours, grid, render_over, shown_share
from lib.export.tables import original_px
from lib.facemodel import PARTS, FaceModel
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, save_png
from lib.imaging.colour import linear_to_srgb8
from lib.render import sample_texture
from lib.segmentation import paint_parts, paint_points, paint_whole

SCHEMES = {"ldm68": "ibug68", "ldm106": "ldm106", "ldm106_2d": "ldm106_2d", "ldm134": "ldm134"}


def write_panels(
    path: Path, model: FaceModel, image: np.ndarray, parts: Parts, view: int, told: PublishedView
) -> None:
    """Write photo, grey shape, textured face, four sets of points, and nine of parts, 4 in a row.

    The panels have the working image's size: that of the photo up to `import.max_side_px`. Sets of
    points that the model lacks are left out.

    Args:
        path: of the PNG.
        model: the fitted head model.
        image: (h, w, 3) uint8 working image.
        parts: of the capture.
        view: which one.
        told: the view in published terms.
    """
    mesh, shown = (told.vertices_mm, model.triangles), shown_share(model)
    grey = grey_colours(*mesh, told.camera)
    pictures = [image]
    for colours in (grey, told.colours):
        pictures.append(render_over(image, *mesh, told.camera, colours, shown))
    pictures += [paint_points(image, points) for points in working_points(parts, view).values()]
    pictures.append(paint_parts(image, parts.visible[view]))
    pictures += [paint_whole(image, inside) for inside in whole_parts(parts, view)]
    save_png(path, grid(pictures), "fast")


def write_arrays(path: Path, capture: Capture, parts: Parts, view: int) -> None:
    """Write a dictionary that `numpy.load(path, allow_pickle=True).item()` gives back.

    Its keys are those published: `ldm68`, `ldm106`, `ldm106_2d`, `ldm134` float32 in px of the
    original, y down, integers at pixel centres; `seg_visible` (H, W, 1) float64, 0 to 8; `seg`
    (H, W, 8) uint8, 0 or 255 (there float64, with which it would be eight times as large).
    """
    scale = capture.working_to_original[view]
    content = {
        name: original_px(points, scale).astype(np.float32)
        for name, points in working_points(parts, view).items()
    }
    size = tuple(capture.original_size[view].tolist())
    content["seg_visible"] = enlarged(parts.visible[view], size)[..., None].astype(np.float64)
    masks = [255 * enlarged(inside, size).astype(np.uint8) for inside in whole_parts(parts, view)]
    content["seg"] = np.stack(masks, axis=-1)
    np.save(path, content, allow_pickle=True)


def write_meshes(
    folder: Path,
    stem: str,
    model: FaceModel,
    rig: ObjRig,
    texture: Texture,
    told: PublishedView,
) -> None:
    """Write `_pcaTex.obj`, `_extractTex.obj` and `_extractTex_uv.obj` with .mtl and .png.

    Each is written in the frame of the crop, in decimetres, and as `<name>_image.obj` in that of
    the photo's camera, in millimetres.

    Args:
        folder: exists.
        stem: of the file names.
        model: the fitted head model.
        rig: chart and faces of the model.
        texture: extracted from the photo.
        told: the view in published terms.
    """
    picture = f"{stem}_extractTex.png"
    save_png(folder / picture, linear_to_srgb8(texture.rgb.astype(np.float32)), "runs")
    extracted = vertex_colours(model, texture)
    triangles = model.triangles
    for ending, vertices, frame in (
        ("", told.world, "decimetres; x right, y up, z to the viewer; the camera is at z = 10"),
        ("_image", told.in_camera, "millimetres from the photo's camera; x right, y up"),
    ):
        name = f"{stem}_pcaTex{ending}.obj"
        write_coloured_obj(folder / name, vertices, told.colours, triangles, frame)
        name = f"{stem}_extractTex{ending}.obj"
        write_coloured_obj(folder / name, vertices, extracted, triangles, frame)
        path = folder / f"{stem}_extractTex_uv{ending}.obj"
        write_obj(path, vertices, vertex_normals(vertices, triangles), rig, frame)
        write_mtl(path.with_suffix(".mtl"), picture)


def vertex_colours(model: FaceModel, texture: Texture) -> np.ndarray:
    """(V, 3) sRGB-encoded 0..1 colours of a texture at the vertices.

    A vertex on a seam has several places on the chart; that on the skin is taken.
    """
    at = np.zeros((model.n_vertices, 2), np.float64)
    skin = model.region("skin")
    for rows in (~skin, skin):
        at[model.triangles[rows]] = model.uv[model.uv_triangles[rows]]
    rgb = sample_texture(texture.rgb.astype(np.float32), at)
    return np.clip(linear_to_srgb(np.clip(rgb, 0, 1)), 0, 1)


def working_points(parts: Parts, view: int) -> dict[str, np.ndarray]:
    """(n, 2) px of the working image of each set that the model has, by its published name."""
    found = {name: getattr(parts, f"{ours}_px")[view] for name, ours in SCHEMES.items()}
    return {name: points for name, points in found.items() if np.isfinite(points).any()}


def whole_parts(parts: Parts, view: int) -> list[np.ndarray]:
    """(h, w) bool of each part, as if nothing stood before it."""
    return [(parts.full[view] >> k) & 1 == 1 for k in range(len(PARTS))]


def enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (h, w) of the working image at the pixels of the original (H, W): the nearest ones."""
    row, column = (
        np.clip(np.rint((np.arange(n) + 0.5) * m / n - 0.5).astype(int), 0, m - 1)
        for n, m in zip(size, values.shape, strict=True)
    )
    return values[row[:, None], column]
