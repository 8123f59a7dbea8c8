"""The folders of H3DS: a full head, photos, masks, cameras, landmarks and regions per scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import rq

from lib.errors import ConfigError
from lib.facemodel.safe_arrays import Archive
from lib.metrics.importers.files import DatasetError, need_file, need_folder, need_items

REGIONS = ("face", "face_sphere", "nose")
LANDMARKS = ("right_eye", "left_eye", "nose_tip", "nose_base", "right_lips", "left_lips")


@dataclass(frozen=True)
class H3dsScene:
    """One head.

    Args:
        name: of the scene, such as `1b2a8613401e42a8`.
        truth: OBJ in mm.
        images: of the views.
        masks: likewise.
        camera: (n_views, 3, 3) px, last element 1.
        world_to_camera: (n_views, 3, 4) mm, OpenCV.
        landmarks: name -> index of a vertex of the truth.
        regions: those that are there of `REGIONS` -> (n,) vertex indices.
    """

    name: str
    truth: Path
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    camera: np.ndarray
    world_to_camera: np.ndarray
    landmarks: Mapping[str, int]
    regions: Mapping[str, np.ndarray]


def read_h3ds(folder: Path) -> Iterator[H3dsScene]:
    """The scenes of H3DS by name.

    Confirmed by the dataset's public package: `scene/full_head.obj`, `image/img_0000.jpg`,
    `mask/mask_0000.png`, `cameras.npz` with projections `world_mat_0` ..., `landmarks.txt` with
    lines `name vertex`, `regions/face.txt` with a vertex index per line. Which views make the
    published sets of 3 to 32 is in that package's settings, not in the folder.

    Args:
        folder: holds a folder per scene.

    Raises:
        DatasetError: something is missing or of another form.
    """
    need_folder(folder, "a folder per scene")
    heads = sorted(folder.glob("*/full_head.obj"))
    need_items(heads, folder, "scene/full_head.obj")
    for head in heads:
        scene = head.parent
        images = tuple(sorted((scene / "image").glob("img_*.jpg")))
        need_items(list(images), scene / "image", "img_0000.jpg ...")
        masks = tuple(
            need_file(scene / "mask" / f"mask_{image.stem[4:]}.png", f"the mask of {image.name}")
            for image in images
        )
        camera, pose = _cameras(scene / "cameras.npz", len(images))
        yield H3dsScene(
            scene.name,
            head,
            images,
            masks,
            camera,
            pose,
            _landmarks(scene / "landmarks.txt"),
            {
                name: _indices(scene / "regions" / f"{name}.txt")
                for name in REGIONS
                if (scene / "regions" / f"{name}.txt").is_file()
            },
        )


def decompose_projection(projection: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Camera matrix (3, 3), last element 1, and [R|t] (3, 4) of a projection (3, 4).

    Source: Hartley & Zisserman, Multiple View Geometry, 2nd ed., 6.2.4.
    """
    camera, rotation = rq(projection[:, :3])
    sign = np.diag(np.where(np.diag(camera) < 0, -1.0, 1.0))
    camera, rotation = camera @ sign, sign @ rotation
    shift = np.linalg.solve(camera, projection[:, 3])
    if np.linalg.det(rotation) < 0:  # a projection is known up to its sign
        rotation, shift = -rotation, -shift
    return camera / camera[2, 2], np.column_stack([rotation, shift])


def _cameras(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n_views, 3, 3) and (n_views, 3, 4)."""
    try:
        content = Archive(need_file(path, "the cameras"))
        projections = [
            np.asarray(content.read(f"world_mat_{view}"), float)[:3, :4] for view in range(count)
        ]
        pairs = [decompose_projection(projection) for projection in projections]
    except (ConfigError, ValueError, IndexError, np.linalg.LinAlgError) as error:
        raise DatasetError(
            f"{path} has no projection world_mat_0 to world_mat_{count - 1}: {error}"
        ) from error
    return np.stack([camera for camera, _ in pairs]), np.stack([pose for _, pose in pairs])


def _landmarks(path: Path) -> dict[str, int]:
    rows = [line.split() for line in need_file(path, "landmarks").read_text().splitlines()]
    try:
        return {row[0]: int(row[1]) for row in rows if row}
    except (IndexError, ValueError) as error:
        raise DatasetError(f"{path} has a line that is not `name vertex`: {error}") from error


def _indices(path: Path) -> np.ndarray:
    try:
        return np.array([int(line) for line in path.read_text().split()], int)
    except ValueError as error:
        raise DatasetError(f"{path} has a line that is no vertex index: {error}") from error
