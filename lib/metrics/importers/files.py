"""What the readers share: clear errors, meshes, rows of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.errors import ConfigError, ForeignFileError
from lib.inputs.arrays import read_npy
from lib.inputs.reading import reading
from lib.inputs.texts import read_small
from lib.metrics.surface import Mesh

MESHES = ("obj", "ply", "stl", "off", "glb")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


class DatasetError(ConfigError):
    """A benchmark folder is not laid out as its reader expects."""


def need_folder(path: Path, what: str) -> Path:
    """The folder, or an error that says what it should hold."""
    if not path.is_dir():
        raise DatasetError(
            f"{path} is no folder, expected {what}. Give the folder as the dataset unpacks."
        )
    return path


def need_file(path: Path, what: str) -> Path:
    """The file, or an error that says what it should hold."""
    if not path.is_file():
        raise DatasetError(f"{path} is not there, expected {what}. Is the dataset complete?")
    return path


def only_match(folder: Path, pattern: str, what: str) -> Path:
    """The one file that matches; the first by name where there are several.

    Raises:
        DatasetError: there is none.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise DatasetError(f"{folder} holds no {pattern}, expected {what}.")
    return found[0]


def need_items(items: list, folder: Path, what: str) -> None:
    """An error if a folder had nothing in it."""
    if not items:
        raise DatasetError(f"{folder} holds nothing to score, expected {what}.")


def read_mesh(path: Path, landmarks: np.ndarray | None = None) -> Mesh:
    """Vertices in the file's order and triangles of an OBJ, PLY, STL, OFF or GLB file.

    Args:
        path: of the mesh.
        landmarks: (68, 3) to go with it.

    Raises:
        DatasetError: the file is not there, cannot be read, or has no triangles.
    """
    import trimesh

    need_file(path, "a mesh")
    kind = path.suffix.lower().removeprefix(".")
    if kind not in MESHES:
        raise DatasetError(f"{path} is no mesh by its name, expected one of {', '.join(MESHES)}.")
    try:
        with path.open("rb") as file:  # an open file: no material or texture is looked for
            loaded = trimesh.load(
                file,
                file_type=kind,
                process=False,
                maintain_order=True,
                skip_materials=True,
                force="mesh",
            )
        vertices, triangles = np.asarray(loaded.vertices, float), np.asarray(loaded.faces, int)
    except Exception as error:  # the parsers of trimesh raise many kinds
        raise DatasetError(f"{path} cannot be read as a mesh: {error}") from error
    if len(triangles) == 0:
        raise DatasetError(f"{path} has no triangles, expected a surface and not points.")
    if triangles.min() < 0 or triangles.max() >= len(vertices) or not np.isfinite(vertices).all():
        raise DatasetError(
            f"{path} has triangles of vertices {triangles.min()} to {triangles.max()}, expected "
            f"those of its {len(vertices)}, all finite. Save the mesh again."
        )
    return Mesh(vertices, triangles, landmarks)


def read_obj_points(path: Path) -> np.ndarray:
    """(n, 3) the `v` lines of an OBJ file in their order, with or without triangles.

    Raises:
        DatasetError: the file is not there or has none.
    """
    with need_file(path, "an OBJ file").open(encoding="utf-8", errors="replace") as lines:
        rows = [line.split()[1:4] for line in lines if line.startswith("v ")]
    return _numbers(rows, path, 3)


def read_rows(path: Path, columns: int) -> np.ndarray:
    """(n, columns) numbers of a .npy file or of a text file, by spaces or commas.

    Raises:
        DatasetError: the file is not there or holds something else.
    """
    need_file(path, f"rows of {columns} numbers")
    if path.suffix == ".npy":
        try:
            rows = read_npy(path)
        except ForeignFileError as error:
            raise DatasetError(f"{path} is no array of numbers: {error}") from error
        if rows.dtype.kind not in "fiu" or rows.ndim != 2 or rows.shape[1] < columns:
            raise DatasetError(f"{path} has shape {rows.shape}, expected (n, {columns}).")
        return rows[:, :columns].astype(float)
    with reading(path, f"rows of {columns} numbers", kind=DatasetError):
        text = read_small(path).replace(",", " ")
    return _numbers([line.split() for line in text.splitlines() if line.strip()], path, columns)


def _numbers(rows: list[list[str]], path: Path, columns: int) -> np.ndarray:
    try:
        numbers = np.array([[float(value) for value in row] for row in rows])
    except ValueError as error:
        raise DatasetError(f"{path} holds no table of {columns} columns: {error}") from error
    if numbers.ndim != 2 or numbers.shape[1] != columns:
        raise DatasetError(
            f"{path} holds rows of another length, expected {columns} numbers in each."
        )
    return numbers
