"""Binary glTF 2.0: a head with PBR materials and named morph targets.

Source: Khronos glTF 2.0 specification; frame: metres, y up, z out of the face, x to the subject's
left, which is glTF's own convention, so that only the unit changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lib.errors import ShapeError
from lib.export.glb_binary import FLOAT, UINT, USHORT, Binary, container

METRES_PER_MM = 0.001

ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
LINEAR, LINEAR_MIPMAP, REPEAT = 9729, 9987, 10497
IOR, SPECULAR = "KHR_materials_ior", "KHR_materials_specular"


@dataclass(frozen=True)
class Material:
    """How one part of the head reflects; its colour is the texture that all parts share.

    The roughness is that of heads whose gloss nobody told.
    """

    name: str
    roughness: float
    double_sided: bool = False
    has_relief: bool = False


@dataclass(frozen=True)
class SparseTargets:
    """Morph targets of one part: the rows that move, one target after the other.

    Args:
        n_vertices: of the part.
        index: (n_rows,) vertex of each row, in the smallest type that glTF allows.
        values: (n_rows, 3) float32 differences in metres.
        counts: rows of each target.
        bounds: least and greatest difference of each target, rows that do not move included.
    """

    n_vertices: int
    index: np.ndarray
    values: np.ndarray
    counts: tuple[int, ...]
    bounds: tuple[tuple[list[float], list[float]], ...]


@dataclass(frozen=True)
class RigPart:
    """One material's triangles, with vertices split where their uv differ.

    Args:
        vertex: (n_split,) the model's vertex of each split vertex.
        uv: (n_split, 2) float32, origin top-left as glTF wants it.
        indices: (3 n_triangles,) split vertices.
        targets: None = the rig has no morph targets.
    """

    vertex: np.ndarray
    uv: np.ndarray
    indices: np.ndarray
    targets: SparseTargets | None


@dataclass(frozen=True)
class GlbRig:
    """What all heads of one model share in their GLB files.

    Args:
        materials: one for each part.
        parts: one primitive each.
        target_names: name of each morph target.
    """

    materials: tuple[Material, ...]
    parts: tuple[RigPart, ...]
    target_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class GlbHead:
    """One head on its rig.

    Args:
        name: name of the mesh and its node.
        vertices: (n_vertices, 3) mm.
        normals: (n_vertices, 3) unit vectors.
        image: encoded texture, JPEG or PNG.
        vertex_sigma_mm: (n_vertices,) written as the attribute `_SIGMA_MM`; None = left out.
        extras: application data of the mesh, JSON values.
        normal_image: encoded tangent-space normals of the materials with relief; None = none.
        more_images: encoded pictures that application data tell of, by name: the value
            `{"image": name}` anywhere in `relief` becomes the picture's number.
        relief: application data of the materials with relief, JSON values.
        gloss_image: encoded RGBA picture: roughness in green, metalness in blue, and in alpha
            reflectance at normal incidence over that of `ior`; None = not known.
        ior: index of refraction, with a gloss image.
    """

    name: str
    vertices: np.ndarray
    normals: np.ndarray
    image: bytes
    vertex_sigma_mm: np.ndarray | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    normal_image: bytes | None = None
    more_images: Mapping[str, bytes] = field(default_factory=dict)
    relief: dict[str, Any] = field(default_factory=dict)
    gloss_image: bytes | None = None
    ior: float = 1.5


def glb_rig(
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    material_of_triangle: np.ndarray,
    materials: tuple[Material, ...],
    target_names: tuple[str, ...] = (),
    targets: np.ndarray | None = None,
    smallest_delta_mm: float = 0.002,
) -> GlbRig:
    """The rig of a model; a material without triangles is left out.

    Args:
        triangles: (n_triangles, 3) vertex indices.
        uv: (n_uv, 2) origin bottom-left.
        uv_triangles: (n_triangles, 3) uv indices.
        material_of_triangle: (n_triangles,) index into `materials`.
        materials: how the parts reflect.
        target_names: name of each morph target.
        targets: (n_targets, n_vertices, 3) mm at weight 1.
        smallest_delta_mm: shorter morph differences are left out of the file.

    Raises:
        ShapeError: `uv_triangles` or `target_names` does not fit.
    """
    if uv_triangles.shape != triangles.shape:
        raise ShapeError("uv_triangles", uv_triangles.shape, str(triangles.shape))
    n_targets = 0 if targets is None else len(targets)
    if n_targets != len(target_names):
        raise ShapeError("target_names", (len(target_names),), f"({n_targets},)")
    used = [k for k in range(len(materials)) if (material_of_triangle == k).any()]
    parts = []
    for material in used:
        here = material_of_triangle == material
        pairs = triangles[here].astype(np.int64) * len(uv) + uv_triangles[here]
        split, index = np.unique(pairs, return_inverse=True)
        vertex, uv_index = np.divmod(split, len(uv))
        corner = uv[uv_index]
        parts.append(
            RigPart(
                vertex,
                _floats(np.stack([corner[:, 0], 1 - corner[:, 1]], axis=1)),
                index.ravel().astype(_index_type(len(split))),
                None
                if targets is None
                else _sparse(_floats(targets[:, vertex]), smallest_delta_mm),
            )
        )
    return GlbRig(tuple(materials[k] for k in used), tuple(parts), target_names)


def write_glb(path: Path, head: GlbHead, rig: GlbRig) -> None:
    """Write a head as one GLB file; the same head gives the same bytes.

    Morph targets are sparse accessors of position differences; all their weights are 0.

    Args:
        path: the .glb file.
        head: the mesh and its texture.
        rig: parts, chart and targets of its model.
    """
    binary = Binary()
    primitives = [
        _primitive(binary, head, part, slot, head.normal_image is not None and material.has_relief)
        for slot, (part, material) in enumerate(zip(rig.parts, rig.materials, strict=True))
    ]
    mesh: dict[str, Any] = {"name": head.name, "primitives": primitives, "extras": head.extras}
    if rig.target_names:
        mesh["weights"] = [0.0] * len(rig.target_names)
        mesh["extras"] = {"targetNames": list(rig.target_names), **head.extras}
    if not mesh["extras"]:
        del mesh["extras"]
    pictures = {"albedo": head.image}
    if head.normal_image is not None:
        pictures["normal"] = head.normal_image
    if head.gloss_image is not None:
        pictures["gloss"] = head.gloss_image
    images = [_image(binary, name, data) for name, data in (pictures | head.more_images).items()]
    number = {image["name"]: index for index, image in enumerate(images)}
    document = {
        "asset": {"version": "2.0", "generator": "visagraph"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": head.name, "mesh": 0}],
        "meshes": [mesh],
        "materials": [_material(material, head, number) for material in rig.materials],
        "textures": [{"source": source, "sampler": 0} for source in range(len(pictures))],
        "images": images,
        "samplers": [
            {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP, "wrapS": REPEAT, "wrapT": REPEAT}
        ],
        "accessors": binary.accessors,
        "bufferViews": binary.views,
        "buffers": [{"byteLength": len(binary.data)}],
    }
    if head.gloss_image is not None:
        document["extensionsUsed"] = [IOR, SPECULAR]
    path.write_bytes(container(document, bytes(binary.data)))


def _image(binary: Binary, name: str, data: bytes) -> dict[str, Any]:
    mime = "image/png" if data[:4] == b"\x89PNG" else "image/jpeg"
    return {"name": name, "bufferView": binary.view(data), "mimeType": mime}


def _numbered(told: Any, number: Mapping[str, int]) -> Any:
    """Application data with pictures by number instead of by name."""
    if isinstance(told, Mapping):
        if set(told) == {"image"}:
            return {"image": number[told["image"]]}
        return {key: _numbered(value, number) for key, value in told.items()}
    return [_numbered(item, number) for item in told] if isinstance(told, list) else told


def _material(material: Material, head: GlbHead, number: Mapping[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": material.name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0.0,
            "roughnessFactor": material.roughness,
        },
    }
    if head.gloss_image is not None:
        texture = {"index": number["gloss"]}
        result["pbrMetallicRoughness"] |= {
            "metallicRoughnessTexture": texture,
            "roughnessFactor": 1.0,
        }
        result["extensions"] = {
            IOR: {"ior": round(head.ior, 6)},
            SPECULAR: {"specularTexture": texture},
        }
    if material.double_sided:
        result["doubleSided"] = True
    if material.has_relief and head.normal_image is not None:
        result["normalTexture"] = {"index": number["normal"]}
    if material.has_relief and head.relief:
        result["extras"] = _numbered(head.relief, number)
    return result


def _index_type(count: int) -> type:
    return np.uint16 if count < 65535 else np.uint32  # the largest value means "restart"


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype="<f4")


def _primitive(
    binary: Binary, head: GlbHead, part: RigPart, slot: int, has_relief: bool
) -> dict[str, Any]:
    """The glTF primitive of one part of a head; its data go into `binary`."""
    points = _floats(head.vertices[part.vertex] * METRES_PER_MM)
    normals = _floats(_unit(head.normals[part.vertex]))
    attributes = {
        "POSITION": binary.accessor(points, "VEC3", ARRAY_BUFFER, bounds=True),
        "NORMAL": binary.accessor(normals, "VEC3", ARRAY_BUFFER),
        "TEXCOORD_0": binary.accessor(part.uv, "VEC2", ARRAY_BUFFER),
    }
    if has_relief:
        tangents = _tangents(points, normals, part)
        attributes["TANGENT"] = binary.accessor(tangents, "VEC4", ARRAY_BUFFER)
    if head.vertex_sigma_mm is not None:
        sigma = _floats(head.vertex_sigma_mm[part.vertex])
        attributes["_SIGMA_MM"] = binary.accessor(sigma, "SCALAR", ARRAY_BUFFER)
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": binary.accessor(part.indices, "SCALAR", ELEMENT_BUFFER),
        "material": slot,
    }
    if part.targets is not None:
        primitive["targets"] = _target_accessors(binary, part.targets)
    return primitive


def _tangents(points: np.ndarray, normals: np.ndarray, part: RigPart) -> np.ndarray:
    """(n_split, 4) float32: unit tangents along +u, and 1, or -1 where the chart is mirrored.

    A vertex that no triangle gives a direction has any tangent of its normal.
    """
    triangles = part.indices.reshape(-1, 3).astype(np.int64)
    uv = part.uv.astype(np.float64) * [1, -1]  # v upwards: y of normal maps points up the picture
    edge = points[triangles[:, 1:]].astype(np.float64) - points[triangles[:, :1]]
    step = uv[triangles[:, 1:]] - uv[triangles[:, :1]]
    area = step[:, 0, 0] * step[:, 1, 1] - step[:, 0, 1] * step[:, 1, 0]
    way = (edge[:, 0] * step[:, 1, 1:] - edge[:, 1] * step[:, 0, 1:]) * np.sign(area)[:, None]
    total, side = np.zeros((len(points), 3)), np.zeros(len(points))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], way)
        np.add.at(side, triangles[:, corner], area)
    total -= normals * (total * normals).sum(axis=1, keepdims=True)
    least = np.eye(3)[np.argmin(np.abs(normals), axis=1)]
    any_way = np.cross(normals, least)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    total = np.where(length > 1e-12, total / np.maximum(length, 1e-12), any_way)
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    return _floats(np.column_stack([total, np.where(side < 0, -1.0, 1.0)]))


def _unit(normals: np.ndarray) -> np.ndarray:
    """Unit vectors; a vertex without area, which has no normal, points forward."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-6, normals / np.maximum(length, 1e-6), (0.0, 0.0, 1.0))


