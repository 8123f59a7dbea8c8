"""Which triangle each pixel sees, and interpolation of vertex attributes over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.errors import ShapeError
from lib.geometry import to_camera
from lib.render.kernels import buffers as kernels
from lib.render.kernels import coverage

BACKGROUND = -1
SUBPIXEL_SHIFT = 8  # 1/256 px
LIMIT_PX = coverage.LIMIT / 2**SUBPIXEL_SHIFT  # vertices further off are not drawn
NEAR_MM = 1.0  # triangles with a corner nearer to the camera plane than this are skipped


class Camera(NamedTuple):
    """A pinhole camera in the OpenCV convention; unpacks into the arguments of `render_buffers`.

    Args:
        world_to_camera: (3, 4) rigid transform [R|t], t in mm.
        focal_px: focal length, square pixels.
        centre_px: (2,) principal point (x, y).
    """

    world_to_camera: np.ndarray
    focal_px: float
    centre_px: np.ndarray


@dataclass(frozen=True)
class Buffers:
    """What a rasterised image knows about each pixel.

    Args:
        triangle_id: (h, w) int32 visible triangle, -1 = background. (nvdiffrast stores id + 1.)
        barycentric: (h, w, 3) float32 perspective-correct weights of its corners, 0 = background.
        depth_mm: (h, w) float32 camera depth of the surface, inf = background.
        origin: (x, y) of the viewport's first pixel in the whole image, in image pixels.
        supersample: sub-pixels per image pixel along each axis.
    """

    triangle_id: np.ndarray
    barycentric: np.ndarray
    depth_mm: np.ndarray
    origin: tuple[int, int] = (0, 0)
    supersample: int = 1

    @property
    def mask(self) -> np.ndarray:
        """(h, w) bool: pixels that show a surface."""
        return self.triangle_id >= 0

    def to_buffer(self, points_px: np.ndarray) -> np.ndarray:
        """(..., 2) image points as column and row of these buffers; integers are centres."""
        return (points_px - np.array(self.origin) + 0.5) * self.supersample - 0.5


def rasterise(
    clip: np.ndarray, triangles: np.ndarray, size: tuple[int, int], cull: bool = False
) -> Buffers:
    """Rasterise triangles given in clip space, with the meaning of nvdiffrast's `rasterize`.

    Row 0 is y = -1, the centre of pixel (x, y) is at ((2x + 1) / w - 1, (2y + 1) / h - 1) of the
    normalised cube, both windings are drawn, z / w orders the depth. Differences to nvdiffrast: ids
    count from 0 with -1 for the background, all three weights are stored, the third buffer is w
    instead of z / w, and triangles that reach behind w = 0 are skipped instead of clipped.

    Args:
        clip: (V, 4) homogeneous positions x, y, z, w.
        triangles: (T, 3) vertex indices.
        size: (h, w) of the image.
        cull: leave out triangles that are clockwise in an image with row 0 on top.

    Raises:
        ShapeError: `clip` is not (V, 4) or `triangles` is not (T, 3).

    Source: Laine et al. 2020, Modular primitives for high-performance differentiable rendering.
    """
    if clip.ndim != 2 or clip.shape[1] != 4:
        raise ShapeError("clip", clip.shape, "(V, 4)")
    clip = clip.astype(np.float64)
    w = clip[:, 3]
    inverse_w = _inverse(w, 1e-9)
    pixels = (clip[:, :2] * inverse_w[:, None] + 1) * (np.array(size[::-1]) / 2) - 0.5
    return _rasterise(pixels, clip[:, 2] * inverse_w, inverse_w, triangles, size, cull=cull)


def render_buffers(
    vertices: np.ndarray,
    triangles: np.ndarray,
    world_to_camera: np.ndarray,
    focal_px: float,
    centre_px: np.ndarray,
    size: tuple[int, int],
    cull_back_faces: bool = True,
    origin: tuple[int, int] = (0, 0),
    supersample: int = 1,
) -> Buffers:
    """Rasterise a mesh through a pinhole camera.

    A viewport of a huge image costs no more than its own pixels and equals that crop of the whole.

    Args:
        vertices: (V, 3) mm, model frame.
        triangles: (T, 3) vertex indices, counter-clockwise from outside.
        world_to_camera: (3, 4) rigid transform [R|t], t in mm.
        focal_px: focal length of the whole image in px.
        centre_px: (2,) principal point (x, y) in the whole image; integers are pixel centres.
        size: (h, w) of the viewport in image pixels.
        cull_back_faces: leave out triangles seen from behind.
        origin: (x, y) of the viewport's first pixel.
        supersample: sub-pixels per pixel along each axis.

    Returns:
        Buffers of (h * supersample, w * supersample).

    Raises:
        ShapeError: an array has the wrong shape.
    """
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ShapeError("vertices", vertices.shape, "(V, 3)")
    in_camera = to_camera(vertices.astype(np.float64), np.asarray(world_to_camera, np.float64))
    inverse_w = _inverse(in_camera[:, 2], NEAR_MM)
    pixels = float(focal_px) * in_camera[:, :2] * inverse_w[:, None] + np.asarray(centre_px)
    pixels = (pixels + 0.5) * supersample - 0.5
    corner = (origin[0] * supersample, origin[1] * supersample)
    shape = (size[0] * supersample, size[1] * supersample)
    buffers = _rasterise(
        pixels, -inverse_w, inverse_w, triangles, shape, corner=corner, cull=cull_back_faces
    )
    return Buffers(
        buffers.triangle_id, buffers.barycentric, buffers.depth_mm, tuple(origin), supersample
    )


def uv_buffers(uv: np.ndarray, uv_triangles: np.ndarray, size: tuple[int, int]) -> Buffers:
    """Rasterise a UV chart: which triangle owns each texel, and where on it the centre lies.

    Args:
        uv: (n_uv, 2) chart coordinates, origin bottom-left.
        uv_triangles: (T, 3) indices into `uv`.
        size: (n_rows, n_cols); row 0 is the top, v = 1; texel centres are at half-integers of the
            grid, so that column x lies at u = (x + 0.5) / n_cols.
    """
    pixels = uv_to_texel(uv.astype(np.float64), size)
    ones = np.ones(len(uv))
    return _rasterise(pixels, np.zeros(len(uv)), ones, uv_triangles, size, cull=False)


def uv_to_texel(uv: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(..., 2) texture coordinates as (column, row); integers are texel centres."""
    return np.stack([uv[..., 0] * size[1] - 0.5, (1 - uv[..., 1]) * size[0] - 0.5], axis=-1)


