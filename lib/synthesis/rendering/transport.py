"""How much of each light reaches each point of a scene; shadow maps tell, once for all views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lib.render.differentiable import camera_clip, raster_depth, rasterise
from lib.synthesis.rendering.lighting import DOME_REACH_MM, Lighting

HEAD_REACH_MM = 185.0  # about the head's middle; what lies further out casts no shadow
PLACES_PER_LAMP = 8
MAP_PX = 176
BATCH = 8
LIFT_MM = 1.6  # points are lifted off their own surface
FADE_MM = 2.5  # over which a shadow sets in behind what casts it
LEAK = 0.05  # of a light that reaches everywhere, through skin and from surface to surface
HAIR_MM = 9.0  # depth of hair that leaves 1/e of the light


@dataclass(frozen=True)
class Received:
    """Light that arrives at points.

    Args:
        dome: (n, 4, 3) dome light in bands 0-1, each direction counted as far as it is seen.
        lamps: (n, k) share of each lamp that is seen.
    """

    dome: torch.Tensor
    lamps: torch.Tensor


@dataclass(frozen=True)
class Casters:
    """What casts shadows.

    Args:
        vertices: (v, 3) mm.
        triangles: (t, 3)
        middle: (3,) mm, of the head.
    """

    vertices: torch.Tensor
    triangles: torch.Tensor
    middle: np.ndarray


def receive(
    points: torch.Tensor,
    normals: torch.Tensor,
    in_hair: torch.Tensor,
    casters: Casters,
    lighting: Lighting,
    map_px: int = MAP_PX,
) -> Received:
    """Trace every light to every point.

    Args:
        points: (n, 3) mm.
        normals: (n, 3) unit.
        in_hair: (n,) bool, points of hair, which light fades into gradually.
        casters: what casts shadows.
        lighting: the lights.
        map_px: side of a shadow map.
    """
    lamps = [casters.middle + lamp.places(PLACES_PER_LAMP) for lamp in lighting.lamps]
    dome = casters.middle + lighting.dome_directions * DOME_REACH_MM
    places = np.concatenate([*lamps, dome])
    share = torch.empty(len(places), len(points), device=points.device)
    lifted = points + LIFT_MM * normals * ~in_hair[:, None]
    for start in range(0, len(places), BATCH):
        rows = slice(start, start + BATCH)
        share[rows] = _seen(lifted, in_hair, casters, places[rows], map_px)
    n_lamps = len(lighting.lamps)
    count = n_lamps * PLACES_PER_LAMP
    by_lamp = share[:count].reshape(n_lamps, PLACES_PER_LAMP, len(points)).mean(dim=1)
    basis = np.concatenate([np.ones((len(dome), 1)), lighting.dome_directions], axis=1)
    light = points.new_tensor(basis[:, :, None] * lighting.dome_colours[:, None])  # (n, 4, 3)
    gathered = share[count:].T @ light.reshape(len(dome), 12)
    return Received(gathered.reshape(-1, 4, 3), by_lamp.T.contiguous())


def _seen(
    points: torch.Tensor,
    in_hair: torch.Tensor,
    casters: Casters,
    places: np.ndarray,
    map_px: int,
) -> torch.Tensor:
    """(b, n) share of light from b places that arrives at the points."""
    pose, focal = _look_from(places, casters.middle, map_px)
    like = points.new_tensor
    middle = like(np.full((len(places), 2), (map_px - 1) / 2))
    camera = (like(pose), like(focal), middle, (map_px, map_px))
    clip = camera_clip(casters.vertices[None], *camera)
    depth = raster_depth(rasterise(clip, casters.triangles, (map_px, map_px)))
    rotation, shift = camera[0][:, :, :3], camera[0][:, None, :, 3]
    inside = points @ rotation.transpose(1, 2) + shift
    z = inside[..., 2]
    pixel = inside[..., :2] * (camera[1][:, None] / z)[..., None] + middle[:, None]
    column, row = pixel.round().long().unbind(-1)
    beyond = (column < 0) | (row < 0) | (column >= map_px) | (row >= map_px)
    index = row.clamp(0, map_px - 1) * map_px + column.clamp(0, map_px - 1)
    behind = z - depth.flatten(1).gather(1, index)
    hard = 1 - (behind / FADE_MM).clamp(0, 1)
    soft = torch.exp(-behind.clamp_min(0) / HAIR_MM)
    hard = LEAK + (1 - LEAK) * hard
    return torch.where(in_hair, soft, hard).masked_fill(beyond, 1.0)


def _look_from(
    places: np.ndarray, middle: np.ndarray, map_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """(b, 3, 4) poses of cameras at places that look at the head, and their (b,) focal lengths."""
    forward = middle - places
    distance = np.linalg.norm(forward, axis=1, keepdims=True)
    forward = forward / distance
    helper = np.where(np.abs(forward[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(forward, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    rotation = np.stack([side, np.cross(forward, side), forward], axis=1)
    shift = -np.einsum("bij,bj->bi", rotation, places)
    distance = distance[:, 0]
    reach = np.sqrt(np.maximum(distance**2 - HEAD_REACH_MM**2, 1))
    focal = 0.49 * map_px * reach / HEAD_REACH_MM
    return np.concatenate([rotation, shift[:, :, None]], axis=2), focal
