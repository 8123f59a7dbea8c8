"""One small picture per stage and capture: what the stage found, drawn on the photo."""

from __future__ import annotations

import math

import cv2
import numpy as np

from lib.artefacts import (
    Albedo,
    Capture,
    FaceFit,
    Faces,
    Landmarks,
    Parsing,
    Parts,
    SkinMask,
    Texture,
)
from lib.facemodel.model import FaceModel
from lib.figures.sheets import fit_into
from lib.geometry import project
from lib.imaging.colour import linear_to_srgb8
from lib.render import Camera, Paint, PreviewOptions, render_head, turntable_cameras
from lib.render.window import Window
from lib.segmentation import paint_parts

PICTURE_PX = 320
INSET_PX = 84
PHOTO_INSET = 1 / 3  # of the cell
CLAY_SHARE = 0.6  # the photo shines through, so that one sees whether the features agree
DRAWN_PX = 2 * PICTURE_PX  # lines are drawn at twice the size and then averaged

GREEN, ORANGE, BLUE, WHITE, DARK = (
    (64, 214, 120),
    (255, 150, 46),
    (70, 160, 255),
    (255, 255, 255),
    (20, 22, 26),
)

IBUG68_LINES = (
    (range(17), False),  # jaw
    (range(17, 22), False),
    (range(22, 27), False),
    (range(27, 31), False),
    (range(31, 36), False),
    (range(36, 42), True),
    (range(42, 48), True),
    (range(48, 60), True),
    (range(60, 68), True),
)

CLAY = PreviewOptions(supersample=2, background=None)
AS_TAKEN = PreviewOptions(studio=0.35, specular=0.5, supersample=2, background=(238, 238, 236))


def draw_photo(capture: Capture) -> np.ndarray:
    """(h, w, 3) uint8: the working image, longer side `PICTURE_PX`; several views as a mosaic."""
    across = math.ceil(math.sqrt(len(capture.image)))
    side = PICTURE_PX // across
    pictures = [
        Window.around(np.empty((0, 2)), image.shape[:2], side, 0).cut(image)
        for image in capture.image
    ]
    if len(pictures) == 1:
        return pictures[0]
    cells = [fit_into(picture, (side, side)) for picture in pictures]
    cells += [np.full((side, side, 3), 255, np.uint8)] * (-len(cells) % across)
    rows = [np.hstack(cells[start : start + across]) for start in range(0, len(cells), across)]
    return np.vstack(rows)


