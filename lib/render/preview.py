"""Pictures of a head for people: clay, coloured or textured, softly lit and anti-aliased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lib.errors import ShapeError
from lib.geometry import vertex_normals
from lib.imaging import srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.render.harmonics import irradiance
from lib.render.kernels import preview as preview_kernels
from lib.render.rasterise import (
    Buffers,
    Camera,
    checked_indices,
    interpolate,
    render_buffers,
)

CLAY = (0.50, 0.47, 0.44)  # linear RGB

# Direction to the light in the camera frame (x right, y down, z forward), linear strength, wrap:
# how far light reaches past the terminator, which is what makes it look like a large, soft source.
STUDIO = (
    ((-0.50, -0.62, -0.60), 0.82, 0.25),  # key: upper left, in front
    ((0.85, -0.10, -0.52), 0.24, 0.50),  # fill: right
    ((0.45, -0.60, 0.66), 0.18, 0.10),  # rim: behind, above
)
SKY, GROUND = 0.24, 0.10  # ambient light from above and below


@dataclass(frozen=True)
class PreviewOptions:
    """How a preview looks.

    Args:
        studio: strength of the studio lights; 1 = fully lit, 0 = the colours as they are, which
            suits textures that hold the light of their photo.
        specular: strength of the highlights under studio light.
        roughness: GGX roughness of the highlights.
        occlusion: how much creases are darkened under studio light.
        exposure: factor on the linear colour before encoding.
        supersample: sub-pixels per pixel along each axis.
        background: sRGB 0..255 behind the head, or None for a transparent picture.
        cull_back_faces: leave out triangles seen from behind.
    """

    studio: float = 1.0
    specular: float = 0.6
    roughness: float = 0.42
    occlusion: float = 0.7
    exposure: float = 1.0
    supersample: int = 3
    background: tuple[int, int, int] | None = (245, 245, 245)
    cull_back_faces: bool = True


@dataclass(frozen=True)
class Paint:
    """Colour of a surface: a texture if there is one, else vertex colours, else clay.

    Args:
        colours: (V, 3) linear RGB per vertex.
        texture: (H, W, 3) linear RGB, row 0 is v = 1.
        uv: (n_uv, 2), origin bottom-left.
        uv_triangles: (T, 3) indices into `uv`.
    """

    colours: np.ndarray | None = None
    texture: np.ndarray | None = None
    uv: np.ndarray | None = None
    uv_triangles: np.ndarray | None = None

    def on(self, buffers: Buffers, triangles: np.ndarray) -> np.ndarray:
        """(h, w, 3) float32 linear RGB of each pixel's surface; anything on the background."""
        if self.texture is not None:
            if self.uv is None or self.uv_triangles is None:
                raise ValueError("Paint has a texture but no uv and uv_triangles: give all three.")
            if self.texture.ndim != 3 or self.texture.shape[2] != 3:
                raise ShapeError("texture", self.texture.shape, "(H, W, 3)")
            colour = np.zeros(buffers.barycentric.shape, np.float32)
            preview_kernels.paint_texture(
                buffers.triangle_id,
                buffers.barycentric,
                np.ascontiguousarray(self.uv, np.float32),
                checked_indices(self.uv_triangles, len(self.uv)),
                np.ascontiguousarray(self.texture, np.float32),
                colour,
            )
            return colour
        if self.colours is not None:
            return interpolate(buffers, self.colours, triangles)
        return np.full(buffers.barycentric.shape, CLAY, np.float32)


