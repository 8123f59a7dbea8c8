"""All that cameras see of one moment: surfaces, hair, and the light that they receive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.synthesis.rendering.lighting import Lighting
from lib.synthesis.rendering.materials import OTHER
from lib.synthesis.rendering.transport import MAP_PX, Casters, Received, receive

KNOTS = 4  # points of a hair at which light is traced


@dataclass(frozen=True)
class Mesh:
    """Surfaces with what their vertices look like.

    Args:
        vertices: (v, 3) mm.
        normals: (v, 3) unit.
        triangles: (t, 3)
        kind: (t,) SKIN, EYE, ... of `materials`.
        label: (t,) index into `lib.artefacts.PART_LABELS`.
        albedo: (v, 3) linear; unused where a texture says it.
        gloss: (v, 2) roughness, and reflectance at normal incidence; likewise.
    """

    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    kind: np.ndarray
    label: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray


@dataclass(frozen=True)
class Skin:
    """Maps of the head's surface, in its texture chart; row 0 is v = 1.

    Args:
        albedo: (side, side, 3) linear, of all regions.
        normal: (side, side, 3) unit, model frame, of the posed skin with its relief.
        gloss: (side, side, 2) roughness and reflectance.
        cavities: (side, side) share of light that reaches pores and furrows.
        uv: (n_uv, 2)
        uv_triangles: (t, 3) of the head's triangles, which come first in the scene's mesh.
    """

    albedo: np.ndarray
    normal: np.ndarray
    gloss: np.ndarray
    cavities: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray


@dataclass(frozen=True)
class Fibres:
    """Hairs of one sort.

    Args:
        points: (n, k, 3) mm from root to tip.
        radius_mm: (n,)
        albedo: (n, k, 3) linear.
        normals: (n, 3) unit, of the skin at the root.
        label: index into PART_LABELS.
        occludes: hides the face from those who look for it, as hair of the head does; brows,
            lashes and beards are part of the face.
    """

    points: np.ndarray
    radius_mm: np.ndarray
    albedo: np.ndarray
    normals: np.ndarray
    label: int
    occludes: bool


@dataclass(frozen=True)
class Lens:
    """Glass before the eyes: it dims what lies behind and mirrors lamps.

    Args:
        vertices: (v, 3) mm.
        triangles: (t, 3)
        transmission: (v, 3) 0..1.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    transmission: np.ndarray


