"""What calibrated views show at points of a texel grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from lib.geometry import to_camera
from lib.render import Camera, render_buffers
from lib.render.visibility import visible
from lib.uvspace.agreement import Box
from lib.uvspace.grid import Grid
from lib.uvspace.mesh import grid_triangles

WITHIN = 0.99  # least mask of a point that may be used: none of its pixels is masked out
OUTSIDE = -2.0  # place on the unit square of a point behind the camera


@dataclass(frozen=True)
class CalibratedView:
    """One photo with its pinhole camera.

    Args:
        name: of the view.
        image: (h, w) or (h, w, c) float32; brightness of any monotonic coding.
        camera: in the world frame.
        mask: (h, w) float32 0..1: what may be used; None = all.
    """

    name: str
    image: np.ndarray
    camera: Camera
    mask: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.image.shape[:2]

    def px_mm(self, points: np.ndarray) -> float:
        """Median size of a pixel at (n, 3) points in mm; inf where all lie behind the camera."""
        depth = to_camera(points, self.camera.world_to_camera)[:, 2]
        before = depth[depth > 0]
        return float(np.median(before)) / self.camera.focal_px if len(before) else np.inf

    def reduced(self, factor: int) -> CalibratedView:
        """The view at 1/factor of its size, every pixel the mean of a square."""
        if factor == 1:
            return self
        height, width = (max(1, side // factor) for side in self.size)

        def shrink(image: np.ndarray) -> np.ndarray:
            cropped = image[: height * factor, : width * factor]
            return cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA)

        camera = Camera(
            self.camera.world_to_camera,
            self.camera.focal_px / factor,
            (np.asarray(self.camera.centre_px) + 0.5) / factor - 0.5,
        )
        mask = None if self.mask is None else shrink(self.mask)
        return CalibratedView(self.name, shrink(self.image), camera, mask)


def views_at(views: Sequence[CalibratedView], grid: Grid) -> list[CalibratedView]:
    """The views reduced so that a pixel is about as large as a texel, and never larger."""
    points = grid.position[grid.mask][::37].astype(np.float64)
    result = []
    for view in views:
        ratio = grid.spacing_mm / max(view.px_mm(points), 1e-9)
        result.append(view.reduced(max(1, int(ratio + 0.25))))
    return result


@dataclass(frozen=True)
class Rays:
    """A grid seen by some views: image places as functions of the distance along the normal.

    The camera point of a texel at distance d is `start + d * step`, in px times mm.

    Args:
        start: (n_views, 3, rows, cols) float32.
        step: of the same shape.
        images: of each view (1, c, h, w).
        masks: of each view (1, 1, h, w) 0..1: what may be used; None = all.
    """

    start: torch.Tensor
    step: torch.Tensor
    images: tuple[torch.Tensor, ...]
    masks: tuple[torch.Tensor | None, ...]

    def rows(self, chosen: slice) -> Rays:
        """Those of some rows of the grid."""
        return replace(self, start=self.start[:, :, chosen], step=self.step[:, :, chosen])

    def sample(
        self, distance_mm: torch.Tensor, boxes: Sequence[Box] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Bilinear look-up of every view at every texel.

        Args:
            distance_mm: (rows, cols), along the normal.
            boxes: where to look, of `seen_boxes`; None = every view everywhere.

        Returns:
            (n_views, c, rows, cols) values, 0 outside; (n_views, rows, cols) bool inside the
            picture and its mask.
        """
        n, shape = len(self.images), distance_mm.shape
        values = distance_mm.new_zeros(n, self.images[0].shape[1], *shape)
        inside = distance_mm.new_zeros(n, *shape, dtype=torch.bool)
        whole = slice(None)
        for box in [(view, ..., whole, whole) for view in range(n)] if boxes is None else boxes:
            place = self._place(box, distance_mm[box[2:]])
            image, mask = self.images[box[0]], self.masks[box[0]]
            limit = 1 - place.new_tensor([1 / image.shape[3], 1 / image.shape[2]])
            usable = (place.abs() <= limit).all(-1)
            if mask is not None:
                usable &= F.grid_sample(mask, place[None], align_corners=False)[0, 0] > WITHIN
            inside[box] = usable
            values[box] = F.grid_sample(image, place[None], align_corners=False)[0]
        return values, inside

    def _place(self, box: Box, distance_mm: torch.Tensor) -> torch.Tensor:
        """(rows, cols, 2) places -1..1 in the picture of a view; `OUTSIDE` behind its camera."""
        height, width = self.images[box[0]].shape[-2:]
        start, step = self.start[box], self.step[box]
        depth = start[2] + distance_mm * step[2]
        scale = 2 / depth.clamp_min(1e-6)
        behind = depth <= 1.0
        place = [
            ((start[axis] + distance_mm * step[axis]) * scale + (1 - side)).div_(side)
            for axis, side in enumerate((width, height))
        ]
        return torch.stack([axis.masked_fill_(behind, OUTSIDE) for axis in place], -1)


