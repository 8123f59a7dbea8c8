"""Binary glTF 2.0: a head with PBR materials and named morph targets.

Source: Khronos glTF 2.0 specification; frame: metres, y up, z out of the face, x to the subject's
left, which is glTF's own convention, so that only the unit changes.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lib.errors import ShapeError

METRES_PER_MM = 0.001

BYTE, USHORT, UINT, FLOAT = 5121, 5123, 5125, 5126
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP, REPEAT = 9729, 9987, 10497


@dataclass(frozen=True)
class Material:
    """How one part of the head reflects; its colour is the texture that all parts share."""

    name: str
    roughness: float
    double_sided: bool = False


@dataclass(frozen=True)
class GlbHead:
    """What `write_glb` puts into a file.

    Args:
        name: name of the mesh and its node.
        vertices: (n_vertices, 3) mm.
        normals: (n_vertices, 3) unit vectors.
        triangles: (n_triangles, 3) vertex indices.
        uv: (n_uv, 2) origin bottom-left.
        uv_triangles: (n_triangles, 3) uv indices.
        material_of_triangle: (n_triangles,) index into `materials`.
        materials: one primitive is written for each that has triangles.
        image: encoded texture, JPEG or PNG.
        target_names: name of each morph target.
        targets: (n_targets, n_vertices, 3) mm at weight 1.
        vertex_sigma_mm: (n_vertices,) written as the attribute `_SIGMA_MM`; None = left out.
        extras: application data of the mesh, JSON values.
    """

    name: str
    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    material_of_triangle: np.ndarray
    materials: tuple[Material, ...]
    image: bytes
    target_names: tuple[str, ...] = ()
    targets: np.ndarray | None = None
    vertex_sigma_mm: np.ndarray | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.uv_triangles.shape != self.triangles.shape:
            raise ShapeError("uv_triangles", self.uv_triangles.shape, str(self.triangles.shape))
        n_targets = 0 if self.targets is None else len(self.targets)
        if n_targets != len(self.target_names):
            raise ShapeError("target_names", (len(self.target_names),), f"({n_targets},)")


def write_glb(path: Path, head: GlbHead, smallest_delta_mm: float = 0.002) -> None:
    """Write a head as one GLB file; the same head gives the same bytes.

    Morph targets are sparse accessors of position differences; all their weights are 0.

    Args:
        path: the .glb file.
        head: the mesh, its texture and its targets.
        smallest_delta_mm: shorter morph differences are left out of the file.
    """
    binary = _Binary()
    used = [k for k in range(len(head.materials)) if (head.material_of_triangle == k).any()]
    primitives = [_primitive(binary, head, k, used.index(k), smallest_delta_mm) for k in used]
    mesh: dict[str, Any] = {"name": head.name, "primitives": primitives, "extras": head.extras}
    if head.target_names:
        mesh["weights"] = [0.0] * len(head.target_names)
        mesh["extras"] = {"targetNames": list(head.target_names), **head.extras}
    if not mesh["extras"]:
        del mesh["extras"]
    image_view = binary.view(head.image)
    mime = "image/png" if head.image[:4] == b"\x89PNG" else "image/jpeg"
    document = {
        "asset": {"version": "2.0", "generator": "visagraph"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": head.name, "mesh": 0}],
        "meshes": [mesh],
        "materials": [_material(head.materials[k]) for k in used],
        "textures": [{"source": 0, "sampler": 0}],
        "images": [{"name": "albedo", "bufferView": image_view, "mimeType": mime}],
        "samplers": [
            {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP, "wrapS": REPEAT, "wrapT": REPEAT}
        ],
        "accessors": binary.accessors,
        "bufferViews": binary.views,
        "buffers": [{"byteLength": len(binary.data)}],
    }
    path.write_bytes(_container(document, bytes(binary.data)))


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )


def _material(material: Material) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": material.name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0.0,
            "roughnessFactor": material.roughness,
        },
    }
    if material.double_sided:
        result["doubleSided"] = True
    return result


class _Binary:
    """The growing buffer of a GLB with the views and accessors that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.data += data
        self.views.append(view)
        return len(self.views) - 1

    def accessor(self, values: np.ndarray, kind: str, target: int, bounds: bool = False) -> int:
        component = {"f": FLOAT, "H": USHORT, "I": UINT}[values.dtype.char]
        entry: dict[str, Any] = {
            "bufferView": self.view(values.tobytes(), target),
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        if bounds:
            entry["min"], entry["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        self.accessors.append(entry)
        return len(self.accessors) - 1


def _index_type(count: int) -> type:
    return np.uint16 if count < 65535 else np.uint32  # the largest value means "restart"


def _primitive(
    binary: _Binary, head: GlbHead, material: int, slot: int, smallest_delta_mm: float
) -> dict[str, Any]:
    """One material's triangles, with vertices split where their uv differ."""
    here = head.material_of_triangle == material
    pairs = head.triangles[here].astype(np.int64) * len(head.uv) + head.uv_triangles[here]
    split, index = np.unique(pairs, return_inverse=True)
    vertex, uv_index = np.divmod(split, len(head.uv))

    def floats(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values, dtype="<f4")

    uv = head.uv[uv_index]
    attributes = {
        "POSITION": binary.accessor(
            floats(head.vertices[vertex] * METRES_PER_MM), "VEC3", ARRAY_BUFFER, bounds=True
        ),
        "NORMAL": binary.accessor(floats(_unit(head.normals[vertex])), "VEC3", ARRAY_BUFFER),
        "TEXCOORD_0": binary.accessor(
            floats(np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)), "VEC2", ARRAY_BUFFER
        ),
    }
    if head.vertex_sigma_mm is not None:
        attributes["_SIGMA_MM"] = binary.accessor(
            floats(head.vertex_sigma_mm[vertex]), "SCALAR", ARRAY_BUFFER
        )
    indices = index.ravel().astype(_index_type(len(split)))
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": binary.accessor(indices, "SCALAR", ELEMENT_BUFFER),
        "material": slot,
    }
    if head.targets is not None:
        targets = floats(head.targets[:, vertex])
        primitive["targets"] = _sparse_targets(binary, targets, smallest_delta_mm)
    return primitive


