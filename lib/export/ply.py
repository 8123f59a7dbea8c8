"""Binary PLY with one value per vertex."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PROPERTIES = ("x", "y", "z", "nx", "ny", "nz")


def write_ply(
    path: Path,
    vertices: np.ndarray,
    normals: np.ndarray,
    values: np.ndarray,
    triangles: np.ndarray,
    comment: str,
    name: str = "sigma_mm",
) -> None:
    """Write a triangle mesh with one value per vertex, such as its standard deviation.

    Args:
        path: the .ply file.
        vertices: (n_vertices, 3) mm.
        normals: (n_vertices, 3) unit vectors.
        values: (n_vertices,).
        triangles: (n_triangles, 3) vertex indices.
        comment: one line for the header.
        name: of the property that holds the values.
    """
    point = np.empty(
        len(vertices), np.dtype([("xyz", "<f4", 3), ("normal", "<f4", 3), ("value", "<f4")])
    )
    point["xyz"], point["normal"], point["value"] = vertices, normals, values
    face = np.empty(len(triangles), np.dtype([("n", "u1"), ("corner", "<i4", 3)]))
    face["n"], face["corner"] = 3, triangles
    properties = "".join(f"property float {key}\n" for key in (*PROPERTIES, name))
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment {comment}\n"
        f"element vertex {len(point)}\n{properties}"
        f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode("ascii", "replace") + point.tobytes() + face.tobytes())
