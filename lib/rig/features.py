"""Details of the head that several views show: found by SIFT, matched where the cameras allow.

The cameras need only be roughly known: a match must lie near its epipolar line and near the head,
be each other's best, and agree with the other matches of its pair of views.

Source: Lowe 2004 (SIFT, ratio test); Hartley & Zisserman, ch. 11 (fundamental matrix).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from lib.geometry import to_camera
from lib.rig.bundle import Scene, Sightings
from lib.rig.cameras import Cameras

MOST_FEATURES = 2500
CONTRAST = 0.006  # skin has little
RATIO = 0.85
WIDEST_TURN = np.radians(60.0)  # between views that are compared
BAND = 0.12  # of the face's extent in the picture: how far off its line a match may lie
HEAD_MM = 160.0  # about the middle of the landmarks, where points of the head lie
HEAD_AREA = 1.7  # side of the searched square over the landmarks' extent
FEWEST_MATCHES = 12  # of a pair of views
EPIPOLAR_PX = 2.0
FEATURE_SIGMA_PX = 0.7


@dataclass(frozen=True)
class Features:
    """Details of one view.

    Args:
        px: (n, 2).
        descriptor: (n, 128) float32, unit length (root SIFT).
    """

    px: np.ndarray
    descriptor: np.ndarray


def landmark_box(points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the lowest and of the highest corner of those points (p, 2) that are there."""
    there = points_px[np.isfinite(points_px).all(1)]
    return there.min(0), there.max(0)


def head_square(
    low: np.ndarray, high: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last pixel (x, y) of a square about a head, as far as it is there.

    Args:
        low: (x, y) of the face's box.
        high: (x, y) likewise.
        size: (h, w) of the picture.
    """
    middle, half = (low + high) / 2, HEAD_AREA * float((high - low).max()) / 2
    first = np.floor(middle - half).astype(int).clip(0)
    return first, np.minimum(np.ceil(middle + half).astype(int) + 1, size[::-1])


def find_features(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> Features:
    """SIFT details of a picture near a face.

    Args:
        image: (h, w, 3) uint8.
        low: (x, y) of the face's box.
        high: (x, y) likewise.
    """
    (x0, y0), (x1, y1) = head_square(low, high, image.shape[:2])
    grey = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    finder = cv2.SIFT_create(nfeatures=MOST_FEATURES, contrastThreshold=CONTRAST)
    found, descriptors = finder.detectAndCompute(grey, None)
    if not found:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    px = np.array([point.pt for point in found]) + (x0, y0)
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(1, keepdims=True), 1e-9))
    return Features(px, root.astype(np.float32))


def match_views(
    features: list[Features], scene: Scene, extent_px: np.ndarray, band: float = BAND
) -> Sightings:
    """Tracks of details through the views; their points are numbered from 0.

    Args:
        features: of each view.
        scene: rough cameras, and points of the head.
        extent_px: (n_views,) of the face in each view.
        band: of that extent, how far off its line a match may lie.
    """
    links = []
    start = np.cumsum([0] + [len(item.px) for item in features])
    for first, second in itertools.combinations(range(len(features)), 2):
        if _turn(scene.cameras, first, second) > WIDEST_TURN:
            continue
        pairs = _match(features, scene, first, second, band * extent_px[[first, second]])
        pairs = _consistent(features[first].px, features[second].px, pairs)
        links.append(pairs + (start[first], start[second]))
    return _tracks(np.concatenate(links or [np.zeros((0, 2), int)]), features, start)


def _turn(cameras: Cameras, first: int, second: int) -> float:
    axes = cameras.world_to_camera[[first, second], 2, :3]
    return float(np.arccos(np.clip(axes[0] @ axes[1], -1, 1)))


def _match(
    features: list[Features], scene: Scene, first: int, second: int, band: np.ndarray
) -> np.ndarray:
    """(m, 2) indices of details that are each other's best among those that the cameras allow."""
    one, other = features[first], features[second]
    if not len(one.px) or not len(other.px):
        return np.zeros((0, 2), int)
    allowed = _near_line(one.px, other.px, scene, first, second, band[1])
    allowed &= _near_line(other.px, one.px, scene, second, first, band[0]).T
    alike = np.where(allowed, one.descriptor @ other.descriptor.T, -1.0)
    best, back = alike.argmax(1), alike.argmax(0)
    rows = np.arange(len(best))
    top = alike[rows, best]
    alike[rows, best] = -1.0
    runner = alike.max(1)
    apart, apart_next = np.sqrt(2 - 2 * top.clip(-1, 1)), np.sqrt(2 - 2 * runner.clip(-1, 1))
    kept = (back[best] == rows) & (top > 0) & (apart < RATIO * apart_next)
    return np.stack([rows[kept], best[kept]], 1)


def _near_line(
    source: np.ndarray, target: np.ndarray, scene: Scene, first: int, second: int, band: float
) -> np.ndarray:
    """(n, m) bool: the target lies near where the source's ray through the head is seen."""
    cameras = scene.cameras
    middle = scene.points.mean(0)
    pose = cameras.world_to_camera[first]
    depth = to_camera(middle[None], pose)[0, 2]
    plane = (source - cameras.centre_px[first]) / cameras.focal_px[first]
    ends = []
    for away in (-HEAD_MM, HEAD_MM):
        in_camera = np.column_stack([plane, np.ones(len(plane))]) * (depth + away)
        in_world = (in_camera - pose[:, 3]) @ pose[:, :3]
        ends.append(cameras.project(in_world)[second])
    along = ends[1] - ends[0]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    along = along / length
    across = np.column_stack([along[:, 1], -along[:, 0]])
    off = _along(target, across, ends[0])
    allowed = np.abs(off, out=off) < band
    forward = _along(target, along, ends[0])
    allowed &= forward > -band
    return allowed & (forward < (length + band).astype(np.float32))


def _along(target: np.ndarray, axis: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(n, m) float32: how far targets (m, 2) lie along axes (n, 2) from their origins (n, 2)."""
    start = (origin * axis).sum(1, keepdims=True).astype(np.float32)
    return axis.astype(np.float32) @ target.astype(np.float32).T - start


def _consistent(one: np.ndarray, other: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The matches that one epipolar geometry explains."""
    if len(pairs) < FEWEST_MATCHES:
        return pairs[:0]
    _, inlier = cv2.findFundamentalMat(
        one[pairs[:, 0]], other[pairs[:, 1]], cv2.FM_RANSAC, EPIPOLAR_PX, 0.999, 5000
    )
    kept = pairs[inlier.ravel() > 0] if inlier is not None else pairs[:0]
    return kept if len(kept) >= FEWEST_MATCHES else pairs[:0]


def _tracks(links: np.ndarray, features: list[Features], start: np.ndarray) -> Sightings:
    """Details that are linked, directly or not; those that a view would show twice are left out."""
    parent = np.arange(start[-1])

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in links.tolist():
        first, second = root(a), root(b)
        parent[max(first, second)] = min(first, second)
    nodes = np.unique(links)
    roots = np.array([root(node) for node in nodes.tolist()], int)
    view = np.searchsorted(start, nodes, side="right") - 1
    twice = np.unique(np.stack([roots, view]), axis=1, return_counts=True)
    bad = np.unique(twice[0][0, twice[1] > 1])
    kept = ~np.isin(roots, bad)
    _, point = np.unique(roots[kept], return_inverse=True)
    px = np.concatenate([item.px for item in features])[nodes[kept]]
    return Sightings(view[kept], point, px, np.full(int(kept.sum()), FEATURE_SIGMA_PX))
