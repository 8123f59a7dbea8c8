"""Pictures of a head for people: clay, coloured or textured, softly lit and anti-aliased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.render.harmonics import irradiance
from lib.render.rasterise import Buffers, Camera, interpolate, render_buffers
from lib.render.texture import sample_texture

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
        """(h, w, 3) linear RGB of each pixel's surface."""
        if self.texture is not None:
            if self.uv is None or self.uv_triangles is None:
                raise ValueError("Paint has a texture but no uv and uv_triangles: give all three.")
            return sample_texture(self.texture, interpolate(buffers, self.uv, self.uv_triangles))
        if self.colours is not None:
            return interpolate(buffers, self.colours, triangles)
        return np.broadcast_to(np.float32(CLAY), buffers.barycentric.shape)


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
    mask = buffers.mask
    colour = np.array(paint.on(buffers, triangles), np.float32)
    normals = interpolate(buffers, vertex_normals(vertices, triangles), triangles)[mask]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    if light is not None:
        colour[mask] *= np.maximum(irradiance(normals, light), 0).astype(np.float32)
    elif options.studio > 0:
        lit = _studio(colour[mask], normals, buffers, camera, options)
        colour[mask] += np.float32(options.studio) * (lit - colour[mask])
    return _develop(colour * np.float32(options.exposure), buffers, options)


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


def _studio(
    colour: np.ndarray,
    normals: np.ndarray,
    buffers: Buffers,
    camera: Camera,
    options: PreviewOptions,
) -> np.ndarray:
    """(N, 3) colour of the N pixels of the mask under three soft lights around the camera."""
    normal = normals @ camera.world_to_camera[:, :3].T.astype(np.float32)
    to_eye = _directions_to_eye(buffers, camera)
    diffuse = GROUND + (SKY - GROUND) * (0.5 - 0.5 * normal[:, 1])  # y points down
    highlight = np.zeros_like(diffuse)
    for direction, strength, wrap in STUDIO:
        towards = np.float32(direction) / np.float32(np.linalg.norm(direction))
        lambert = np.maximum((normal @ towards + wrap) / (1 + wrap), 0)
        diffuse += strength * lambert ** (1 + wrap)
        highlight += strength * _ggx(normal, to_eye, towards, options.roughness)
    open_sky = 1 - options.occlusion * _creases(buffers, camera)[buffers.mask]
    shaded = colour * diffuse[:, None] + options.specular * highlight[:, None]
    return shaded * open_sky[:, None]


def _directions_to_eye(buffers: Buffers, camera: Camera) -> np.ndarray:
    """(N, 3) float32 unit vectors, camera frame, from the pixels of the mask to the camera."""
    rows, columns = np.nonzero(buffers.mask)
    pixels = np.stack([columns, rows], axis=1)
    pixels = (pixels + 0.5) / buffers.supersample - 0.5 + np.array(buffers.origin)
    to_eye = np.full((len(pixels), 3), -camera.focal_px, np.float32)
    to_eye[:, :2] = np.asarray(camera.centre_px) - pixels
    return to_eye / np.linalg.norm(to_eye, axis=1, keepdims=True)


def _ggx(
    normal: np.ndarray, to_eye: np.ndarray, towards: np.ndarray, roughness: float
) -> np.ndarray:
    """(N,) highlight of one light. Source: Walter et al. 2007; masking of Schlick 1994."""
    half = to_eye + towards
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    n_l = np.maximum(normal @ towards, 0)
    n_v = np.maximum((normal * to_eye).sum(axis=1), 1e-3)
    n_h = np.maximum((normal * half).sum(axis=1), 0)
    v_h = np.maximum((to_eye * half).sum(axis=1), 0)
    alpha2 = roughness**4
    spread = alpha2 / (np.pi * (n_h**2 * (alpha2 - 1) + 1) ** 2)
    k = roughness**2 / 2
    masking = 1 / ((n_l * (1 - k) + k) * (n_v * (1 - k) + k)) / 4
    fresnel = 0.035 + 0.965 * (1 - v_h) ** 5
    return np.pi * spread * masking * np.minimum(fresnel, 0.3) * n_l


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
    cover = buffers.mask[..., None].astype(np.float32)
    step = options.supersample
    height, width = (side // step for side in cover.shape[:2])
    premultiplied = np.concatenate([np.clip(colour, 0, 1) * cover, cover], axis=2)
    mean = premultiplied.reshape(height, step, width, step, 4).mean(axis=(1, 3))
    alpha = mean[..., 3:]
    if options.background is None:
        rgb = mean[..., :3] / np.maximum(alpha, 1e-6)
    else:
        behind = srgb_to_linear(np.array(options.background, np.uint8))
        rgb, alpha = mean[..., :3] + (1 - alpha) * behind, np.ones_like(alpha)
    picture = np.concatenate([linear_to_srgb(rgb), alpha], axis=2)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
