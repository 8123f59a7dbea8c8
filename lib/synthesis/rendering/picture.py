"""What one camera sees of a lit scene: matte and mirrored light apart, before any sensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lib.render import Camera
from lib.render.differentiable import (
    camera_clip,
    gaussian_blur,
    ggx,
    interpolate,
    raster_depth,
    rasterise,
    texture,
    texture_coordinates,
    unit,
)
from lib.synthesis.hair.strands import ribbons
from lib.synthesis.rendering.materials import HAIR, SKIN, Fragments, dome_irradiance, shade
from lib.synthesis.rendering.materials import unit as unit_rows
from lib.synthesis.rendering.scene import Fibres, Lens, Scene

TILE_PIXELS = 524_288  # sub-pixels that are shaded together
SCATTER_MM = (1.3, 0.62, 0.36)  # sigma of light's spread in skin, by colour
SCATTERED = (0.62, 0.5, 0.42)  # share of it that spreads
THINNEST_PX = 0.9  # sub-pixels; thinner hairs would be dotted
THINNEST_FACIAL_PX = 0.45  # of brows, lashes and beards, which thicker ones would paint black
HAIR_GLOSS = (0.35, 0.046)
LENS_ROUGHNESS, LENS_REFLECTANCE = 0.06, 0.05


@dataclass(frozen=True)
class Picture:
    """Light on a sensor.

    Args:
        diffuse: (h, w, 3) linear, 0 where nothing stands.
        specular: (h, w, 3) linear.
        cover: (h, w) share of the pixel that something covers.
    """

    diffuse: np.ndarray
    specular: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True)
class Drawn:
    """A scene as one mesh for one camera, hair turned to face it; tensors.

    Args:
        vertices: (v, 3) mm.
        triangles: (t, 3) int32.
        kind: (t,) materials.
        values: (v, C) position, normal, albedo, gloss, tangent, dome light and lamps.
        n_head: triangles of the head, which come first.
    """

    vertices: torch.Tensor
    triangles: torch.Tensor
    kind: torch.Tensor
    values: torch.Tensor
    n_head: int


def take_picture(
    scene: Scene, camera: Camera, size: tuple[int, int], supersample: int = 2
) -> Picture:
    """The scene through a camera.

    Args:
        scene: with its light.
        camera: pinhole.
        size: (h, w) px.
        supersample: sub-pixels per pixel along each axis.
    """
    device = scene.received.dome.device
    view = _View.of(camera, size, supersample, device)
    drawn = _drawn(scene, view)
    clip = view.clip(drawn.vertices)
    count = view.size[0] * view.size[1]
    irradiance, albedo, specular = (torch.zeros(count, 3, device=device) for _ in range(3))
    kind = torch.full((count,), -1, dtype=torch.int16, device=device)
    depth = torch.full((count,), torch.inf, device=device)
    middle = torch.as_tensor(scene.stage.middle, dtype=torch.float32, device=device)
    for raster, first in _tiles(clip, drawn.triangles, view.size):
        shown = raster.mask.flatten().nonzero()[:, 0]
        if not len(shown):
            continue
        fragments = _fragments(scene, drawn, raster, shown, view)
        rows = shown + first
        matte, mirrored = shade(fragments, scene.lighting, middle)
        irradiance[rows], specular[rows] = matte.T, mirrored.T
        albedo[rows], kind[rows] = fragments.albedo.T, fragments.kind.to(torch.int16)
        depth[rows] = raster_depth(raster).flatten()[shown]
    image = view.size
    skin = (kind == SKIN).view(*image)
    spread = _scattered(irradiance.view(*image, 3), skin, depth.view(*image), view, supersample)
    diffuse = (albedo.view(*image, 3) * spread).contiguous()
    specular = specular.view(*image, 3)
    for lens in scene.stage.lenses:
        _see_through(lens, scene, view, depth.view(*image), diffuse, specular, middle)
    cover = (kind >= 0).view(*image, 1).float()
    averaged = [_averaged(layer, supersample).cpu().numpy() for layer in (diffuse, specular, cover)]
    return Picture(averaged[0], averaged[1], averaged[2][..., 0])


@dataclass(frozen=True)
class _View:
    """A camera at sub-pixel resolution, as tensors."""

    pose: torch.Tensor
    focal_px: torch.Tensor
    centre_px: torch.Tensor
    size: tuple[int, int]
    eye: torch.Tensor

    @classmethod
    def of(cls, camera: Camera, size: tuple[int, int], step: int, device: torch.device) -> _View:
        pose = np.asarray(camera.world_to_camera, np.float64)
        eye = -pose[:, :3].T @ pose[:, 3]
        centre = (np.asarray(camera.centre_px, np.float64) + 0.5) * step - 0.5

        def tensor(values) -> torch.Tensor:
            return torch.as_tensor(np.asarray(values, np.float32), device=device)

        return cls(
            tensor(pose[None]),
            tensor([camera.focal_px * step]),
            tensor(centre[None]),
            (size[0] * step, size[1] * step),
            tensor(eye),
        )

    def clip(self, vertices: torch.Tensor) -> torch.Tensor:
        return camera_clip(vertices[None], self.pose, self.focal_px, self.centre_px, self.size)


def _tiles(clip: torch.Tensor, triangles: torch.Tensor, size: tuple[int, int]) -> Iterator[tuple]:
    """Rasters of bands of rows, each with the index of its first pixel."""
    height, width = size
    rows = max(1, TILE_PIXELS // width)
    for top in range(0, height, rows):
        window = (0, top, min(rows, height - top), width)
        yield rasterise(clip, triangles, size, window=window), top * width


def _drawn(scene: Scene, view: _View) -> Drawn:
    """The scene's mesh, and ribbons of its hair that face the camera."""
    stage, device = scene.stage, view.eye.device
    mesh = stage.mesh

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(values, np.float32), device=device)

    vertices, triangles, kinds = [tensor(mesh.vertices)], [mesh.triangles], [mesh.kind]
    received = scene.received
    attributes = [
        torch.cat(
            [
                tensor(np.concatenate([mesh.normals, mesh.albedo, mesh.gloss], axis=1)),
                torch.zeros(len(mesh.vertices), 3, device=device),
                received.dome.flatten(1),
                received.lamps,
            ],
            dim=1,
        )
    ]
    total = len(mesh.vertices)
    for fibres, light in zip(stage.fibres, scene.on_fibres):
        eye = view.eye.cpu().numpy()
        sides, strip, tangents = ribbons(
            fibres.points, fibres.radius_mm, eye, _thinnest_mm(fibres, view)
        )
        vertices.append(tensor(sides))
        attributes.append(_of_fibres(fibres, light, tangents, tensor))
        triangles.append(strip + total)
        kinds.append(np.full(len(strip), HAIR, np.uint8))
        total += len(sides)
    return Drawn(
        torch.cat(vertices),
        torch.as_tensor(np.concatenate(triangles).astype(np.int32), device=device),
        torch.as_tensor(np.concatenate(kinds), device=device),
        torch.cat([torch.cat(vertices), torch.cat(attributes)], dim=1),
        stage.n_head,
    )