def draw_detection(capture: Capture, faces: Faces, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: box, roll and five points on the photo around the face."""
    x0, y0, x1, y1 = faces.box_px[view]
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    image = capture.image[view]
    window = Window.around(corners, image.shape[:2], DRAWN_PX, 0.6)
    picture = window.cut(image).copy()
    turn = float(faces.roll_rad[view])
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = corners.mean(axis=0)
    tilted = (corners - middle) @ rotation + middle
    _line(picture, window.points(tilted), GREEN, 4, closed=True)
    _dots(picture, window.points(faces.points_px[view]), ORANGE, 9)
    return _averaged(picture)


def draw_landmarks(capture: Capture, landmarks: Landmarks, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: measured points and the 68 iBUG points as lines on the face.

    A line is orange where a point is less certain than twice the median.
    """
    points, sigma = landmarks.ibug68_px[view], landmarks.ibug68_sigma_px[view]
    image = capture.image[view]
    window = Window.around(points, image.shape[:2], DRAWN_PX, 0.18)
    picture = window.cut(image).copy()
    if landmarks.scheme != "ibug68":
        _dots(picture, window.points(landmarks.points_px[view]), WHITE, 2)
    doubtful = sigma > 2 * np.nanmedian(sigma)
    shown = window.points(points)
    for numbers, closed in IBUG68_LINES:
        for first, second in _pairs(list(numbers), closed):
            colour = ORANGE if doubtful[first] or doubtful[second] else GREEN
            _line(picture, shown[[first, second]], colour, 3)
    _dots(picture, shown, BLUE, 4)
    return _averaged(picture)


def draw_skin(capture: Capture, skin: SkinMask, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: the photo in colour where skin is likely, dark and grey elsewhere."""
    probability, image = skin.probability[view], capture.image[view]
    rows, columns = np.nonzero(probability > 127)
    points = np.stack([columns, rows], axis=1).astype(float) if len(rows) else np.empty((0, 2))
    window = Window.around(points, image.shape[:2], PICTURE_PX, 0.12)
    photo = window.cut(image).astype(np.float32)
    weight = window.cut(probability).astype(np.float32)[..., None] / 255
    grey = 0.35 * photo.mean(axis=2, keepdims=True) + np.array([8, 12, 30], np.float32)
    return np.rint(np.clip(grey + weight * (photo - grey), 0, 255)).astype(np.uint8)


def draw_fit(model: FaceModel, capture: Capture, fit: FaceFit, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: translucent clay head over the photo, with its iBUG points.

    The upper corner farther from the face shows the photo alone.
    """
    image = capture.image[view]
    vertices = (
        fit.vertices + np.tensordot(fit.expression[view], model.expression_basis, 1)
    ).astype(np.float32)
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    outline = project(vertices, *camera)
    window = Window.around(outline, image.shape[:2], PICTURE_PX, 0.05)
    photo = window.cut(image)
    head = render_head(vertices, model.triangles, window.camera(camera), window.size, options=CLAY)
    alpha = CLAY_SHARE / 255 * head[..., 3:].astype(np.float32)
    mixed = np.rint(photo + alpha * (head[..., :3].astype(np.float32) - photo)).astype(np.uint8)
    picture = cv2.resize(mixed, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    _dots(picture, 2 * window.points(fit.landmarks_px[view]) + 0.5, BLUE, 4)
    on_the_right = bool(
        np.nanmean(window.points(fit.landmarks_px[view])[:, 0]) < photo.shape[1] / 2
    )
    return _with_inset(_averaged(picture), photo, PHOTO_INSET, on_the_right)


def draw_parsing(capture: Capture, parsing: Parsing, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: the parts that a photo shows in their colours, the rest darkened."""
    picture, _ = _painted(capture.image[view], parsing.label[view])
    return _averaged(picture)


def draw_parts(capture: Capture, parts: Parts, view: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: the parts of the face that are seen in their colours, the rest darkened."""
    picture, window = _painted(capture.image[view], parts.visible[view])
    _dots(picture, window.points(parts.ldm106_2d_px[view]), WHITE, 2)
    return _averaged(picture)


def _painted(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, Window]:
    """A photo around its labels, under their colours, and which window of it that is."""
    rows, columns = np.nonzero(label)
    points = np.stack([columns, rows], axis=1).astype(float)
    window = Window.around(points, image.shape[:2], DRAWN_PX, 0.1)
    (x, y), (height, width) = window.corner, window.extent
    label = label[y : y + height, x : x + width]
    label = cv2.resize(label, window.size[::-1], interpolation=cv2.INTER_NEAREST)
    return paint_parts(window.cut(image), label), window


def draw_texture(texture: Texture | Albedo) -> np.ndarray:
    """(h, w, 3) uint8: the texture; its upper left corner shows in white what the photo saw."""
    size = (PICTURE_PX, PICTURE_PX)
    rgb = cv2.resize(texture.rgb.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(texture.weight.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    weight = np.repeat(np.rint(255 * np.clip(seen, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)
    return _with_inset(linear_to_srgb8(rgb), weight)


def draw_head(model: FaceModel, fit: FaceFit, texture: Texture) -> np.ndarray:
    """(h, w, 3) uint8: the textured head half turned, and both profiles in the corners."""
    paint = Paint(
        texture=texture.rgb.astype(np.float32), uv=model.uv, uv_triangles=model.uv_triangles
    )
    picture = _view(fit, model, paint, 25, PICTURE_PX)
    for yaw, corner in ((-90, slice(0, INSET_PX)), (90, slice(-INSET_PX, None))):
        picture[-INSET_PX:, corner] = _view(fit, model, paint, yaw, INSET_PX)
    return picture


def _view(fit: FaceFit, model: FaceModel, paint: Paint, yaw_deg: float, side: int) -> np.ndarray:
    """(side, side, 3) uint8: the neutral head turned by `yaw_deg` to its left."""
    size = (side, side)
    camera = turntable_cameras(fit.vertices, size, [yaw_deg])[0]
    return render_head(fit.vertices, model.triangles, camera, size, paint, AS_TAKEN)[..., :3]


def _pairs(numbers: list[int], closed: bool) -> list[tuple[int, int]]:
    following = numbers[1:] + numbers[:1] if closed else numbers[1:]
    return list(zip(numbers, following))


def _line(
    picture: np.ndarray,
    points: np.ndarray,
    colour: tuple[int, int, int],
    width: int,
    closed: bool = False,
) -> None:
    if np.isfinite(points).all():
        corners = np.rint(points).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(picture, [corners], closed, DARK, width + 3, cv2.LINE_AA)
        cv2.polylines(picture, [corners], closed, colour, width, cv2.LINE_AA)


def _dots(
    picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], radius: int
) -> None:
    for x, y in points[np.isfinite(points).all(axis=1)]:
        cv2.circle(picture, (round(x), round(y)), radius + 1, DARK, -1, cv2.LINE_AA)
        cv2.circle(picture, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)


def _averaged(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = max(1, width // 2), max(1, height // 2)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _with_inset(
    picture: np.ndarray, small: np.ndarray, share: float = 0.25, on_the_right: bool = False
) -> np.ndarray:
    """The picture with a small one in an upper corner, framed in white.

    Args:
        picture: (h, w, 3) uint8.
        small: (h, w, 3) uint8.
        share: side of the small one in the picture, of its own.
        on_the_right: which corner.
    """
    height, width = (max(1, round(side * share)) for side in small.shape[:2])
    reduced = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(reduced, 0, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    framed = framed[:, :-2] if on_the_right else framed[:, 2:]
    left = picture.shape[1] - framed.shape[1] if on_the_right else 0
    result = picture.copy()
    result[: height + 2, left : left + width + 2] = framed
    return result
