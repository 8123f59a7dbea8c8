"""The published system's texture: views averaged by the cosine alone, and its displacement crop."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, Rig
from lib.errors import CaptureFailure, ShapeError
from lib.geometry import project
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.render import facing
from lib.texture.chart import Chart
from lib.texture.measured import MeasuredHead
from lib.texture.observe import texels_per_px
from lib.texture.seen import Joined, Seen, colour_offset, log_colour
from lib.texture.views import original_crop, rig_camera

NORMAL_BOX = 31 / 2048  # of the chart's width: side of the box over which normals are averaged
BLOCK = 1 << 19  # texels sampled at a time

# Parts of FaceScape's chart, as shares of its side: (first row, end row, first column, end column)
CORE = (72 / 512, 328 / 512, 128 / 512, 384 / 512)
RELOCATED = (600 / 4096, 2500 / 4096, 1100 / 4096, 3000 / 4096)
RELOCATED_SIDE = 1024


def average_views(chart: Chart, head: MeasuredHead, capture: Capture, rig: Rig) -> Joined:
    """Every texel's mean over all views, weighted by max(0, cosine) where the colour is not black.

    Nothing is tested for occlusion and exposures are not made equal. Colours are averaged as sRGB
    values, as the published system does. Texels that face no view have weight 0; there it takes
    the mean of whatever the views show at that place, we leave them to be completed.

    Args:
        chart: of the head model.
        head: its measured shape.
        capture: the photos.
        rig: their cameras.

    Raises:
        CaptureFailure: `original_missing`; `no_view` when no view shows the head.

    Source: Xiao, Zhu et al. 2022, Detailed facial geometry recovery from multi-view images by
        learning an implicit function.
    """
    total = np.zeros((len(chart.texel), 3), np.float32)
    weight = np.zeros(len(chart.texel), np.float32)
    normals = _box_filtered(chart, head)
    most, main = 0.0, 0
    for view in np.flatnonzero(rig.used):
        share = _add_view(chart, head, normals, capture, rig, int(view), total, weight)
        if share > most:
            most, main = share, int(view)
    seen = weight > 0
    if not seen.any():
        raise CaptureFailure("no_view", f"None of {int(rig.used.sum())} views shows the head.")
    rgb = srgb_to_linear(total / np.maximum(weight, 1e-9)[:, None]).astype(np.float32)
    offset = colour_offset(rgb[seen])
    shown = Seen(log_colour(rgb, offset), seen.astype(np.float32), np.ones_like(weight), 0.0)
    return Joined(shown, offset, main, False, head.normals, exact=True)


def _add_view(
    chart: Chart,
    head: MeasuredHead,
    normals: np.ndarray,
    capture: Capture,
    rig: Rig,
    view: int,
    total: np.ndarray,
    weight: np.ndarray,
) -> float:
    """Add a view to sums of colours (n, 3) and weights (n,); the weight that it added."""
    camera = rig_camera(rig, view)
    height, width = capture.image[view].shape[:2]
    of, places, cosines = [], [], []
    for start in range(0, len(chart.texel), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(chart.texel)))
        points = head.texels(chart, block)[0]
        position, cosine = project(points, *camera), facing(points, normals[block], camera)
        inside = (position > -1).all(axis=1) & (position < (width, height)).all(axis=1)
        inside &= cosine > 0
        of.append(block[inside])
        places.append(position[inside])
        cosines.append(cosine[inside].astype(np.float32))
    of, position, cosine = (np.concatenate(parts) for parts in (of, places, cosines))
    if not len(of):
        return 0.0
    density = texels_per_px(chart, of, position)
    crop = original_crop(capture, view, position, density)
    for start in range(0, len(of), BLOCK):
        part = slice(start, start + BLOCK)
        rgb = crop.sample(position[part])
        share = cosine[part] * (rgb.sum(axis=1) > 0)
        total[of[part]] += share[:, None] * linear_to_srgb(np.clip(rgb, 0, 1)).astype(np.float32)
        weight[of[part]] += share
    return float(cosine.sum())


def _box_filtered(chart: Chart, head: MeasuredHead) -> np.ndarray:
    """(n, 3) float32 normals averaged over a box of texels; their lengths do not matter."""
    normals = np.empty((len(chart.texel), 3), np.float32)
    for start in range(0, len(normals), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(normals)))
        normals[block] = head.texels(chart, block)[1]
    side = 2 * int(NORMAL_BOX * chart.size[1] / 2) + 1
    picture = cv2.blur(chart.picture(normals), (side, side), borderType=cv2.BORDER_REFLECT)
    normals = picture.reshape(-1, 3)[chart.texel]
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def core_crop(texture: np.ndarray) -> np.ndarray:
    """The part of FaceScape's chart that the published system works on: a quarter of its square.

    Args:
        texture: (side, side, C) float32 in FaceScape's chart, row 0 is v = 1.

    Returns:
        (side / 2, side / 2, C).
    """
    side = _checked_side(texture)
    rows, columns = CORE[:2], CORE[2:]
    (top, bottom), (left, right) = (
        tuple(round(side * share) for share in pair) for pair in (rows, columns)
    )
    return texture[top:bottom, left:right]


def relocate(texture: np.ndarray) -> np.ndarray:
    """The crop that the published displacement network was trained on.

    It is rows 12..962 and columns 38..988 of the core at 1024 texels, enlarged to 1024. Only on
    FaceScape's chart does it hold the face.

    Args:
        texture: (side, side, C) float32 in FaceScape's chart, row 0 is v = 1.

    Returns:
        (1024, 1024, C) float32.

    Raises:
        ShapeError: the texture is not square.
    """
    side = _checked_side(texture)
    top, bottom, left, _ = (share * side for share in RELOCATED)
    step = (bottom - top) / RELOCATED_SIDE
    to_source = np.array([[step, 0, left + 0.5 * step - 0.5], [0, step, top + 0.5 * step - 0.5]])
    size = (RELOCATED_SIDE, RELOCATED_SIDE)
    texture = np.ascontiguousarray(texture, np.float32)
    return cv2.warpAffine(texture, to_source, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _checked_side(texture: np.ndarray) -> int:
    if texture.ndim != 3 or texture.shape[0] != texture.shape[1]:
        raise ShapeError("texture", texture.shape, "(side, side, channels)")
    return texture.shape[0]
