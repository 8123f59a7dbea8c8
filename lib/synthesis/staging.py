"""A person at one moment as surfaces: the posed head with its relief, hair, clothes and things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import PART_LABELS
from lib.geometry import vertex_normals
from lib.render import sample_texture
from lib.synthesis.chance import mixed
from lib.synthesis.hair.strands import Strands, hull
from lib.synthesis.people import Person
from lib.synthesis.props.prop import Prop
from lib.synthesis.rendering.materials import OTHER, SKIN
from lib.synthesis.rendering.scene import Fibres, Lens, Mesh, Skin, Stage, joined, plain_mesh
from lib.synthesis.skin.relief import cavity_shade, normals_with_relief
from lib.synthesis.studio import Studio

REFLECTANCE = 0.028  # of skin at normal incidence
RELIEF_LEVEL = 2  # coarser meshes cannot follow relief; there it is in the normals alone
TRACED_LEVEL = 1  # light changes little between the vertices of this level
N_HULL, HULL_MM = 600, 6.5  # ribbons that cast the hair's shadow
CLEAR = 0.5  # a lens that lets more light through hides nothing
PROP_LABEL = {"cloth": "cloth", "skin": "head", "glasses": "glasses", "lens": "glasses",
              "hand": "hand", "hat": "hat"}  # fmt: skip


@dataclass(frozen=True)
class Posed:
    """The head of one moment.

    Args:
        vertices: (n_vertices, 3) mm, with expression.
        height_mm: (side, side) relief along the normal.
        resting_mm: (side, side) the same of the person's resting face.
        fine: (n_fine, 3) mm, vertices of the mesh that is drawn, with relief from level 2 on.
        normals: (n_fine, 3) unit, of the drawn mesh.
        normal_map: (side, side, 3) unit, with relief; continued beyond the skin.
        level: times that each triangle of the model was cut into four for the drawn mesh.
    """

    vertices: np.ndarray
    height_mm: np.ndarray
    resting_mm: np.ndarray
    fine: np.ndarray
    normals: np.ndarray
    normal_map: np.ndarray
    level: int


def pose_head(
    studio: Studio,
    person: Person,
    expression: np.ndarray,
    side: int,
    level: int,
    relief: float,
    wrinkles: float = 1.0,
) -> Posed:
    """A person's head with an expression.

    Args:
        studio: the model.
        person: whose head.
        expression: (n_expression,) weights.
        side: of the maps, texels.
        level: of the drawn mesh.
        relief: factor on the height.
        wrinkles: factor on the depth of wrinkles alone.
    """
    model = studio.model
    offset = mixed(expression.astype(np.float32), model.expression_basis)
    vertices = (person.neutral + offset).astype(np.float32)
    ground = studio.ground(side)
    height, resting = (
        np.float32(relief) * person.relief.height_mm(person.neutral, pose, wrinkles)
        for pose in (vertices, person.neutral)
    )
    normal_map = normals_with_relief(ground, vertices, height)
    normal_map = normal_map.reshape(-1, 3)[studio.margin(side)]
    cut = studio.tessellation(level)
    coarse_normals = vertex_normals(vertices, model.triangles).astype(np.float32)
    drawn = studio.pouch.tucked(studio.lids.tucked(model, vertices))
    fine = cut.rounded(drawn, coarse_normals)
    normals = vertex_normals(fine, cut.triangles).astype(np.float32)
    if level >= RELIEF_LEVEL:
        at = sample_texture(height[..., None], studio.vertex_uv(level))
        fine = (fine + at * normals * _on_skin(studio, level)[:, None]).astype(np.float32)
    return Posed(vertices, height, resting, fine, normals, normal_map, level)


def _on_skin(studio: Studio, level: int) -> np.ndarray:
    """(n_fine,) bool: vertices of skin triangles."""
    result = np.zeros(studio.tessellation(level).n_vertices, bool)
    result[studio.tessellation(level).triangles[studio.triangle_kind(level) == SKIN]] = True
    return result


def set_stage(
    studio: Studio, person: Person, posed: Posed, props: list[Prop], side: int, level: int
) -> Stage:
    """Everything that stands before the cameras.

    Args:
        studio: the model.
        person: whose head.
        posed: the head of the moment.
        props: clothes and things.
        side: of the skin's maps.
        level: of the drawn mesh.
    """
    cut = studio.tessellation(level)
    blank = np.zeros((len(posed.fine), 3), np.float32)
    head = Mesh(
        posed.fine,
        posed.normals,
        cut.triangles,
        studio.triangle_kind(level),
        studio.triangle_label(level),
        blank,
        blank[:, :2],
    )
    opaque = [prop for prop in props if prop.label != "lens"]
    covers = [prop.covers for prop in props if len(prop.covers)]
    hidden = np.any(covers, axis=0) if covers else np.zeros(studio.model.n_vertices, bool)
    fibres = _fibres(studio, person, posed, hidden)
    albedo, gloss = _head_maps(studio, person, side)
    cavities = cavity_shade(studio.ground(side), posed.height_mm)
    maps = Skin(albedo, posed.normal_map, gloss, cavities, cut.uv, cut.uv_triangles)
    casting = [(posed.vertices, studio.casting_triangles)]
    casting += [(prop.vertices, prop.triangles) for prop in opaque]
    for hair in fibres:
        if hair.occludes:
            casting.append(hull(hair.points[:, ::2], N_HULL, HULL_MM))
    middle = posed.vertices[studio.model.parts["face_mask"]].mean(axis=0) - [0, 0, 45.0]
    return Stage(
        joined([head, *map(prop_mesh, opaque)]),
        len(cut.triangles),
        maps,
        fibres,
        tuple(
            Lens(prop.vertices, prop.triangles, prop.transmission)
            for prop in props
            if prop.label == "lens"
        ),
        _merged(casting),
        middle.astype(np.float64),
        _sheltered(studio, posed, level, opaque),
        studio.tessellation(min(level, TRACED_LEVEL)).n_vertices,
        tuple(step.edges for step in cut.cuts[TRACED_LEVEL:]),
    )


def _sheltered(studio: Studio, posed: Posed, level: int, props: list[Prop]) -> np.ndarray:
    """(v,) light that lids let through, for the vertices of the scene's mesh."""
    light = studio.lids.light(studio.model, posed.vertices)[:, None]
    rest = sum(len(prop.vertices) for prop in props)
    return np.concatenate([studio.tessellation(level).values(light)[:, 0], np.ones(rest)])


