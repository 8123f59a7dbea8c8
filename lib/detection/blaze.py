"""BlazeFace over a pyramid of tiles, each face confirmed and measured by the mesh network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from lib.detection.options import Detection, DetectionOptions, scaled
from lib.networks.blazeface import SIDE, BlazeFace, overlap
from lib.networks.crop import CropFrame
from lib.networks.facemesh import (
    FaceMesh,
    MeshPoints,
    five_of_mesh,
    frame_of_box,
    frame_of_points,
    roll_of_points,
)

_TILE_FACES = 5.5  # side of the finest tile in smallest faces: such a face is 23 px of 128
_OVERLAP = 0.4  # of neighbouring tiles
_TURNS = tuple(np.deg2rad([90.0, -90.0, 180.0, 45.0, -45.0, 135.0, -135.0]))
_RETRY_SIDE = 512  # px; retries work on a reduced photo
_RETRY_LEVELS = 2
_SAME_FACE = 0.3
_CLOSER = 2.0  # side of the crop of the second look, in face boxes


class BlazeDetector:
    """Faces of any roll, from the size of the photo down to `min_face_px`.

    Tiles go from coarse to fine. With `faces: largest` the search ends when a face is known that
    is larger than any of the next level: levels add ever smaller ones. When the upright search
    finds nothing, brightened, denoised and turned copies of the photo are tried.

    Args:
        options: settings.
        models: folder of the weights.

    Raises:
        MissingModelError: a weight file is missing.
    """

    def __init__(self, options: DetectionOptions, models: str | Path):
        self._options = options
        self._blaze = BlazeFace(models)
        self._mesh = FaceMesh(models)

    def detect(self, image: np.ndarray, name: str = "") -> list[Detection]:
        """Faces of an (h, w, 3) uint8 RGB image, largest first."""
        found = self._search(image, 0.0, levels=99)
        if not found:
            found = self._retry(image)
        return sorted(found, key=lambda face: -face.side_px)

    def _retry(self, image: np.ndarray) -> list[Detection]:
        """Faces in changed copies of the photo; the first kind of change that shows any."""
        scale = min(1.0, _RETRY_SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        copies: list[tuple[Callable[[np.ndarray], np.ndarray], tuple[float, ...]]] = [
            (_as_it_is, _TURNS),
            (_brightened, (0.0,)),
            (_denoised, (0.0,)),
            (_brightened, _TURNS),
            (_denoised, _TURNS),
        ]
        for change, turns in copies:
            copy = change(small)
            found = [f for turn in turns for f in self._search(copy, turn, _RETRY_LEVELS)]
            if found:
                return [scaled(face, 1 / scale) for face in _distinct(found)]
        return []

    def _search(self, image: np.ndarray, turn: float, levels: int) -> list[Detection]:
        """Confirmed faces of one image, looked at with one roll."""
        found: list[Detection] = []
        for tiles in _levels(image.shape[:2], turn, self._options.min_face_px, levels):
            largest = max((face.side_px for face in found), default=0.0)
            # A face on a finer level is smaller than its tile, as a rule at most half of it.
            if self._options.faces == "largest" and largest > 0.5 * tiles[-1].side_px:
                break
            for frame in tiles:
                found += self._look(image, frame, found)
        return _distinct(found)

    def _look(self, image: np.ndarray, frame: CropFrame, known: list[Detection]) -> list[Detection]:
        candidates = self._blaze(image, frame, self._options.min_score)
        found = []
        for box, points in zip(candidates.box_px, candidates.points_px):
            if any(_contains(face, (box[:2] + box[2:]) / 2) for face in known):
                continue
            face = self._confirm(image, box, points)
            if face is not None:
                found.append(face)
        return found

    def _confirm(self, image: np.ndarray, box: np.ndarray, points: np.ndarray) -> Detection | None:
        """The face measured by the mesh, or None when a closer look shows none."""
        box, score, points = self._closer(image, box, _roll(points))
        if score < self._options.min_score:
            return None
        first = self._mesh(image, frame_of_box(box, _roll(points)))
        if first.presence < self._options.min_presence / 2:
            return None
        mesh = self._mesh(image, frame_of_points(first.points_px))
        if mesh.presence < self._options.min_presence or not _agrees(mesh, box, image.shape[:2]):
            return None
        face = _measured(mesh, score)
        return face if face.side_px >= self._options.min_face_px else None

    def _closer(
        self, image: np.ndarray, box: np.ndarray, roll: float
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Box, score and points of the best face in a crop about the box, either way up.

        The detector also takes faces that stand on their head for faces, with points to match;
        in a crop about the face the right way up has the higher score.
        """
        centre, side = (box[:2] + box[2:]) / 2, _CLOSER * float((box[2:] - box[:2]).max())
        best = (box, 0.0, np.zeros((6, 2)))
        for turn in (roll, roll + np.pi):
            frame = CropFrame((float(centre[0]), float(centre[1])), side, turn, SIDE)
            found = self._blaze(image, frame, self._options.min_score)
            for other, score, points in zip(found.box_px, found.score, found.points_px):
                moved = np.linalg.norm((other[:2] + other[2:]) / 2 - centre)
                if score > best[1] and moved < side / 4:
                    best = (other, float(score), points)
        return best


