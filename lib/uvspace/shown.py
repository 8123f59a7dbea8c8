"""What the photo of a fitted head shows where: the posed head, its edges, and the skin mask."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import FaceFit
from lib.facemodel import FaceModel
from lib.geometry import project
from lib.render import Buffers, Camera, interpolate, render_buffers, sample_image
from lib.uvspace.regions import features, region

BUFFER_SIDE_PX = 600  # small faces are rasterised finer than their pixels
JUMP_MM = 6.0  # a step in depth between neighbouring pixels that is an edge inside the face
SHORT_EDGE_MM = 12.0
FAR_MM = 1e9
SKIN_SIDE_PX = 256  # size at which holes of the skin mask are looked for


def posed_vertices(model: FaceModel, fit: FaceFit, view: int) -> np.ndarray:
    """(V, 3) float32 mm: the fitted head with the expression of one view."""
    moved = np.tensordot(fit.expression[view], model.expression_basis, 1)
    return (fit.vertices + moved).astype(np.float32)


def sample_skin(probability: np.ndarray, image: np.ndarray, position: np.ndarray) -> np.ndarray:
    """(k,) 0..1 skin mask at points (k, 2) px, its bright holes filled.

    A highlight enclosed by skin, as on the forehead, belongs to the face; dark glasses do not.
    """
    low = np.maximum(np.floor(position.min(axis=0)).astype(int) - 2, 0)
    high = np.ceil(position.max(axis=0)).astype(int) + 3
    window = slice(low[1], high[1]), slice(low[0], high[0])
    joined = filled_skin(probability[window], image[window])
    return sample_image(joined[..., None], position - low)[:, 0]


def filled_skin(probability: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(h, w) float32 0..1 of a skin mask (h, w) uint8 and its photo, its bright holes filled."""
    scale = min(1.0, SKIN_SIDE_PX / max(probability.shape))
    height, width = (max(round(side * scale), 1) for side in probability.shape)
    reduced = cv2.resize(probability, (width, height), interpolation=cv2.INTER_AREA)
    photo = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    enclosed = _highlights(reduced, photo.mean(axis=2)).astype(np.uint8)
    filled = cv2.blur(cv2.dilate(enclosed, np.ones((3, 3))).astype(np.float32), (3, 3))
    filled = cv2.resize(filled, probability.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.maximum(probability.astype(np.float32) / 255, filled)


def _highlights(probability: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """(h, w) bool: holes of a skin mask (h, w) 0..255 that are no darker than the skin."""
    bare = np.pad((probability < 128).astype(np.uint8), 1, constant_values=1)
    _, label = cv2.connectedComponents(bare, connectivity=4)
    outside, label = label[0, 0], label[1:-1, 1:-1]
    count = np.maximum(np.bincount(label.ravel()), 1)
    mean = np.bincount(label.ravel(), brightness.ravel().astype(np.float64)) / count
    bright = mean >= mean[0]  # label 0 is the skin
    return (label > 0) & (label != outside) & bright[label]


def depth_buffer(vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> Buffers:
    """Buffers of the viewport around the head, at least BUFFER_SIDE_PX along its longer side."""
    position = project(vertices, *camera)
    position = position[np.isfinite(position).all(axis=1)]
    low = np.floor(position.min(axis=0)).astype(int) - 2
    extent = np.ceil(position.max(axis=0)).astype(int) + 3 - low
    fine = int(np.clip(np.ceil(BUFFER_SIDE_PX / extent.max()), 1, 16))
    return render_buffers(
        vertices,
        triangles,
        *camera,
        size=(int(extent[1]), int(extent[0])),
        origin=(int(low[0]), int(low[1])),
        supersample=fine,
    )


def distance_to_edges(buffers: Buffers, camera: Camera, model: FaceModel) -> np.ndarray:
    """(h, w, 3) float32 mm on the image: to the outline, to edges inside, to the nearest skin."""
    mask = buffers.mask
    if not mask.any():
        return np.zeros((*mask.shape, 3), np.float32)
    mm_per_px = float(buffers.depth_mm[mask].mean()) / (camera.focal_px * buffers.supersample)
    _, label = cv2.connectedComponents(
        np.pad(~mask, 1, constant_values=True).astype(np.uint8), connectivity=4
    )
    within = (label != label[0, 0])[1:-1, 1:-1]  # with holes, such as a gap between the lips
    inner = _inner_edges(buffers, within, SHORT_EDGE_MM / mm_per_px)
    on_feature = interpolate(buffers, features(model)[:, None], model.triangles)[..., 0] > 0
    inner &= cv2.dilate(on_feature.astype(np.uint8), np.ones((5, 5))) == 0
    layers = [
        cv2.distanceTransform(np.pad(free.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        for free in (within, ~inner, ~(mask & region(model, "skin")[buffers.triangle_id]))
    ]
    return np.stack(layers, axis=2) * np.float32(mm_per_px)


def _inner_edges(buffers: Buffers, within: np.ndarray, shortest_px: float) -> np.ndarray:
    """(h, w) bool: steps in depth inside the outline; short ones, such as nostrils, left out."""
    mask, window = buffers.mask, np.ones((3, 3))
    nearest = cv2.erode(np.where(mask, buffers.depth_mm, np.float32(FAR_MM)), window)
    hidden = np.where(within, np.float32(FAR_MM), np.float32(0))
    furthest = cv2.dilate(np.where(mask, buffers.depth_mm, hidden), window)
    edges = (mask & (furthest - nearest > JUMP_MM)).astype(np.uint8)
    _, label, stats, _ = cv2.connectedComponentsWithStats(edges)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    long = extent > shortest_px
    long[0] = False
    return long[label]


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