def _thinnest_mm(fibres: Fibres, view: _View) -> float:
    """Width in mm of the thinnest hair that the picture still shows whole."""
    middle = fibres.points[:, 0].mean(axis=0)
    distance = float(np.linalg.norm(middle - view.eye.cpu().numpy()))
    thinnest = THINNEST_PX if fibres.occludes else THINNEST_FACIAL_PX
    return thinnest * distance / float(view.focal_px[0])


def _of_fibres(fibres: Fibres, light, tangents: np.ndarray, tensor) -> torch.Tensor:
    """(2 n k, C) attributes of ribbons: each point gives a vertex on either side."""
    n, k = fibres.points.shape[:2]
    normals = np.repeat(fibres.normals, 2 * k, axis=0)
    albedo = np.repeat(fibres.albedo.reshape(-1, 3), 2, axis=0)
    gloss = np.broadcast_to(np.float32(HAIR_GLOSS), (2 * n * k, 2))
    values = tensor(np.concatenate([normals, albedo, gloss, tangents], axis=1))
    dome = light.dome.flatten(1).repeat_interleave(2, dim=0)
    return torch.cat([values, dome, light.lamps.repeat_interleave(2, dim=0)], dim=1)


def _fragments(scene: Scene, drawn: Drawn, raster, shown: torch.Tensor, view: _View) -> Fragments:
    """The surface at the pixels of a tile that show something."""
    values = interpolate(drawn.values, raster, drawn.triangles)[0]
    values = values.flatten(0, 2)[shown].T.contiguous()
    position, normal, albedo, gloss, tangent, dome = values[:26].split([3, 3, 3, 2, 3, 12])
    lamps = values[26:]
    triangle = raster.triangle_id.flatten()[shown]
    kind = drawn.kind[triangle].long()
    head = (triangle < drawn.n_head).nonzero()[:, 0]
    if len(head):
        maps = _looked_up(scene, raster, shown[head], triangle[head]).T
        albedo[:, head], gloss[:, head] = maps[:3], maps[6:8]
        dome[:, head] *= maps[8]
        lamps[:, head] *= maps[8]
        skin = (kind[head] == SKIN).nonzero()[:, 0]
        normal[:, head[skin]] = maps[3:6, skin]
    return Fragments(
        kind,
        position,
        unit_rows(normal),
        unit_rows(view.eye[:, None] - position),
        unit_rows(tangent),
        albedo,
        gloss,
        dome,
        lamps,
    )