def _unit(normals: np.ndarray) -> np.ndarray:
    """Unit vectors; a vertex without area, which has no normal, points forward."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-6, normals / np.maximum(length, 1e-6), (0.0, 0.0, 1.0))


def _sparse_targets(
    binary: _Binary, targets: np.ndarray, smallest_delta_mm: float
) -> list[dict[str, int]]:
    """Sparse accessors for (n_targets, n_vertices, 3) differences in mm, in two shared views."""
    n_vertices = targets.shape[1]
    moved = (np.abs(targets) > smallest_delta_mm).any(axis=2)
    # A target that does not move this part keeps one explicit zero: some readers refuse or
    # misread an accessor without any data.
    moved[~moved.any(axis=1), 0] = True
    values = targets[moved] * np.float32(METRES_PER_MM)
    values[np.abs(values) < smallest_delta_mm * METRES_PER_MM * 1e-3] = 0
    index = np.nonzero(moved)[1].astype(_index_type(n_vertices))
    index_view, value_view = binary.view(index.tobytes()), binary.view(values.tobytes())
    component = USHORT if index.itemsize == 2 else UINT
    result, start = [], 0
    for count in moved.sum(axis=1).tolist():
        rows = values[start : start + count]
        if count < n_vertices:  # the vertices that are not listed stay at zero
            rows = np.concatenate([rows, np.zeros((1, 3), np.float32)])
        binary.accessors.append(
            {
                "componentType": FLOAT,
                "count": n_vertices,
                "type": "VEC3",
                "min": rows.min(axis=0).tolist(),
                "max": rows.max(axis=0).tolist(),
                "sparse": {
                    "count": count,
                    "indices": {
                        "bufferView": index_view,
                        "byteOffset": start * index.itemsize,
                        "componentType": component,
                    },
                    "values": {"bufferView": value_view, "byteOffset": start * 12},
                },
            }
        )
        result.append({"POSITION": len(binary.accessors) - 1})
        start += count
    return result
