"""FaceScape's folders: the single-view benchmark, and multi-view captures with their scans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lib.inputs.texts import parse_json, read_small
from lib.metrics.importers.files import DatasetError, need_file, need_folder, need_items


@dataclass(frozen=True)
class FaceScapeItem:
    """One item of the single-view benchmark.

    Args:
        name: `000` ... of the wild track, `00_0_00` (subject, focal length, view) of the lab track.
        truth: OBJ; multiply by `mm_per_unit`. None of wild: its factor is in a separate file.
        camera: (3, 3) matrix in px of the lab track, else None.
        world_to_camera: (3, 4) of the lab track with translation in the truth's unit, else None.
        mm_per_unit: 62.85 for the lab track, whose heads have a pupil distance of 1; None for the
            wild track: the benchmark's `wild_pupil_scales.npy` has a factor per item.
    """

    name: str
    truth: Path
    camera: np.ndarray | None
    world_to_camera: np.ndarray | None
    mm_per_unit: float | None


@dataclass(frozen=True)
class FaceScapeCapture:
    """One multi-view capture: a person with an expression.

    Args:
        subject: number of the person, as the folder is named.
        expression: such as `1_neutral`.
        images: of the views that are valid.
        scan: PLY, None where there is none. Frame and scale are arbitrary for each capture.
        camera: (n_views, 3, 3) px.
        world_to_camera: (n_views, 3, 4) OpenCV, in the scan's unit.
        distortion: (n_views, 5) k1 k2 p1 p2 k3.
    """

    subject: str
    expression: str
    images: tuple[Path, ...]
    scan: Path | None
    camera: np.ndarray
    world_to_camera: np.ndarray
    distortion: np.ndarray


def read_facescape_benchmark(data: Path, track: Literal["wild", "lab"]) -> Iterator[FaceScapeItem]:
    """The items of FaceScape's single-view benchmark by name.

    Confirmed by the benchmark's public evaluation: `data/wild_gt_mesh/000.obj`;
    `data/lab_gt_mesh/00.obj` per subject and `data/lab_cam/00_0_00.json` with the camera matrix
    and [R|t] per item, OpenCV. Where the photos lie could not be confirmed, so no path is given.

    Raises:
        DatasetError: something is missing or of another form.
    """
    need_folder(data, f"{track}_gt_mesh")
    meshes = need_folder(data / f"{track}_gt_mesh", "the true meshes")
    if track == "wild":
        found = sorted(meshes.glob("*.obj"))
        need_items(found, meshes, "000.obj ...")
        for mesh in found:
            yield FaceScapeItem(mesh.stem, mesh, None, None, None)
        return
    cameras = sorted(need_folder(data / "lab_cam", "a camera per item").glob("*.json"))
    need_items(cameras, data / "lab_cam", "00_0_00.json ...")
    for path in cameras:
        matrix, pose = _lab_camera(path)
        mesh = need_file(meshes / f"{path.stem.split('_')[0]}.obj", f"the true mesh of {path.stem}")
        yield FaceScapeItem(path.stem, mesh, matrix, pose, 62.85)


def read_facescape_captures(images: Path, scans: Path) -> Iterator[FaceScapeCapture]:
    """The multi-view captures by person and expression; views marked invalid are left out.

    Layout: `images/12/1_neutral/0.jpg ...` with `params.json`, `scans/12/1_neutral.ply`. Keys of
    the JSON are `0_K`, `0_Rt`, `0_distortion`, `0_valid` ... per view.

    Raises:
        DatasetError: something is missing or of another form.
    """
    need_folder(images, "a folder per person")
    need_folder(scans, "a folder per person")
    parameters = sorted(images.glob("*/*/params.json"))
    need_items(parameters, images, "person/expression/params.json")
    for path in parameters:
        folder, subject = path.parent, path.parent.parent.name
        content = _json(path)
        if not isinstance(content, dict):
            raise DatasetError(f"{path} holds no keys 0_K, 0_Rt, 0_valid ...")
        views = sorted(
            int(key[:-2]) for key in content if key.endswith("_K") and key[:-2].isdigit()
        )
        views = [view for view in views if content.get(f"{view}_valid", True)]
        if not views:
            raise DatasetError(f"{path} has no valid view, expected keys 0_K, 0_Rt, 0_valid ...")
        try:
            matrix = [np.array(content[f"{view}_K"], float)[:3, :3] for view in views]
            pose = [np.array(content[f"{view}_Rt"], float)[:3, :4] for view in views]
            lens = [np.array(content[f"{view}_distortion"], float).ravel()[:5] for view in views]
            stacked = np.stack(matrix), np.stack(pose), np.stack(lens)
        except (KeyError, ValueError, IndexError) as error:
            raise DatasetError(
                f"{path} lacks a camera or has one of another form: {error}"
            ) from error
        scan = scans / subject / f"{folder.name}.ply"
        yield FaceScapeCapture(
            subject,
            folder.name,
            tuple(need_file(folder / f"{view}.jpg", f"view {view}") for view in views),
            scan if scan.is_file() else None,
            *stacked,
        )


def _lab_camera(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(3, 3) and (3, 4) of a JSON list of both."""
    try:
        content = _json(path)
        matrix, pose = np.array(content[0], float), np.array(content[1], float)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is no list of K and Rt: {error}") from error
    if matrix.shape != (3, 3) or pose.ndim != 2 or pose.shape[0] < 3 or pose.shape[1] != 4:
        raise DatasetError(
            f"{path} has matrices of shapes {matrix.shape} and {pose.shape}, expected (3, 3) and "
            "(3, 4)."
        )
    return matrix, pose[:3]


def _json(path: Path) -> dict | list:
    try:
        return parse_json(read_small(path))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no JSON: {error}") from error