def _sparse(targets: np.ndarray, smallest_delta_mm: float) -> SparseTargets:
    """The rows that move of (n_targets, n_vertices, 3) differences in mm."""
    n_vertices = targets.shape[1]
    moved = (np.abs(targets) > smallest_delta_mm).any(axis=2)
    # A target that does not move this part keeps one explicit zero: some readers refuse or
    # misread an accessor without any data.
    moved[~moved.any(axis=1), 0] = True
    values = targets[moved] * np.float32(METRES_PER_MM)
    values[np.abs(values) < smallest_delta_mm * METRES_PER_MM * 1e-3] = 0
    index = np.nonzero(moved)[1].astype(_index_type(n_vertices))
    counts = tuple(moved.sum(axis=1).tolist())
    bounds, start = [], 0
    for count in counts:
        rows = values[start : start + count]
        if count < n_vertices:  # the vertices that are not listed stay at zero
            rows = np.concatenate([rows, np.zeros((1, 3), np.float32)])
        bounds.append((rows.min(axis=0).tolist(), rows.max(axis=0).tolist()))
        start += count
    return SparseTargets(n_vertices, index, values, counts, tuple(bounds))


def _target_accessors(binary: Binary, targets: SparseTargets) -> list[dict[str, int]]:
    """One sparse accessor per target, in two shared views."""
    index_view = binary.view(targets.index.tobytes())
    value_view = binary.view(targets.values.tobytes())
    size = targets.index.itemsize
    component = USHORT if size == 2 else UINT
    result, start = [], 0
    for count, (low, high) in zip(targets.counts, targets.bounds, strict=True):
        indices = {"bufferView": index_view, "byteOffset": start * size, "componentType": component}
        binary.accessors.append(
            {
                "componentType": FLOAT,
                "count": targets.n_vertices,
                "type": "VEC3",
                "min": low,
                "max": high,
                "sparse": {
                    "count": count,
                    "indices": indices,
                    "values": {"bufferView": value_view, "byteOffset": start * 12},
                },
            }
        )
        result.append({"POSITION": len(binary.accessors) - 1})
        start += count
    return result