def interpolate(buffers: Buffers, attributes: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(h, w, C) float32 attributes of the visible surface, 0 on the background.

    Args:
        buffers: of `rasterise`, `render_buffers` or `uv_buffers`.
        attributes: (V, C) per vertex.
        triangles: (T, 3) indices into `attributes`; may differ from those rasterised, as texture
            coordinates do, as long as triangle i is the same triangle.

    Raises:
        ShapeError: `attributes` is not (V, C).
    """
    if attributes.ndim != 2:
        raise ShapeError("attributes", attributes.shape, "(V, C)")
    result = np.empty((*buffers.triangle_id.shape, attributes.shape[1]), np.float32)
    kernels.blend_corners(
        buffers.triangle_id,
        buffers.barycentric,
        np.ascontiguousarray(attributes, np.float32),
        checked_indices(triangles, len(attributes)),
        result,
    )
    return result


def _rasterise(
    pixels: np.ndarray,
    key: np.ndarray,
    inverse_w: np.ndarray,
    triangles: np.ndarray,
    size: tuple[int, int],
    corner: tuple[int, int] = (0, 0),
    cull: bool = False,
) -> Buffers:
    """Buffers for positions (V, 2) px, depth keys and 1/w; `inverse_w` 0 = not drawable."""
    triangles = checked_indices(triangles, len(pixels))
    drawable = (inverse_w > 0) & (np.abs(pixels) < LIMIT_PX).all(axis=1)
    pixels = np.where(drawable[:, None], pixels, 0.0)
    x, y = np.rint(pixels * 2**SUBPIXEL_SHIFT).astype(np.int32).T.copy()
    depth = _scaled(key, drawable)
    unsigned = triangles.view(np.uint32)
    window = np.array([*corner, *size], np.int64)
    drawn = np.empty(len(triangles), np.int32)
    n = coverage.select(x, y, unsigned, window, SUBPIXEL_SHIFT, drawn)
    if cull or not drawable.all():
        n = coverage.filter_drawable(x, y, ~drawable, unsigned, cull, drawn, n)
    keys = np.full(size, coverage.EMPTY)
    no_names = np.empty(0, np.int32)
    coverage.cover(x, y, depth, unsigned, no_names, drawn[:n], *corner, SUBPIXEL_SHIFT, keys)
    ids = np.empty(size, np.int32)
    nearest = np.empty(size, np.float32)
    barycentric = np.empty((*size, 3), np.float32)
    kernels.resolve(keys, pixels, inverse_w, triangles, window[:2], ids, barycentric, nearest)
    return Buffers(ids, barycentric, nearest)


def _scaled(key: np.ndarray, drawable: np.ndarray) -> np.ndarray:
    """(V,) depth keys spread over the range of integers that orders triangles."""
    seen = key[drawable]
    near = seen.min(initial=np.inf)
    reach = seen.max(initial=-np.inf) - near
    if not (reach > 0):
        return np.zeros(len(key))
    return np.where(drawable, (key - near) * (coverage.DEPTH_STEPS / reach), 0.0)


def _inverse(w: np.ndarray, near: float) -> np.ndarray:
    """1 / w, and 0 where w is not beyond `near`."""
    return np.divide(1.0, w, out=np.zeros_like(w), where=w > near)


def checked_indices(triangles: np.ndarray, n_vertices: int) -> np.ndarray:
    """Triangles as contiguous int32, checked: compiled loops do not check bounds."""
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ShapeError("triangles", triangles.shape, "(T, 3)")
    triangles = np.ascontiguousarray(triangles, np.int32)
    if triangles.size and (triangles.min() < 0 or triangles.max() >= n_vertices):
        found = f"values {triangles.min()}..{triangles.max()}"
        raise IndexError(f"triangles has {found}, expected indices into {n_vertices} vertices.")
    return triangles
