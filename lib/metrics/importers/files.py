"""What the readers share: clear errors, meshes, rows of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.errors import ConfigError
from lib.metrics.surface import Mesh

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
    try:
        loaded = trimesh.load(path, process=False, maintain_order=True, force="mesh")
        vertices, triangles = np.asarray(loaded.vertices, float), np.asarray(loaded.faces, int)
    except Exception as error:  # the parsers of trimesh raise many kinds
        raise DatasetError(f"{path} cannot be read as a mesh: {error}") from error
    if len(triangles) == 0:
        raise DatasetError(f"{path} has no triangles, expected a surface and not points.")
    return Mesh(vertices, triangles, landmarks)


def read_obj_points(path: Path) -> np.ndarray:
    """(n, 3) the `v` lines of an OBJ file in their order, with or without triangles.

    Raises:
        DatasetError: the file is not there or has none.
    """
    lines = need_file(path, "an OBJ file").read_text(encoding="utf-8", errors="replace")
    rows = [line.split()[1:4] for line in lines.splitlines() if line.startswith("v ")]
    return _numbers(rows, path, 3)


def read_rows(path: Path, columns: int) -> np.ndarray:
    """(n, columns) numbers of a .npy file or of a text file, by spaces or commas.

    Raises:
        DatasetError: the file is not there or holds something else.
    """
    need_file(path, f"rows of {columns} numbers")
    if path.suffix == ".npy":
        try:
            rows = np.load(path, allow_pickle=False)
        except ValueError as error:
            raise DatasetError(f"{path} is no array of numbers: {error}") from error
        if rows.ndim != 2 or rows.shape[1] < columns:
            raise DatasetError(f"{path} has shape {rows.shape}, expected (n, {columns}).")
        return rows[:, :columns].astype(float)
    text = path.read_text(encoding="utf-8").replace(",", " ")
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
