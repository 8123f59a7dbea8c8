"""A head of another topology with its own chart, read from an OBJ file and its landmarks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, MissingModelError

N_LANDMARKS = 68


@dataclass(frozen=True)
class Template:
    """A head with a chart.

    Args:
        vertices: (n_vertices, 3), y up, z out of the face, any unit of length.
        triangles: (t, 3) into `vertices`, counter-clockwise from outside.
        uv: (n_uv, 2) 0..1, origin bottom-left.
        uv_triangles: (t, 3) into `uv`.
        landmarks: (68, 3) the iBUG points.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    landmarks: np.ndarray


def read_template(path: str | Path) -> Template:
    """The head of an OBJ file; beside it, in a .txt of the same name, 68 vertex numbers from 0.

    Raises:
        MissingModelError: a file is not there.
        ConfigError: a file holds something else.
    """
    path = Path(path)
    numbers = path.with_suffix(".txt")
    for file, what in (
        (path, "a head of FaceScape as OBJ with texture coordinates, such as 1_neutral.obj"),
        (numbers, "the 68 vertex numbers, from 0, of the iBUG points on that head"),
    ):
        if not file.is_file():
            raise MissingModelError(
                f"{file} is not there; displacement.template names an OBJ file, and method "
                f"'pix2pixhd' needs {what}."
            )
    vertices, uv, triangles, uv_triangles = _read_obj(path)
    found = [int(word) for word in re.findall(r"\d+", numbers.read_text(encoding="utf-8"))]
    if len(found) != N_LANDMARKS or max(found) >= len(vertices):
        raise ConfigError(
            f"{numbers} has {len(found)} numbers up to {max(found, default=0)}, expected 68 "
            f"vertex numbers from 0 to {len(vertices) - 1} of {path.name}."
        )
    return Template(vertices, triangles, uv, uv_triangles, vertices[found])


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, texture coordinates, and the triangles of both; polygons become fans."""
    rows: dict[str, list[list[float]]] = {"v": [], "vt": []}
    corners: list[list[tuple[int, int]]] = []
    try:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split()
            if words and words[0] in rows:
                width = 3 if words[0] == "v" else 2
                rows[words[0]].append([float(word) for word in words[1 : 1 + width]])
            elif words and words[0] == "f":
                face = [tuple(int(part) for part in word.split("/")[:2]) for word in words[1:]]
                corners += [[face[0], face[k], face[k + 1]] for k in range(1, len(face) - 1)]
        vertices, uv = np.array(rows["v"], float), np.array(rows["vt"], float)
        index = np.array(corners, np.int64)
        index = np.where(index < 0, index + [len(vertices) + 1, len(uv) + 1], index) - 1
        if index.ndim != 3 or (index.max(axis=(0, 1)) >= [len(vertices), len(uv)]).any():
            raise ValueError("no faces of the form v/vt, or one that names no vertex")
    except (ValueError, IndexError) as error:
        raise ConfigError(
            f"{path} cannot be read as an OBJ with texture coordinates ({error}). Export the head "
            "with `f v/vt v/vt v/vt` lines."
        ) from error
    return vertices, uv, index[..., 0], index[..., 1]
