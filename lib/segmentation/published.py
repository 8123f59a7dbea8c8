"""The published rule of visible parts: by vertices, on a small crop.

A vertex is taken for visible when a triangle around it is seen anywhere, even if the vertex itself
is hidden, and its normal points at the camera's plane. A part then reaches half way along every
edge to a vertex that is hidden or of another part; where parts overlap the later one wins.
"""

from __future__ import annotations

import numpy as np

from lib.facemodel import PARTS
from lib.geometry.aligned_crop import AlignedCrop, align_face, standard_five
from lib.render import Camera, corners_seen, interpolate, render_buffers
from lib.segmentation.masks import Seen, full_parts
from lib.segmentation.surfaces import PartSurfaces

THRESHOLD = 0.5


def published_parts(
    surfaces: PartSurfaces, head: Seen, ibug68_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Labels (h, w) of visible parts and bits (h, w) of whole ones, by the published rules.

    Both are decided on the crop of 224 px, and each pixel takes what its nearest one there has.

    Args:
        surfaces: of the head model.
        head: in its view.
        ibug68_px: (68, 2) points of the fitted face, which tell the crop.

    Source: Wang et al. 2024, 3D face reconstruction with the geometric guidance of facial part
        segmentation (3DDFA-V3). Eyes of a model with eyeballs end at its lids, as in ours.
    """
    crop = align_face(standard_five(ibug68_px), head.size)
    pose, focal_px, centre_px = head.camera
    camera = Camera(pose, focal_px * crop.scale, crop.to_crop(np.asarray(centre_px)))
    small = Seen(head.vertices, camera, (crop.side, crop.side))
    return (
        _nearest(crop, vertex_labels(surfaces, small)),
        _nearest(crop, full_parts(surfaces, small, cull=False)),
    )


def vertex_labels(surfaces: PartSurfaces, head: Seen) -> np.ndarray:
    """(h, w) uint8 labels where most of a pixel's triangle is made of visible vertices."""
    triangles = surfaces.model.triangles
    buffers = render_buffers(
        head.vertices, triangles, *head.camera, head.size, cull_back_faces=False
    )
    shown = surfaces.members & corners_seen(head.vertices, triangles, buffers, head.camera)
    value = interpolate(buffers, shown.T.astype(np.float32), triangles)
    label = np.zeros(head.size, np.uint8)
    for index in range(len(PARTS)):
        label[value[..., index] > THRESHOLD] = index + 1
    return label


def _nearest(crop: AlignedCrop, values: np.ndarray) -> np.ndarray:
    """(h, w) of the whole image: each pixel's nearest of (side, side) crop values; 0 outside."""
    height, width = crop.size
    rows = crop.to_crop(np.column_stack([np.zeros(height), np.arange(height)]))[:, 1]
    columns = crop.to_crop(np.column_stack([np.arange(width), np.zeros(width)]))[:, 0]
    row, column = np.rint(rows).astype(int), np.rint(columns).astype(int)
    padded = np.pad(values, 1)
    row, column = np.clip(row + 1, 0, crop.side + 1), np.clip(column + 1, 0, crop.side + 1)
    return padded[row[:, None], column]