def prop_mesh(prop: Prop) -> Mesh:
    """A prop as part of the scene's mesh."""
    gloss = np.stack([prop.roughness, prop.reflectance], axis=1)
    label = PART_LABELS.index(PROP_LABEL[prop.label])
    kind = SKIN if prop.label in ("skin", "hand") else OTHER
    normals = vertex_normals(prop.vertices, prop.triangles)
    return plain_mesh(prop.vertices, normals, prop.triangles, prop.albedo, gloss, label, kind)


def _merged(meshes: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    first = np.cumsum([0, *(len(vertices) for vertices, _ in meshes[:-1])])
    triangles = [triangles + start for (_, triangles), start in zip(meshes, first)]
    return (
        np.concatenate([vertices for vertices, _ in meshes]).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
    )


def _head_maps(studio: Studio, person: Person, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side, 3) albedo and (side, side, 2) roughness and reflectance of all regions."""
    ground = studio.ground(side)
    inside = ground.chart.inside
    # everything else keeps its paint; gaps between charts continue the skin
    painted = (ground.chart.triangle >= 0) & ~inside
    nearest = studio.margin(side)
    skin = person.complexion
    albedo = skin.albedo.reshape(-1, 3)
    if person.hair is not None:
        cover = ground.chart.on(person.hair.scalp_cover)[..., None].reshape(-1, 1)
        albedo = albedo + cover * (person.hair.tint - albedo)
    albedo = albedo[nearest]
    gloss = np.stack([skin.roughness, REFLECTANCE * skin.specular], axis=-1).reshape(-1, 2)[nearest]
    albedo[painted] = studio.features(side, person.iris)[painted]
    gloss[painted] = studio.feature_gloss(side)[painted]
    return np.ascontiguousarray(albedo, np.float32), np.ascontiguousarray(gloss, np.float32)


def _fibres(studio: Studio, person: Person, posed: Posed, hidden: np.ndarray) -> tuple[Fibres, ...]:
    result = []
    triangles = studio.model.triangles
    normals = vertex_normals(posed.vertices, triangles)
    for strands in (person.hair, *person.facial):
        if strands is None:
            continue
        points = strands.carried(person.neutral, posed.vertices, triangles)
        corners = triangles[strands.root_triangle]
        kept = np.ones(len(points), bool)
        if strands.kind == "hair":
            kept = ~hidden[corners].any(axis=1)
        if not kept.any():
            continue
        weights = strands.root_barycentric[:, :, None]
        at_root = (normals[corners] * weights).sum(axis=1)
        result.append(_of(strands, points, at_root, kept))
    return tuple(result)


def _of(strands: Strands, points: np.ndarray, normals: np.ndarray, kept: np.ndarray) -> Fibres:
    albedo = strands.colour[:, None] * strands.shade[..., None]
    label = PART_LABELS.index("hair" if strands.kind == "hair" else "skin")
    return Fibres(
        np.ascontiguousarray(points[kept], np.float32),
        strands.radius_mm[kept],
        np.clip(albedo[kept], 0, 1).astype(np.float32),
        normals[kept].astype(np.float32),
        label,
        strands.kind == "hair",
    )
