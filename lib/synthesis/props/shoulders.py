"""What is seen under a head: its neck and chest, and clothes on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.body import Neck, draw_build, draw_neck, ground
from lib.synthesis.props.clothes import draw_outfit
from lib.synthesis.props.garments import figure
from lib.synthesis.props.prop import Prop, joined, make_prop
from lib.synthesis.props.sites import HeadSites, head_sites
from lib.synthesis.props.tubes import fan, grid_triangles

SKIN_STEP_MM = 6.0
FLANGE_MM = 0.7  # the skin begins this far under the head's own
SUNK_MM, UNDER_MM = 7.0, 60.0  # the skin lies lower under cloth, and ends this far under it
HEAD_ABOVE_MM = 40.0  # of the middle of the neck: what cloth may touch of the head
TOUCH_MM, TOUCH_WIDE_MM = 45.0, 170.0  # lengths down to which it may, by the head's extent


def draw_shoulders(
    model: FaceModel,
    vertices: np.ndarray,
    skin_rgb: np.ndarray,
    chance: np.random.Generator,
    sites: HeadSites | None = None,
) -> list[Prop]:
    """Skin under the rim of the neck, and clothes; no gap is seen from any side.

    Args:
        model: of the head.
        vertices: (n_vertices, 3) mm, posed.
        skin_rgb: (3,) linear RGB of the neck.
        chance: source of random numbers.
        sites: of the model, where they are known already.
    """
    sites = sites or head_sites(model)
    vertices = vertices.astype(np.float64)
    neck = draw_neck(sites, vertices, draw_build(chance))
    near = sites.skin[(vertices[sites.skin, 1] < neck.centre[1] + HEAD_ABOVE_MM).all(axis=1)]
    head = SurfaceTree(vertices, near)
    reach = TOUCH_WIDE_MM if neck.is_wide else TOUCH_MM
    outfit = draw_outfit(figure(ground(neck, head), head, reach), chance)
    skin = _bare_skin(neck, sites, vertices, np.asarray(skin_rgb, float), outfit.edge, chance)
    return [skin, joined(outfit.props)]


def _bare_skin(
    neck: Neck,
    sites: HeadSites,
    vertices: np.ndarray,
    skin_rgb: np.ndarray,
    edge: Callable[[np.ndarray], np.ndarray],
    chance: np.random.Generator,
) -> Prop:
    """Skin from the rim of the neck to somewhere under the clothes, closed there."""
    body = neck.body(neck.turn)
    first, covered = body.length[0], edge(neck.turn)
    last = np.minimum(body.end(), np.maximum(covered, first).max() + UNDER_MM)
    rows = max(round(float((last - first).max()) / SKIN_STEP_MM), 4)
    length = first + np.linspace(0, 1, rows)[:, None] * (last - first)
    points = body.at(length)
    points[0] = neck.rim
    flange = np.einsum("kmc,km->kc", vertices[sites.above_rim], sites.above_weight)
    inwards = neck.centre - flange
    flange += FLANGE_MM * inwards / np.linalg.norm(inwards, axis=1, keepdims=True)
    grid = np.concatenate([flange[None], points])
    grid[2:] += _relief(grid, length, length - covered, neck)[2:]
    k = len(neck.rim)
    triangles = grid_triangles(rows + 1, k, closed=True)
    flat = np.concatenate([grid.reshape(-1, 3), grid[-1].mean(axis=0, keepdims=True)])
    bottom = np.arange(len(flat) - k - 1, len(flat) - 1)
    triangles = np.concatenate([triangles, fan(bottom[::-1], len(flat) - 1)])
    tone = 1 + 0.03 * smooth_noise(flat, 40.0, chance, 12)[:, None] * [1.0, 1.3, 1.3]
    return make_prop(flat, triangles, skin_rgb * tone, "skin", 0.5, 0.028)


def _relief(grid: np.ndarray, length: np.ndarray, under_mm: np.ndarray, neck: Neck) -> np.ndarray:
    """(r, k, 3) mm: collar bones, the pit of the neck, and how deep skin lies under cloth."""
    down = np.gradient(grid, axis=0)
    right = np.roll(grid, -1, axis=1) - np.roll(grid, 1, axis=1)
    normal = np.cross(down, right)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
    away = np.abs((neck.turn + np.pi) % (2 * np.pi) - np.pi)
    bone_at = 12.0 + 26.0 * np.clip((away - 0.15) / 1.2, 0, 1)  # lengths along the collar bone
    on_bone = np.exp(-0.5 * ((length - bone_at) / 6.5) ** 2)
    on_bone *= np.exp(-0.5 * ((away - 0.65) / 0.33) ** 2)
    above_bone = np.exp(-0.5 * ((length - bone_at + 19) / 9) ** 2)
    above_bone *= np.exp(-0.5 * ((away - 0.95) / 0.3) ** 2)
    pit = np.exp(-0.5 * ((length - 1) / 9) ** 2 - 0.5 * (away / 0.2) ** 2)
    share = np.clip((length - length[0]) / 15, 0, 1)
    bare = np.clip(-under_mm / 16, 0, 1)  # cloth lies on a body without bones
    out = (4.5 * on_bone - 5.0 * above_bone - 4.0 * pit) * share * bare
    sunk = np.clip((under_mm - 3) / 22, 0, 1)
    out -= SUNK_MM * sunk * sunk * (3 - 2 * sunk) * share
    return np.concatenate([np.zeros_like(normal[:1]), out[..., None] * normal[1:]])
