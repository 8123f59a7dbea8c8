"""FaceScape's multi-view captures as scenes: photos, scan, and the registered head as the base.

imgs/12/1_neutral/0.jpg ... params.json     photos and cameras of one take, in its own unit
mesh/12/1_neutral.ply                       its scan, in the same frame
models/12/1_neutral.obj                     its registered (TU) head with texture coordinates, mm
Rt_scale_dict.json                          per person and take: scale and [R|t] to the head, mm
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lib.geometry import SurfaceTree, rectify, split_quads
from lib.imaging import read_photo
from lib.inputs.texts import parse_json, read_small
from lib.metrics.importers.facescape import FaceScapeCapture, read_facescape_captures
from lib.metrics.importers.files import DatasetError, need_file, read_mesh
from lib.render import Camera, uv_buffers
from lib.training.options import TrainingOptions
from lib.training.scenes import Scene, make_scene, moved_smoothly
from lib.uvspace.grid import SMOOTH_NORMALS, Grid, rounded, smooth_directions

Maker = Callable[[TrainingOptions, np.random.Generator], Scene]


def facescape_scenes(folder: Path) -> list[tuple[str, str, Maker]]:
    """Name, subject and maker of every capture that has a scan, a head and a scale.

    Raises:
        DatasetError: the folder is laid out otherwise, or nothing in it can be used.
    """
    table = _scales(need_file(folder / "Rt_scale_dict.json", "scale and pose per take"))
    found = []
    for capture in read_facescape_captures(folder / "imgs", folder / "mesh"):
        head = folder / "models" / capture.subject / f"{capture.expression}.obj"
        number = capture.expression.split("_")[0]
        placing = table.get(capture.subject, {}).get(number)
        if capture.scan is None or placing is None or not head.is_file():
            continue
        name = f"facescape_{capture.subject}_{capture.expression}"
        subject = f"facescape_{capture.subject}"
        found.append((name, subject, partial(_scene, capture, head, placing, name, subject)))
    if not found:
        raise DatasetError(
            f"{folder} holds no take with a scan (mesh/12/1_neutral.ply), a registered head "
            "(models/12/1_neutral.obj) and an entry in Rt_scale_dict.json."
        )
    return found


def _scene(
    capture: FaceScapeCapture,
    head: Path,
    placing: tuple[float, np.ndarray],
    name: str,
    subject: str,
    options: TrainingOptions,
    chance: np.random.Generator,
) -> Scene:
    """World frame: that of the take, in millimetres."""
    scale, pose = placing
    vertices, uv, triangles, uv_triangles = read_textured_obj(head)
    base = (vertices - pose[:, 3]) @ pose[:, :3]  # R^T (x - t)
    base = moved_smoothly(base, chance, options.base_error_mm)
    grid = sheet_grid(base, triangles, uv, uv_triangles, options.uv_size)
    scan = read_mesh(capture.scan)
    surface = SurfaceTree(scan.vertices * scale, scan.triangles)
    images, cameras = [], []
    for view, path in enumerate(capture.images):
        image, camera = _pinhole(capture, view, path, scale)
        images.append(image)
        cameras.append(camera)
    return make_scene(name, subject, images, cameras, grid, surface, options)


def _pinhole(
    capture: FaceScapeCapture, view: int, path: Path, scale: float
) -> tuple[np.ndarray, Camera]:
    """A photo freed of its lens, with square pixels, and its camera in mm."""
    matrix, lens = capture.camera[view], np.zeros(8)
    lens[:5] = capture.distortion[view]
    focal, centre = matrix[[0, 1], [0, 1]], matrix[:2, 2]
    stretch = focal[1] / focal[0]
    image = rectify(read_photo(path).pixels, focal, centre, lens, stretch)
    if image.dtype != np.uint8:
        image = (image >> 8).astype(np.uint8)
    pose = capture.world_to_camera[view].copy()
    pose[:, 3] *= scale
    centre = np.array([centre[0], (centre[1] + 0.5) / stretch - 0.5])
    return image, Camera(pose, float(focal[0]), centre)


def sheet_grid(
    vertices: np.ndarray,
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    uv_size: int,
) -> Grid:
    """A mesh on its own chart; like `chart_grid` for a mesh that is no model of ours."""
    buffers = uv_buffers(uv, uv_triangles, (uv_size, uv_size))
    values = rounded(buffers, vertices, triangles)
    normal = smooth_directions(values[..., 3:], buffers.mask, SMOOTH_NORMALS * uv_size)
    return Grid(values[..., :3] * buffers.mask[..., None], normal, buffers.mask)


def read_textured_obj(
    path: Path,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (n, 3), coordinates (m, 2), and triangles into each (t, 3), in the file's order.

    Raises:
        DatasetError: a face has no texture coordinates, or more than four corners.
    """
    rows: dict[str, list[list[str]]] = {"v": [], "vt": [], "f": []}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if words and words[0] in rows:
            rows[words[0]].append(words[1:])
    corners = np.full((2, len(rows["f"]), 4), -1)
    try:
        for index, face in enumerate(rows["f"]):
            pairs = np.array([[int(number) for number in word.split("/")[:2]] for word in face])
            if pairs.shape[1] != 2:
                raise ValueError(f"face {' '.join(face)}")
            corners[:, index, : len(face)] = pairs.T - 1
        vertices = np.array([[float(word) for word in row[:3]] for row in rows["v"]])
        uv = np.array([[float(word) for word in row[:2]] for row in rows["vt"]])
    except ValueError as error:
        raise DatasetError(
            f"{path} has a line of another form ({error}), expected faces 'v/vt' of three or four "
            "corners, as registered heads have."
        ) from error
    return vertices, uv, split_quads(corners[0]), split_quads(corners[1])


def _scales(path: Path) -> dict[str, dict[str, tuple[float, np.ndarray]]]:
    """Scale to mm and [R|t] to the head, by person and number of the expression."""
    try:
        content = parse_json(read_small(path))
        return {
            person: {
                take: (float(entry[0]), np.array(entry[1], float).reshape(3, 4))
                for take, entry in takes.items()
            }
            for person, takes in content.items()
        }
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path} is not as expected ({error}): per person and take [scale, 3 x 4 matrix]."
        ) from error