def _roll(points: np.ndarray) -> float:
    eyes = points[1] - points[0]
    return float(np.arctan2(eyes[1], eyes[0]))


def _measured(mesh: MeshPoints, score: float) -> Detection:
    roll = roll_of_points(mesh.points_px)
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    upright = mesh.points_px @ turn.T
    low, high = upright.min(0), upright.max(0)
    centre, half = (low + high) / 2 @ turn, (high - low) / 2
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    five = five_of_mesh(mesh.points_px).astype(np.float32)
    return Detection(box, float(score * mesh.presence), five, roll)


def _agrees(mesh: MeshPoints, box: np.ndarray, size: tuple[int, int]) -> bool:
    """The mesh lies where the detector saw the face, has its size and is mostly on the photo."""
    low, high = mesh.points_px.min(0), mesh.points_px.max(0)
    side, expected = (high - low).max(), (box[2:] - box[:2]).max()
    centre, seen = (low + high) / 2, (box[:2] + box[2:]) / 2
    inside = ((mesh.points_px > -0.5) & (mesh.points_px < np.array(size)[::-1] - 0.5)).all(1)
    near = np.linalg.norm(centre - seen) < 0.5 * expected
    return bool(near and 0.5 < side / expected < 2.2 and inside.mean() > 0.5)


def _levels(
    size: tuple[int, int], turn: float, min_face_px: float, levels: int
) -> Iterator[list[CropFrame]]:
    """Tiles of each level: first the whole photo, then ever smaller ones, by at most 2."""
    height, width = size
    extent = np.array([width, height])
    middle = ((width - 1) / 2, (height - 1) / 2)
    longest = float(max(size))
    yield [CropFrame(middle, longest, turn, SIDE), CropFrame(middle, 1.6 * longest, turn, SIDE)]
    coarsest = float(min(longest / 1.5, min(size)))
    finest = min(coarsest, _TILE_FACES * min_face_px)
    count = int(np.ceil(np.log2(coarsest / finest) - 1e-6))
    for level in range(min(count + 1, levels - 1)):
        side = coarsest * (finest / coarsest) ** (level / max(count, 1))
        counts = np.ceil((extent - side) / (side * (1 - _OVERLAP)) - 1e-6).clip(0).astype(int) + 1
        xs, ys = (np.linspace(side / 2, e - side / 2, n) - 0.5 for e, n in zip(extent, counts))
        yield [CropFrame((float(x), float(y)), side, turn, SIDE) for y in ys for x in xs]


def _contains(face: Detection, point: np.ndarray) -> bool:
    """The point lies in the middle of a face that is known already."""
    centre = (face.box_px[:2] + face.box_px[2:]) / 2
    return bool(np.linalg.norm(point - centre) < 0.35 * face.side_px)


def _distinct(faces: list[Detection]) -> list[Detection]:
    """The best of every group of detections of one face."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        boxes = np.array([other.box_px for other in kept]).reshape(-1, 4)
        if not (overlap(face.box_px, boxes) > _SAME_FACE).any():
            kept.append(face)
    return kept


def _as_it_is(image: np.ndarray) -> np.ndarray:
    return image


def _brightened(image: np.ndarray) -> np.ndarray:
    """Median lightness brought to the middle by a gamma curve, local contrast raised."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    median = float(np.clip(np.median(lab[..., 0]) / 255, 0.02, 0.98))
    gamma = np.clip(np.log(0.5) / np.log(median), 0.25, 2.0)
    curve = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    lab[..., 0] = cv2.createCLAHE(2.0, (4, 4)).apply(curve[lab[..., 0]])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _denoised(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(cv2.medianBlur(image, 5), (0, 0), 1.0)
