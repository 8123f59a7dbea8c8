"""Meshes with colours at their vertices, or with a texture, as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lib.export.obj import format_rows


def write_coloured_obj(
    path: Path, vertices: np.ndarray, colours: np.ndarray, triangles: np.ndarray, comment: str
) -> None:
    """Write an OBJ whose lines `v x y z r g b` carry colours, which most viewers read.

    Args:
        path: of the file.
        vertices: (V, 3).
        colours: (V, 3) sRGB-encoded 0..1.
        triangles: (T, 3).
        comment: first line.
    """
    table = np.concatenate([vertices, colours], axis=1)
    lines = [
        f"# {comment}\n",
        format_rows("v %.6f %.6f %.6f %.4f %.4f %.4f\n", table),
        format_rows("f %d %d %d\n", triangles + 1),
    ]
    path.write_text("".join(lines), encoding="ascii", newline="\n")