def cast_rays(
    views: Sequence[CalibratedView], grid: Grid, device: torch.device | str = "cpu"
) -> Rays:
    """Rays of a grid's normals in each view."""
    start, step, images, masks = [], [], [], []
    for view in views:
        pose, focal, centre = view.camera
        rotation, translation = pose[:, :3], pose[:, 3]
        matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        place = grid.position.astype(np.float64) @ (matrix @ rotation).T + matrix @ translation
        start.append(place.transpose(2, 0, 1).astype(np.float32))
        turned = grid.normal.astype(np.float64) @ (matrix @ rotation).T
        step.append(turned.transpose(2, 0, 1).astype(np.float32))
        images.append(_planes(view.image, device))
        masks.append(None if view.mask is None else _planes(view.mask, device))
    return Rays(
        torch.tensor(np.stack(start), device=device),
        torch.tensor(np.stack(step), device=device),
        tuple(images),
        tuple(masks),
    )


def _planes(image: np.ndarray, device: torch.device | str) -> torch.Tensor:
    """(1, c, h, w) of an image (h, w) or (h, w, c)."""
    image = image if image.ndim == 3 else image[..., None]
    return torch.tensor(image.transpose(2, 0, 1)[None], dtype=torch.float32, device=device)


def visibility(
    views: Sequence[CalibratedView],
    grid: Grid,
    distance_mm: np.ndarray,
    others: tuple[np.ndarray, np.ndarray] | None = None,
    tolerance_mm: float = 1.0,
    stride: int = 1,
) -> np.ndarray:
    """(n_views, rows, cols) float32: cosine to the view where a texel is seen, else 0.

    Args:
        views: the views; buffers are drawn at their size.
        grid: the grid.
        distance_mm: (rows, cols) where the surface is now.
        others: (n, 3) vertices and (t, 3) triangles of what else may hide the surface.
        tolerance_mm: how far behind the depth buffer a texel still counts as seen.
        stride: texels per vertex of the mesh that hides.
    """
    moved = grid.moved(distance_mm)
    mask = grid.mask[::stride, ::stride]
    texel, triangles = grid_triangles(mask)
    vertices = moved.position[::stride, ::stride].reshape(-1, 3)[texel]
    if others is not None:
        triangles = np.concatenate([triangles, others[1].astype(np.int32) + len(vertices)])
        vertices = np.concatenate([vertices, others[0].astype(np.float32)])
    points, normals = moved.position[grid.mask], moved.normal[grid.mask]
    result = np.zeros((len(views), *grid.mask.shape), np.float32)
    for index, view in enumerate(views):
        buffers = render_buffers(vertices, triangles, *view.camera, size=view.size)
        eye = -view.camera.world_to_camera[:, :3].T @ view.camera.world_to_camera[:, 3]
        towards = eye.astype(np.float32) - points
        towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-9)
        cosine = np.clip((towards * normals).sum(axis=1), 0, 1)
        seen = visible(points, normals, buffers, view.camera, tolerance_mm)
        result[index][grid.mask] = np.where(seen, cosine, 0)
    return result
