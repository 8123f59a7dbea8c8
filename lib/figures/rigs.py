"""The picture of a rig: triangulated points in every view, and where the cameras stand."""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image, ImageDraw

from lib.artefacts import Capture, Landmarks, Rig
from lib.figures.sheets import ALARM, FAINT, INK, PAPER, fit_into, font, shorten, wrapped
from lib.render.window import Window

SIZE = (540, 1080)  # (h, w) px
MAP_PX = 360  # width of the right part: cameras from above and from the side
STRIP_PX = 18  # below each view: its name and error
GAP_PX = 4
FINE = 4  # drawn at so many times the size, then averaged
DOT_PX, LINE_PX = 3, 2  # radius and width at that size
MAGNIFIED = 3  # so much longer than they are, errors are drawn
GOOD, BAD = (64, 214, 120), (255, 150, 46)
OUT = (176, 58, 36)
HEAD_MM = 75.0  # radius of the circle that stands for the head


def draw_rig(capture: Capture, landmarks: Landmarks, rig: Rig) -> np.ndarray:
    """(h, w, 3) uint8: each view with its triangulated points; cameras from above and the side.

    A line leads from each point towards its measurement, three times as long as the error is;
    orange points were not believed. A view that is left out is grey and tells why.

    Args:
        capture: the views.
        landmarks: measured in them.
        rig: whose poses are known.
    """
    height, width = SIZE
    views = len(capture.view)
    across, side = _mosaic(views, (height, width - MAP_PX))
    picture = Image.new("RGB", (width, height), PAPER)
    for view in range(views):
        row, column = divmod(view, across)
        corner = column * (side + GAP_PX), row * (side + STRIP_PX + GAP_PX)
        picture.paste(Image.fromarray(_view(capture, landmarks, rig, view, side)), corner)
        _caption(ImageDraw.Draw(picture), capture, rig, view, corner, side)
    places = _places(rig)
    for index, (axes, title) in enumerate((((0, 2), "from above"), ((2, 1), "from the right"))):
        plan = _plan(rig, places, axes, title, (height // 2, MAP_PX - 16))
        picture.paste(Image.fromarray(plan), (width - MAP_PX + 16, index * (height // 2)))
    return np.asarray(picture)


def view_error_px(rig: Rig, view: int) -> float:
    """Median distance in px of believed points to their measurements; NaN where there are none."""
    error = rig.reprojection_px[view]
    believed = error[rig.inlier[view].astype(bool) & np.isfinite(error)]
    return float(np.median(believed)) if len(believed) else math.nan


def _mosaic(views: int, free: tuple[int, int]) -> tuple[int, int]:
    """Columns, and px of a cell's side, for the largest square cells that fit."""
    best = 1, 1
    for across in range(1, views + 1):
        rows = -(-views // across)
        side = int(min(free[1] / across - GAP_PX, free[0] / rows - STRIP_PX - GAP_PX))
        best = (across, side) if side > best[1] else best
    return best


def _view(capture: Capture, landmarks: Landmarks, rig: Rig, view: int, side: int) -> np.ndarray:
    """(side, side, 3) uint8: a view around the head with its points."""
    image, measured = capture.image[view], landmarks.points_px[view]
    found = _projected(rig, view)
    seen = np.isfinite(found).all(axis=1)
    around = found[seen] if seen.any() else measured[np.isfinite(measured).all(axis=1)]
    window = Window.around(around, image.shape[:2], FINE * side, 0.2)
    piece = window.cut(image)
    if not rig.used[view]:
        grey = (0.45 * piece.mean(axis=2, keepdims=True) + 90).astype(np.uint8)
        return fit_into(np.repeat(grey, 3, axis=2), (side, side))
    piece = piece.copy()
    start, end = window.points(found), window.points(found + MAGNIFIED * (measured - found))
    known = seen & np.isfinite(measured).all(axis=1)
    for point in np.flatnonzero(known):
        colour = GOOD if rig.inlier[view, point] else BAD
        line = (tuple(np.rint(place[point]).astype(int).tolist()) for place in (start, end))
        cv2.line(piece, *line, colour, LINE_PX, cv2.LINE_AA)
        middle = np.rint(start[point]).astype(int).tolist()
        cv2.circle(piece, middle, DOT_PX, colour, -1, cv2.LINE_AA)
    return fit_into(piece, (side, side))


def _projected(rig: Rig, view: int) -> np.ndarray:
    """(n_points, 2) px of the triangulated points; NaN where they or the camera are not known."""
    pose = rig.world_to_camera[view]
    inside = rig.points_mm @ pose[:, :3].T + pose[:, 3]
    depth = np.where(inside[:, 2:] > 0, inside[:, 2:], np.nan)
    return rig.focal_px[view] * inside[:, :2] / depth + rig.centre_px[view]


def _caption(
    draw: ImageDraw.ImageDraw,
    capture: Capture,
    rig: Rig,
    view: int,
    corner: tuple[int, int],
    side: int,
) -> None:
    (x, y), letters = corner, font(11)
    if rig.used[view]:
        error = view_error_px(rig, view)
        words = f"{capture.view[view]}  {error:.1f} px" if error == error else capture.view[view]
    else:
        words = f"{capture.view[view]}  left out"
        for line, part in enumerate(wrapped(rig.reason[view], side - 12, letters)[:8]):
            place = x + 6, y + 6 + 14 * line
            draw.text(place, part, (255, 255, 255), letters, stroke_width=2, stroke_fill=INK)
    colour = INK if rig.used[view] else ALARM
    draw.text((x + 2, y + side + 2), shorten(words, side - 4, letters), colour, letters)


def _places(rig: Rig) -> np.ndarray:
    """(n_views, 2, 3) mm: of each camera its place and its viewing direction; NaN = not known.

    The head's middle is the origin; y is up in most views, z goes towards the mean camera.
    """
    turn, shift = rig.world_to_camera[:, :, :3], rig.world_to_camera[:, :, 3]
    centre = -np.einsum("vij,vi->vj", turn, shift)
    axis = turn[:, 2]
    points = rig.points_mm[np.isfinite(rig.points_mm).all(axis=1)]
    middle = np.median(points, axis=0) if len(points) else np.zeros(3)
    offset = centre - middle
    up = _unit(-np.nanmean(turn[:, 1], axis=0))
    front = np.nanmean(offset / np.linalg.norm(offset, axis=1, keepdims=True), axis=0)
    front = _unit(front - up * (front @ up))
    basis = np.stack([np.cross(up, front), up, front])
    return np.stack([offset @ basis.T, axis @ basis.T], axis=1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _plan(
    rig: Rig, places: np.ndarray, axes: tuple[int, int], title: str, size: tuple[int, int]
) -> np.ndarray:
    """(h, w, 3) uint8: cameras and head along two axes (to the right, and down or up)."""
    picture = Image.new("RGB", (2 * size[1], 2 * size[0]), PAPER)
    draw = ImageDraw.Draw(picture)
    flat = places[..., axes] * [1, -1 if axes[1] == 1 else 1]
    known = np.isfinite(flat).all(axis=(1, 2))
    ground = np.concatenate([flat[known, 0], [[-HEAD_MM] * 2, [HEAD_MM] * 2]])
    low, high = ground.min(axis=0), ground.max(axis=0)
    room = np.array([2 * size[1] - 90, 2 * size[0] - 130])
    scale = float((room / np.maximum(high - low, 1)).min())
    shift = np.array([size[1], size[0] + 20]) - scale * (low + high) / 2
    head = shift
    radius = scale * HEAD_MM
    draw.ellipse((*(head - radius), *(head + radius)), (226, 214, 204), FAINT, 2)
    for view in np.flatnonzero(known):
        place, axis = scale * flat[view, 0] + shift, flat[view, 1]
        colour = INK if rig.used[view] else OUT
        draw.line((*place, *(place + 0.3 * (head - place))), (205, 207, 210), 2)
        wide = np.array([-axis[1], axis[0]])
        corners = [place, place + 26 * axis + 11 * wide, place + 26 * axis - 11 * wide]
        draw.polygon([tuple(corner) for corner in corners], None, colour, 3)
        draw.text(tuple(place - 16 * axis), str(view), colour, font(19), anchor="mm")
    reach = np.linalg.norm(places[known, 0], axis=1)
    words = f"{title}, {np.median(reach):.0f} mm away" if len(reach) else title
    draw.text((8, 8), words, FAINT, font(23))
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.LANCZOS))
