"""Wavefront OBJ with quads, uv and normals, and the material file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ShapeError


def merge_quads(
    triangles: np.ndarray, uv_triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads of a mesh whose triangles are split quads, laid out as `split_quads` lays them out.

    The last q triangles (a, c, d) are the second halves of q quads, in the order in which their
    first halves (a, b, c) stand. A mesh without that layout keeps its triangles.

    Args:
        triangles: (n_triangles, 3) vertex indices.
        uv_triangles: (n_triangles, 3) uv indices.

    Returns:
        first: (n_polygons,) rows of `triangles` that hold the first three corners.
        fourth: (n_polygons,) row that holds the fourth corner as its last, -1 for a triangle.
        is_quad: (n_polygons,) bool.
    """
    n = len(triangles)
    both = np.concatenate([triangles, uv_triangles], axis=1).astype(np.int64)
    ends = both[:, [0, 2, 3, 5]]  # first and third corner: the diagonal, as in the first half
    starts = both[:, [0, 1, 3, 4]]  # the same diagonal, as in the second half
    _, key = np.unique(np.concatenate([ends, starts]), axis=0, return_inverse=True)
    end_key, start_key = key.ravel()[:n], key.ravel()[n:]
    by_end = np.argsort(end_key, kind="stable")
    slot = np.minimum(np.searchsorted(end_key[by_end], start_key), n - 1)
    partner = np.where(end_key[by_end[slot]] == start_key, by_end[slot], -1)

    n_quads = _second_halves(partner)
    first = np.arange(n - n_quads)
    fourth = np.full(len(first), -1)
    fourth[partner[n - n_quads :]] = np.arange(n - n_quads, n)
    return first, fourth, fourth >= 0


def _second_halves(partner: np.ndarray) -> int:
    """Length of the tail whose partners stand in increasing order before the tail."""
    n = len(partner)
    falls = np.flatnonzero(np.diff(partner) <= 0)
    tail = partner[int(falls[-1]) + 1 if len(falls) else 0 :]
    usable = tail[tail >= 0]
    count = len(usable)
    # a chance match in a mesh of triangles is no layout, and no first half lies in the tail
    return count if 4 * count >= n and usable.max(initial=0) < n - count else 0


@dataclass(frozen=True)
class ObjRig:
    """Lines that all heads of one model share: texture coordinates, and faces in groups."""

    uv: str
    faces: str


def obj_rig(
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    region: np.ndarray,
    region_names: tuple[str, ...],
) -> ObjRig:
    """Quads where the model has them, one group per region.

    Args:
        triangles: (n_triangles, 3) vertex indices.
        uv: (n_uv, 2) origin bottom-left.
        uv_triangles: (n_triangles, 3) uv indices.
        region: (n_triangles,) index into `region_names`.
        region_names: group names.

    Raises:
        ShapeError: `uv_triangles` does not stand beside `triangles`.
    """
    if uv_triangles.shape != triangles.shape:
        raise ShapeError("uv_triangles", uv_triangles.shape, str(triangles.shape))
    first, fourth, is_quad = merge_quads(triangles, uv_triangles)
    lines = []
    for index, name in enumerate(region_names):
        here = region[first] == index
        if not here.any():
            continue
        lines.append(f"g {name}\n")
        quad, rest = here & is_quad, here & ~is_quad
        lines.append(_polygons(triangles, uv_triangles, first[quad], fourth[quad]))
        lines.append(_polygons(triangles, uv_triangles, first[rest], None))
    return ObjRig(format_rows("vt %.6f %.6f\n", uv), "".join(lines))


def write_obj(
    path: Path, vertices: np.ndarray, normals: np.ndarray, rig: ObjRig, comment: str
) -> None:
    """Write a mesh as OBJ with the material `head`.

    Args:
        path: the .obj file; `write_mtl` writes the material file of the same stem.
        vertices: (n_vertices, 3) mm.
        normals: (n_vertices, 3) unit vectors.
        rig: chart and faces of its model.
        comment: first line of the file.
    """
    lines = [
        f"# {comment}\nmtllib {path.with_suffix('.mtl').name}\n",
        format_rows("v %.4f %.4f %.4f\n", vertices),
        rig.uv,
        format_rows("vn %.4f %.4f %.4f\n", normals),
        "usemtl head\n",
        rig.faces,
    ]
    path.write_text("".join(lines), encoding="ascii", newline="\n")


def write_mtl(path: Path, texture: str, gloss: tuple[str, str, float] | None = None) -> None:
    """Write the material `head`: coloured by the texture file beside it.

    Args:
        path: the .mtl file.
        texture: file of the base colour.
        gloss: files of reflectance at normal incidence and of roughness (`map_Pr`, the extension
            that Blender and others read), and the reflectance that white means; None = all of one
            kind.
    """
    shine = "Ks 0.04 0.04 0.04\nNs 30\n"
    maps = f"map_Kd {texture}\n"
    if gloss is not None:
        specular, roughness, most = gloss
        shine = f"Ks {most:g} {most:g} {most:g}\nNs 30\nPr 1\n"
        maps += f"map_Ks {specular}\nmap_Pr {roughness}\n"
    path.write_text(
        f"newmtl head\nKa 0 0 0\nKd 1 1 1\n{shine}d 1\nillum 2\n{maps}",
        encoding="ascii",
        newline="\n",
    )


def _polygons(
    triangles: np.ndarray, uv_triangles: np.ndarray, first: np.ndarray, fourth: np.ndarray | None
) -> str:
    corner, uv_corner = triangles[first], uv_triangles[first]
    if fourth is not None:
        corner = np.concatenate([corner, triangles[fourth, 2:]], axis=1)
        uv_corner = np.concatenate([uv_corner, uv_triangles[fourth, 2:]], axis=1)
    n_polygons, n_corners = corner.shape
    table = np.stack([corner, uv_corner, corner], axis=2).reshape(n_polygons, 3 * n_corners)
    return format_rows("f" + " %d/%d/%d" * n_corners + "\n", table + 1)


def format_rows(line: str, table: np.ndarray) -> str:
    """A line of text per row of numbers (n, k), by a format with k places."""
    # one format call for the whole table: ten times as fast as a call per row
    return (line * len(table)) % tuple(table.ravel().tolist())
