"""Binary PLY with one value per vertex."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PROPERTIES = ("x", "y", "z", "nx", "ny", "nz", "sigma_mm")


def write_ply(
    path: Path,
    vertices: np.ndarray,
    normals: np.ndarray,
    sigma_mm: np.ndarray,
    triangles: np.ndarray,
    comment: str,
) -> None:
    """Write a triangle mesh with its per-vertex standard deviation as the property `sigma_mm`.

    Args:
        path: the .ply file.
        vertices: (n_vertices, 3) mm.
        normals: (n_vertices, 3) unit vectors.
        sigma_mm: (n_vertices,) mm.
        triangles: (n_triangles, 3) vertex indices.
        comment: one line for the header.
    """
    point = np.empty(
        len(vertices), np.dtype([("xyz", "<f4", 3), ("normal", "<f4", 3), ("sigma", "<f4")])
    )
    point["xyz"], point["normal"], point["sigma"] = vertices, normals, sigma_mm
    face = np.empty(len(triangles), np.dtype([("n", "u1"), ("corner", "<i4", 3)]))
    face["n"], face["corner"] = 3, triangles
    properties = "".join(f"property float {name}\n" for name in PROPERTIES)
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment {comment}\n"
        f"element vertex {len(point)}\n{properties}"
        f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode("ascii", "replace") + point.tobytes() + face.tobytes())