@dataclass(frozen=True)
class Stage:
    """What stands before the cameras, before any light falls on it.

    Args:
        mesh: head first, then everything else.
        n_head: number of the head's triangles.
        skin: the head's maps.
        fibres: hair of all sorts.
        lenses: of glasses.
        casters: (v, 3) and (t, 3) of a coarser mesh that casts the shadows.
        middle: (3,) mm, of the head.
        sheltered: (v,) of the mesh, share of light that reaches places too narrow for shadow maps.
        n_traced: first vertices of the head, at which light is traced.
        finer: (m, 2) edges each, whose middles are the head's further vertices, cut by cut.
    """

    mesh: Mesh
    n_head: int
    skin: Skin
    fibres: tuple[Fibres, ...]
    lenses: tuple[Lens, ...]
    casters: tuple[np.ndarray, np.ndarray]
    middle: np.ndarray
    sheltered: np.ndarray
    n_traced: int
    finer: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A stage under its light.

    Args:
        stage: what is there.
        lighting: the lights.
        received: at the mesh's vertices.
        on_fibres: at the points of each sort of hair.
        maps: (1, side, side, 9) albedo, normal, roughness, reflectance and cavities of the head.
    """

    stage: Stage
    lighting: Lighting
    received: Received
    on_fibres: tuple[Received, ...]
    maps: torch.Tensor


def lit(stage: Stage, lighting: Lighting, device: torch.device, coarse: int | None = None) -> Scene:
    """Let light fall on a stage.

    Args:
        stage: what is there.
        lighting: the lights.
        device: where tensors live.
        coarse: side of a shadow map, px; None = the default.
    """

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(values, np.float32), device=device)

    rest = stage.n_traced + sum(map(len, stage.finer))  # where the head ends
    traced = np.r_[0 : stage.n_traced, rest : len(stage.mesh.vertices)]
    points, normals = [stage.mesh.vertices[traced]], [stage.mesh.normals[traced]]
    hairy = [False]
    for fibres in stage.fibres:
        knots = fibres.points[:, _knots(fibres.points.shape[1])]
        points.append(knots.reshape(-1, 3))
        normals.append(np.repeat(fibres.normals, knots.shape[1], axis=0))
        hairy.append(True)
    counts = [len(item) for item in points]
    in_hair = torch.as_tensor(np.repeat(hairy, counts), device=device)
    vertices, triangles = stage.casters
    casters = Casters(
        tensor(vertices), torch.as_tensor(triangles, dtype=torch.int32, device=device), stage.middle
    )
    every = receive(
        tensor(np.concatenate(points)),
        tensor(np.concatenate(normals)),
        in_hair,
        casters,
        lighting,
        coarse or MAP_PX,
    )
    domes, lamps = every.dome.split(counts), every.lamps.split(counts)
    parts = [Received(dome, lamp) for dome, lamp in zip(domes, lamps)]
    sheltered = tensor(stage.sheltered)[:, None]
    parts[0] = Received(
        _everywhere(parts[0].dome, stage) * sheltered[..., None],
        _everywhere(parts[0].lamps, stage) * sheltered,
    )
    on_fibres = [
        _between(received, fibres.points.shape[:2])
        for received, fibres in zip(parts[1:], stage.fibres)
    ]
    skin = stage.skin
    layers = [skin.albedo, skin.normal, skin.gloss, skin.cavities[..., None]]
    maps = tensor(np.concatenate(layers, axis=2)[None])
    return Scene(stage, lighting, parts[0], tuple(on_fibres), maps)


def _everywhere(values: torch.Tensor, stage: Stage) -> torch.Tensor:
    """(v, ...) values at all vertices of a mesh from those where light was traced."""
    head, rest = values[: stage.n_traced], values[stage.n_traced :]
    for edges in stage.finer:
        ends = torch.as_tensor(edges, device=values.device).long()
        head = torch.cat([head, (head[ends[:, 0]] + head[ends[:, 1]]) / 2])
    return torch.cat([head, rest])


def _knots(k: int) -> np.ndarray:
    """Points of a hair at which light is traced; between them it is interpolated."""
    return np.unique(np.rint(np.linspace(0, k - 1, KNOTS)).astype(int))


def _between(received: Received, shape: tuple[int, int]) -> Received:
    """Light at all n x k points of hairs from that at their knots."""
    n, k = shape
    knots = _knots(k)
    weights = np.stack([np.interp(np.arange(k), knots, row) for row in np.eye(len(knots))], axis=1)
    spread = received.dome.new_tensor(weights)  # (k, knots)

    def filled(values: torch.Tensor) -> torch.Tensor:
        return (spread @ values.reshape(n, len(knots), -1)).reshape(n * k, *values.shape[1:])

    return Received(filled(received.dome), filled(received.lamps))


def joined(meshes: list[Mesh]) -> Mesh:
    """Meshes as one, in order."""
    first = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    triangles = [mesh.triangles + start for mesh, start in zip(meshes, first)]
    fields = {
        name: np.concatenate([getattr(mesh, name) for mesh in meshes])
        for name in ("vertices", "normals", "kind", "label", "albedo", "gloss")
    }
    return Mesh(triangles=np.concatenate(triangles).astype(np.int32), **fields)


def plain_mesh(
    vertices: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    albedo: np.ndarray,
    gloss: np.ndarray,
    label: int,
    kind: int = OTHER,
) -> Mesh:
    """A mesh of one kind and label."""
    count = len(triangles)
    return Mesh(
        np.asarray(vertices, np.float32),
        np.asarray(normals, np.float32),
        np.asarray(triangles, np.int32),
        np.full(count, kind, np.uint8),
        np.full(count, label, np.uint8),
        np.asarray(albedo, np.float32),
        np.asarray(gloss, np.float32),
    )