def render_head(
    vertices: np.ndarray,
    triangles: np.ndarray,
    camera: Camera,
    size: tuple[int, int],
    paint: Paint | None = None,
    options: PreviewOptions | None = None,
    light: np.ndarray | None = None,
    origin: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """A picture of a mesh.

    Args:
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3) vertex indices, counter-clockwise from outside.
        camera: where from.
        size: (h, w) px.
        paint: colour of the surface; None = clay.
        options: how it looks.
        light: (9, 3) SH light in the model frame, instead of the studio; see `irradiance`.
        origin: (x, y) of the picture's first pixel in the camera's image.

    Returns:
        (h, w, 4) uint8: sRGB and alpha, not premultiplied.
    """
    paint, options = paint or Paint(), options or PreviewOptions()
    buffers = render_buffers(
        vertices,
        triangles,
        *camera,
        size=size,
        cull_back_faces=options.cull_back_faces,
        origin=origin,
        supersample=options.supersample,
    )
    colour = paint.on(buffers, triangles)
    if light is not None or options.studio > 0:
        normals = vertex_normals(vertices, triangles)
        if light is not None:
            _light(colour, normals, triangles, buffers, light)
        else:
            _studio(colour, normals, triangles, buffers, camera, options)
    return _develop(colour, buffers, options)


def turntable_cameras(
    vertices: np.ndarray,
    size: tuple[int, int],
    yaws_deg: Sequence[float] = (-90, -45, 0, 45, 90),
    distance_mm: float = 1100.0,
    margin: float = 0.06,
) -> list[Camera]:
    """Cameras around a head, all with one focal length that fits it into the picture.

    Args:
        vertices: (V, 3) mm, model frame.
        size: (h, w) px of each picture.
        yaws_deg: how far the head turns to its left, which is right in the picture.
        distance_mm: from the camera to the middle of the head.
        margin: free share at each border.
    """
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    poses, extent = [], np.zeros(2)
    for yaw in np.radians(yaws_deg):
        turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        rotation = np.diag([1.0, -1.0, -1.0]) @ np.array(turn)
        pose = np.column_stack([rotation, [0, 0, distance_mm] - rotation @ middle])
        inside = vertices @ rotation.T + pose[:, 3]
        extent = np.maximum(extent, np.abs(inside[:, :2] / inside[:, 2:]).max(axis=0))
        poses.append(pose)
    height, width = size
    focal = (0.5 - margin) * min(width / extent[0], height / extent[1])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return [Camera(pose, float(focal), centre) for pose in poses]


def _light(
    colour: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    buffers: Buffers,
    light: np.ndarray,
) -> None:
    """Multiply the colour by the irradiance of SH light, in place."""
    mask = buffers.mask
    normal = interpolate(buffers, normals, triangles)[mask]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    colour[mask] *= np.maximum(irradiance(normal, light), 0).astype(np.float32)


def _studio(
    colour: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    buffers: Buffers,
    camera: Camera,
    options: PreviewOptions,
) -> None:
    """Light the colour by three soft lights around the camera, in place."""
    turned = normals @ np.asarray(camera.world_to_camera[:, :3], np.float32).T
    step = 1 / buffers.supersample
    first = np.array(buffers.origin) + step / 2 - 0.5  # centre of the first sub-pixel
    eye = [*(np.asarray(camera.centre_px) - first), -camera.focal_px, step]
    lights = [
        (*(np.array(direction) / np.linalg.norm(direction)), strength, wrap)
        for direction, strength, wrap in STUDIO
    ]
    look = (GROUND, SKY, options.specular, options.roughness, options.occlusion, options.studio)
    preview_kernels.light_studio(
        buffers.triangle_id,
        buffers.barycentric,
        np.ascontiguousarray(triangles, np.int32),
        np.ascontiguousarray(turned, np.float32),
        np.array(eye, np.float32),
        np.array(lights, np.float32),
        np.array(look, np.float32),
        _creases(buffers, camera),
        colour,
    )


def _creases(buffers: Buffers, camera: Camera) -> np.ndarray:
    """(h, w) 0..1, how far a pixel lies behind its neighbourhood: a cheap ambient occlusion.

    Source: Luft et al. 2006, Image enhancement by unsharp masking the depth buffer.
    """
    mask = buffers.mask
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    far = buffers.depth_mm[mask].max() + 60
    depth = np.where(mask, buffers.depth_mm, far)
    pixels_per_mm = camera.focal_px * buffers.supersample / np.median(depth[mask])
    occlusion = np.zeros(mask.shape, np.float32)
    for radius_mm in (3.0, 9.0):
        sigma = max(radius_mm * pixels_per_mm, 0.5)
        behind = depth - _blur(depth, sigma)
        occlusion += np.clip(behind / (2.0 * radius_mm), 0, 0.5)
    return np.clip(occlusion, 0, 1)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; a wide one works on a smaller image."""
    if sigma < 6:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    step = int(sigma // 3)
    height, width = image.shape
    small = (max(width // step, 1), max(height // step, 1))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    reduced = cv2.GaussianBlur(reduced, (0, 0), sigma * small[0] / width)
    return cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR)


def _develop(colour: np.ndarray, buffers: Buffers, options: PreviewOptions) -> np.ndarray:
    """Average the sub-pixels in linear light, lay the picture on its background, encode."""
    step = options.supersample
    height, width = (side // step for side in buffers.triangle_id.shape)
    picture = np.empty((height, width, 4), np.uint8)
    rgb, alpha = np.empty((height, width, 3), np.uint16), np.empty((height, width), np.uint8)
    opaque = options.background is not None
    behind = srgb_to_linear(np.array(options.background or (0, 0, 0), np.uint8))
    exposure = np.float32(options.exposure)
    preview_kernels.average(buffers.triangle_id, colour, step, exposure, behind, opaque, rgb, alpha)
    picture[..., :3], picture[..., 3] = linear_to_srgb8(rgb), alpha
    return picture
