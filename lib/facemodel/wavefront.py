"""Meshes with a chart from Wavefront OBJ files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.errors import ConfigError
from lib.inputs.reading import reading


def read_obj(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (n, 3), uv (n_uv, 2), polygons (q, 4) and their uv indices, -1 = no 4th corner.

    Raises:
        ConfigError: a polygon has other than 3 or 4 corners, or no place on the chart.
    """
    with reading(path, "an OBJ mesh with a chart", "Take it from its publisher again."):
        return _read_obj(Path(path))


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    vertices, uv, polygons, uv_polygons = [], [], [], []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            kind, *fields = line.split() or [""]
            if kind == "v":
                vertices.append(fields[:3])
            elif kind == "vt":
                uv.append(fields[:2])
            elif kind == "f":
                corners = [field.split("/") for field in fields]
                if len(corners) not in (3, 4):
                    raise ConfigError(
                        f"{path} has a polygon with {len(corners)} corners, expected 3 or 4. "
                        "Take the file from its publisher again."
                    )
                if any(len(corner) < 2 or not corner[1] for corner in corners):
                    raise ConfigError(
                        f"{path} has a polygon without texture coordinates, expected v/vt at "
                        "every corner. Take the file from its publisher again."
                    )
                spare = [-1] * (4 - len(corners))
                polygons.append([int(corner[0]) - 1 for corner in corners] + spare)
                uv_polygons.append([int(corner[1]) - 1 for corner in corners] + spare)
    points, places = np.array(vertices, float), np.array(uv, float)
    corners, uv_corners = np.array(polygons), np.array(uv_polygons)
    for name, table, rows in (("vertex", corners, points), ("vt", uv_corners, places)):
        if table.size and not (
            table[:, :3].min() >= 0 and -1 <= table.min() <= table.max() < len(rows)
        ):
            raise ConfigError(
                f"{path} has a polygon that names {name} {table.max() + 1}, it has {len(rows)}. "
                "Take the file from its publisher again."
            )
    return points, places, corners, uv_corners