def _looked_up(scene: Scene, raster, pixels: torch.Tensor, triangle: torch.Tensor) -> torch.Tensor:
    """(n, 9) albedo, normal, roughness, reflectance and cavities of the head at pixels."""
    skin, device = scene.stage.skin, pixels.device
    uv_triangles = torch.as_tensor(skin.uv_triangles, device=device)[triangle].long()
    corners = torch.as_tensor(skin.uv, dtype=torch.float32, device=device)[uv_triangles]
    weights = raster.barycentric.flatten(0, 2)[pixels]
    weights = torch.cat([weights, 1 - weights.sum(1, keepdim=True)], dim=1)
    uv = (corners * weights[:, :, None]).sum(1)
    return texture(scene.maps, texture_coordinates(uv)[None, None], boundary="clamp")[0, 0]


def _scattered(
    irradiance: torch.Tensor, skin: torch.Tensor, depth: torch.Tensor, view: _View, step: int
) -> torch.Tensor:
    """(h, w, 3) irradiance after part of it has spread inside the skin.

    Source: d'Eon & Luebke 2007 (GPU Gems 3, chapter 14), in the picture plane after Jimenez et al.
    2009, with one Gaussian per colour; worked out at the resolution of whole pixels.
    """
    if not skin.any():
        return irradiance
    pixels_per_mm = float(view.focal_px[0]) / step / float(depth[skin].median())
    mask = _averaged(skin.float()[..., None], step)
    light = _averaged(irradiance * skin[..., None], step)
    result = irradiance.clone()
    for k, (reach, share) in enumerate(zip(SCATTER_MM, SCATTERED)):
        both = torch.cat([light[..., k : k + 1], mask], dim=-1)[None]
        both = gaussian_blur(both, reach * pixels_per_mm)[0]
        spread = both[..., 0] / both[..., 1].clamp_min(1e-3)
        spread = spread.repeat_interleave(step, dim=0).repeat_interleave(step, dim=1)
        mixed = (1 - share) * irradiance[..., k] + share * spread
        result[..., k] = torch.where(skin, mixed, irradiance[..., k])
    return result


def _see_through(
    lens: Lens,
    scene: Scene,
    view: _View,
    depth: torch.Tensor,
    diffuse: torch.Tensor,
    specular: torch.Tensor,
    middle: torch.Tensor,
) -> None:
    """Dim what lies behind a lens and add what it mirrors, in place."""
    device = depth.device
    vertices = torch.as_tensor(lens.vertices, device=device)
    triangles = torch.as_tensor(lens.triangles, dtype=torch.int32, device=device)
    raster = rasterise(view.clip(vertices), triangles, view.size)
    before = raster.mask[0] & (raster_depth(raster)[0] < depth)
    rows = before.nonzero(as_tuple=True)
    if not len(rows[0]):
        return
    normals = _smooth_normals(vertices, triangles)
    values = torch.cat(
        [vertices, normals, torch.as_tensor(lens.transmission, device=device)], dim=1
    )
    at = interpolate(values, raster, triangles)[0][0][rows]
    position, normal, transmission = at[:, :3], unit(at[:, 3:6]), at[:, 6:]
    to_eye = unit(view.eye - position)
    normal = torch.where((normal * to_eye).sum(1, keepdim=True) < 0, -normal, normal)
    mirrored = torch.zeros_like(position)
    for lamp in scene.lighting.lamps:
        direction = position.new_tensor(lamp.direction).expand_as(position)
        lobe = ggx(normal, direction, to_eye, LENS_ROUGHNESS, LENS_REFLECTANCE)
        mirrored += lobe.clamp_max(4.0) * position.new_tensor(lamp.colour)
    dome = scene.received.dome.mean(dim=0).reshape(12, 1)
    mirrored += LENS_REFLECTANCE * dome_irradiance(dome, normal.T).T
    diffuse[rows] = diffuse[rows] * transmission
    specular[rows] = specular[rows] * transmission + mirrored


def _smooth_normals(vertices: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
    corners = vertices[triangles.long()]
    face = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.zeros_like(vertices)
    normals.index_add_(0, triangles.long().flatten(), face.repeat_interleave(3, dim=0))
    return unit(normals)


def _averaged(layer: torch.Tensor, step: int) -> torch.Tensor:
    """(h, w, C) means of blocks of step x step sub-pixels."""
    return F.avg_pool2d(layer.permute(2, 0, 1)[None], step)[0].permute(1, 2, 0).contiguous()
