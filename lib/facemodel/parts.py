"""The 8 parts of a face and the masks derived from them, by rule from its landmarks."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lib.facemodel.landmark_rules import BROW_HALF_HEIGHT, BROW_MARK
from lib.geometry import vertex_normals

VISIBLE_EYE_DEPTH = 9.0  # mm behind the front of the eyeball
SMOOTH_CLEARANCE = 5.0  # mm from brows, eyes, lips and nostrils


def face_parts(
    vertices: np.ndarray,
    triangles: np.ndarray,
    skin: np.ndarray,
    landmarks: np.ndarray,
    lips: np.ndarray,
    face_mask: np.ndarray,
    eyes: tuple[np.ndarray, np.ndarray],
) -> dict[str, np.ndarray]:
    """Vertices of each part, of `face_mask` and of `skin_smooth`.

    Args:
        vertices: (n, 3) mm, neutral.
        triangles: (t, 3).
        skin: (n,) bool, vertices of the head's skin.
        landmarks: (68, 3) mm, iBUG order.
        lips: (n,) 0..1, lip red.
        face_mask: (n,) bool, the face without ears and neck.
        eyes: (n,) bool each, vertices of the right and the left eyeball.
    """
    normals = vertex_normals(vertices, triangles)
    masks: dict[str, np.ndarray] = {}
    for name, corner, ball in (("right_eye", 36, eyes[0]), ("left_eye", 42, eyes[1])):
        masks[name] = _eye(vertices, skin, landmarks[corner : corner + 6], ball)
    for name, first in (("right_eyebrow", 17), ("left_eyebrow", 22)):
        masks[name] = skin & (brow_cover(vertices, landmarks[first : first + 5]) > 0.5)
    masks["nose"] = skin & _nose(vertices, landmarks)
    line = mouth_line_height(vertices[:, 0], landmarks)
    masks["upper_lip"] = (lips > 0.4) & (vertices[:, 1] >= line)
    masks["lower_lip"] = (lips > 0.4) & (vertices[:, 1] < line)
    features = np.any(list(masks.values()), axis=0)
    masks["skin"] = face_mask & skin & ~features
    masks["face_mask"] = face_mask & skin
    near = _near(vertices, features & ~masks["nose"] | _nostrils(vertices, landmarks) & skin)
    facing = normals[:, 2] > 0.2
    masks["skin_smooth"] = face_mask & skin & ~near & facing
    return {name: np.flatnonzero(mask).astype(np.int32) for name, mask in masks.items()}


def mouth_line_height(x: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(n,) y in mm of the line where the lips meet."""
    upper, lower = landmarks[[48, 60, 61, 62, 63, 64, 54]], landmarks[[48, 60, 67, 66, 65, 64, 54]]
    return np.interp(x, upper[:, 0], (upper[:, 1] + lower[:, 1]) / 2)


def brow_cover(vertices: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(n,) 0..1, hair cover of the brow along five marks, which lie above its middle."""
    line = marks - [0, BROW_MARK, 0]
    half = np.interp(np.arange(5), [0, 1, 3, 4], [0.7, 1, 1, 1.0])
    if abs(marks[0, 0]) < abs(marks[-1, 0]):  # the left brow runs outwards
        half = half[::-1]
    distance = np.full(len(vertices), np.inf)
    for k in range(4):
        start, along = line[k], line[k + 1] - line[k]
        share = np.clip(((vertices - start) @ along) / (along @ along), 0, 1)
        reach = (half[k] + share * (half[k + 1] - half[k])) * BROW_HALF_HEIGHT
        away = np.linalg.norm(vertices - start - share[:, None] * along, axis=1)
        distance = np.minimum(distance, away / reach)
    return np.clip(1.5 - distance, 0, 1)


def inside_polygon(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n,) bool, even-odd rule in the plane."""
    result = np.zeros(len(points), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0)):
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        slope = (x2 - x1) / np.where(y2 == y1, 1e-12, y2 - y1)
        result ^= crosses & (points[:, 0] < x1 + slope * (points[:, 1] - y1))
    return result


def _eye(vertices: np.ndarray, skin: np.ndarray, lids: np.ndarray, ball: np.ndarray) -> np.ndarray:
    centre = lids.mean(axis=0)
    outline = (centre + (lids - centre) * 1.06)[:, :2]
    rim = skin & inside_polygon(vertices[:, :2], outline) & (vertices[:, 2] > centre[2] - 14)
    if not ball.any():
        return rim
    return rim | (ball & (vertices[:, 2] > vertices[ball, 2].max() - VISIBLE_EYE_DEPTH))


def _nose(vertices: np.ndarray, marks: np.ndarray) -> np.ndarray:
    right = [
        marks[27] + [-7, 4, 0],
        marks[28] + [-9, 0, 0],
        marks[29] + [-12, 0, 0],
        marks[31] + [-8, 8, 0],
        marks[31] + [-7, 1, 0],
        marks[32] + [0, -1.5, 0],
        marks[33] + [0, -1.5, 0],
    ]
    left = [point * [-1, 1, 1] for point in right[:-1]][::-1]
    outline = np.stack(right + left)[:, :2]
    return inside_polygon(vertices[:, :2], outline) & (vertices[:, 2] > marks[27, 2] - 22)


def _nostrils(vertices: np.ndarray, marks: np.ndarray) -> np.ndarray:
    low = vertices[:, 1] < (marks[30, 1] + marks[33, 1]) / 2
    return low & (vertices[:, 1] > marks[33, 1] - 1) & (abs(vertices[:, 0]) < abs(marks[31, 0]) + 5)


def _near(vertices: np.ndarray, marked: np.ndarray) -> np.ndarray:
    distance, _ = cKDTree(vertices[marked]).query(vertices)
    return distance < SMOOTH_CLEARANCE
