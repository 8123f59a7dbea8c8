"""From coefficients to the screen, and from the screen to the chart, as the detail layer sees them.

As published, each vertex takes the pixel that it falls on, and the chart is drawn from vertices:
its photo is as fine as the mesh, not as the pixels. Heads of coarser meshes than the published one
are looked up at every texel instead. Seen vertices are told by the z-buffer beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from lib.geometry.orthographic import CROP_PX
from lib.render.differentiable import Raster, interpolate, rasterise, visible_vertices
from lib.shading.detail_layer.chart import DetailChart
from lib.shading.detail_layer.geometry import (
    pose_matrix,
    to_camera,
    to_clip,
    to_image,
    turned_normals,
    vertex_normals,
)
from lib.shading.detail_layer.light import lit


@dataclass(frozen=True)
class Drawn:
    """A mesh drawn into crops; pictures are (B, h, w, ...), 0 off the mesh.

    Args:
        colour: (B, h, w, 3) 0..255.
        masks: (B, h, w, M) of the vertex masks.
        normal: (B, h, w, 3) interpolated, camera's frame; not of length 1 between vertices.
        depth: (B, h, w) z in px, to the viewer.
        camera: (B, V, 3) camera places of the vertices.
        normals: (B, V, 3) unit, of the vertices, camera's frame.
        raster: what each pixel shows.
    """

    colour: torch.Tensor
    masks: torch.Tensor
    normal: torch.Tensor
    depth: torch.Tensor
    camera: torch.Tensor
    normals: torch.Tensor
    raster: Raster


def draw(
    points: torch.Tensor,
    albedo: torch.Tensor,
    masks: torch.Tensor,
    triangles: torch.Tensor,
    pose: torch.Tensor,
    light: torch.Tensor,
    size: int = CROP_PX,
) -> Drawn:
    """A lit mesh in crops; normals and albedo are interpolated, then shaded per pixel.

    Args:
        points: (B, V, 3) mm, Basel frame.
        albedo: (B, V, 3) 0..255.
        masks: (V, M) or (B, V, M), 0..1.
        triangles: (T, 3).
        pose: (B, 6).
        light: (B, 27).
        size: of the crops.
    """
    matrix = pose_matrix(pose, size)
    normals = turned_normals(vertex_normals(points, triangles), matrix)
    return draw_places(to_camera(points, matrix), normals, albedo, masks, triangles, light, size)


def draw_places(
    camera: torch.Tensor,
    normals: torch.Tensor,
    albedo: torch.Tensor,
    masks: torch.Tensor,
    triangles: torch.Tensor,
    light: torch.Tensor,
    size: int = CROP_PX,
) -> Drawn:
    """`draw` of vertices whose camera places (B, V, 3) and unit normals (B, V, 3) are known."""
    raster = rasterise(to_clip(camera, size), triangles, (size, size))
    masks = masks.expand(len(camera), *masks.shape[-2:])
    every = torch.cat([albedo, normals, camera[..., 2:], masks], -1)
    values, _ = interpolate(every, raster, triangles)
    colour = lit(values[..., :3], values[..., 3:6], light) * raster.mask[..., None]
    return Drawn(
        colour=colour,
        masks=values[..., 7:],
        normal=values[..., 3:6],
        depth=values[..., 6],
        camera=camera,
        normals=normals,
        raster=raster,
    )


def composed(drawn: torch.Tensor, photo: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, h, w, 3) the drawn picture where a mask (B, h, w, 1) is 1, the photo where it is 0."""
    return drawn * mask + photo * (1 - mask)


def sampled(images: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """(B, V, C) the pixel that each vertex falls on, the nearest one of the border beyond it.

    Args:
        images: (B, h, w, C), h = w.
        camera: (B, V, 3) camera places.
    """
    height, width = images.shape[1:3]
    place = to_image(camera.detach(), width).nan_to_num().trunc().long()
    column, row = place[..., 0].clamp(0, width - 1), place[..., 1].clamp(0, height - 1)
    flat = (row * width + column)[..., None].expand(-1, -1, images.shape[3])
    return images.flatten(1, 2).gather(1, flat).nan_to_num()


def on_chart(chart: DetailChart, images: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """(B, size, size, C) what images (B, h, w, C), h = w, show of a head on its chart, 0 off it.

    Args:
        chart: of the head; it says whether vertices or texels are looked up.
        images: with a gradient.
        camera: (B, V, 3) camera places of the vertices, taken without one.
    """
    if chart.by_vertex:
        return chart.unrolled(sampled(images, camera))
    side = images.shape[2]
    place = 2 * to_image(chart.unrolled(camera.detach()), side) / side - 1
    planes = F.grid_sample(
        images.permute(0, 3, 1, 2), place, padding_mode="border", align_corners=False
    )
    return planes.permute(0, 2, 3, 1) * chart.mask[..., None]


def seen_vertices(drawn: Drawn, triangles: torch.Tensor) -> torch.Tensor:
    """(B, V) bool: vertices of triangles that some pixel shows."""
    return visible_vertices(drawn.raster, triangles, drawn.camera.shape[1])
