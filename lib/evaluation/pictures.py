"""Scores against what a synthetic capture's pictures show: landmarks, cameras, parts, skin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lib.artefacts import (
    PART_LABELS,
    Albedo,
    Capture,
    FaceFit,
    Landmarks,
    SkinMask,
    Texture,
    Truth,
)
from lib.evaluation.heads import Head
from lib.evaluation.measures import FIT, slug_of
from lib.evaluation.rows import Row
from lib.facemodel import PARTS, FaceModel, part_of_triangles
from lib.geometry import project
from lib.metrics import score_albedo, score_landmarks, score_mask, score_parts
from lib.metrics.parts import IGNORED
from lib.render import interpolate, render_buffers, sample_texture, uv_buffers

BACKGROUND, SKIN, MOUTH = (PART_LABELS.index(name) for name in ("background", "skin", "mouth"))
OCCLUDERS = [PART_LABELS.index(name) for name in ("hair", "glasses", "cloth", "hand", "hat")]
BARE = [PART_LABELS.index(name) for name in ("skin", "nose")]
NOT_JUDGED = [  # of the skin mask: nobody says whether these are bare facial skin
    PART_LABELS.index(name)
    for name in ("upper_lip", "lower_lip", "right_eyebrow", "left_eyebrow", "head")
]
SEEN = 0.5  # weight of a texel that the photo shows
FROM_THE_SIDE = 0.5  # outer eye corners nearer than this share of the box's size: its root counts


def same_views(capture: Capture, truth: Truth) -> bool:
    """Whether the views of a capture are the pictures of its truth."""
    sizes = [image.shape[:2] for image in truth.image]
    return sizes == [tuple(size) for size in capture.original_size]


def landmark_rows(
    heads: tuple[Head, ...],
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    fit: FaceFit,
    truth: Truth,
) -> Iterator[Row]:
    """NME of the measured points, of the fit's, and of other heads' in the fit's cameras."""
    found = {(FIT, "landmarks.measured"): landmarks.ibug68_px, (FIT, "landmarks.fitted"): None}
    found[FIT, "landmarks.fitted"] = fit.landmarks_px
    for head in heads:
        if head.who != FIT:
            points = model.landmarks["ibug68"].on(head.views, model.triangles)
            camera = fit.world_to_camera, fit.focal_px, fit.centre_px
            found[head.who, "landmarks.fitted"] = project(points, *camera)
    for view, scale in enumerate(capture.working_to_original):
        true = (truth.landmarks68_px[view] + 0.5) / scale - 0.5
        seen = truth.landmarks68_seen[view].astype(bool)
        if not seen.any():
            continue
        eyes, box = np.linalg.norm(true[36] - true[45]), np.sqrt(np.ptp(true, axis=0).prod())
        normaliser = "box" if eyes < FROM_THE_SIDE * box else "interocular"
        for (who, measure), points in found.items():
            if not np.isfinite(points[view]).any():
                continue  # the view was left out
            score = score_landmarks(points[view][None], true[None], seen[None], normaliser)
            yield Row(who, measure, 100 * float(score.nme[0]), view)


def camera_rows(capture: Capture, fit: FaceFit, truth: Truth) -> Iterator[Row]:
    """Error of rotation and focal length of each view that has a camera."""
    for view, scale in enumerate(capture.working_to_original):
        if not np.isfinite(fit.world_to_camera[view]).all():
            continue
        turn = fit.world_to_camera[view, :, :3] @ truth.world_to_camera[view, :, :3].T
        angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        yield Row(FIT, "camera.rotation", float(angle), view)
        ratio = fit.focal_px[view] * np.sqrt(scale.prod()) / truth.focal_px[view]
        yield Row(FIT, "camera.focal", 100 * abs(float(ratio) - 1), view)


def part_rows(
    heads: tuple[Head, ...], model: FaceModel, capture: Capture, fit: FaceFit, truth: Truth
) -> Iterator[Row]:
    """Overlap of the parts of each head, drawn by the fit's cameras, with the true ones."""
    labels = part_of_triangles(model)
    names = PART_LABELS[: MOUTH + 1]
    for view in range(len(capture.image)):
        if not (
            np.isfinite(heads[0].views[view]).all() and np.isfinite(fit.world_to_camera[view]).all()
        ):
            continue  # the view was left out
        true = working_labels(capture, truth, view)
        judged = np.where(np.isin(true, OCCLUDERS), IGNORED, true)
        if (judged == IGNORED).all():
            continue
        for head in heads:
            camera = fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view]
            seen = render_buffers(head.views[view], model.triangles, *camera, true.shape)
            found = np.where(seen.mask, labels[np.maximum(seen.triangle_id, 0)], BACKGROUND)
            iou = score_parts(found, judged, names).iou
            parts = [100 * float(iou[names.index(name)]) for name in PARTS]
            for name, value in zip(PARTS, parts, strict=True):
                yield Row(head.who, f"parts.{name}", value, view)
            if np.isfinite(parts).any():
                yield Row(head.who, "parts.mean", float(np.nanmean(parts)), view)


def working_labels(capture: Capture, truth: Truth, view: int) -> np.ndarray:
    """(h, w) true part labels at the pixels of the working image."""
    height, width = capture.image[view].shape[:2]
    scale = capture.working_to_original[view]
    part = truth.part[view]
    column = np.rint((np.arange(width) + 0.5) * scale[0] - 0.5).astype(int)
    row = np.rint((np.arange(height) + 0.5) * scale[1] - 0.5).astype(int)
    row, column = np.clip(row, 0, part.shape[0] - 1), np.clip(column, 0, part.shape[1] - 1)
    return part[row[:, None], column]


def skin_rows(capture: Capture, skin: SkinMask, truth: Truth) -> Iterator[Row]:
    """Overlap of the skin mask with true bare facial skin."""
    for view, probability in enumerate(skin.probability):
        labels = working_labels(capture, truth, view)
        judged = ~np.isin(labels, NOT_JUDGED)
        if np.isin(labels, BARE).any():
            score = score_mask(probability > 127, np.isin(labels, BARE), judged)
            yield Row(FIT, "skin.mask", 100 * score.iou, view)


def albedo_rows(
    heads: tuple[Head, ...],
    model: FaceModel,
    texture: Texture,
    truth: Truth,
    recovered: Albedo | None = None,
) -> Iterator[Row]:
    """Errors of each head's albedo, of the recovered one, and of the texture taken for one.

    They are compared on the head's chart.

    Nothing where the true chart is that of another model, or no smooth skin was seen.
    """
    if truth.face_model != model.name:
        return
    true = np.asarray(truth.uv_albedo, np.float32)
    side = len(true)
    chart = uv_buffers(model.uv, model.uv_triangles, (side, side))
    smooth = np.zeros(model.n_vertices, bool)
    smooth[model.parts["skin_smooth"]] = True
    on_skin = smooth[model.triangles].all(axis=1)[np.maximum(chart.triangle_id, 0)] & chart.mask
    place = (np.arange(side) + 0.5) / side
    u, v = np.meshgrid(place, place[::-1])
    uv = np.stack([u, v], axis=2)
    maps = np.dstack([texture.rgb, texture.weight]).astype(np.float32)
    seen = sample_texture(maps, uv)
    mask = on_skin & (seen[..., 3] > SEEN)
    if not mask.any():
        return
    for head in heads:
        found = interpolate(chart, head.albedo.astype(np.float32), model.triangles)
        yield from _albedo_rows(head.who, "albedo", found, true, mask)
    yield from _albedo_rows(FIT, "lit_texture", seen[..., :3], true, mask)
    if recovered is not None:
        found = sample_texture(recovered.rgb.astype(np.float32), uv)
        yield from _albedo_rows(FIT, "recovered", found, true, mask)


def _albedo_rows(
    who: str, kind: str, found: np.ndarray, true: np.ndarray, mask: np.ndarray
) -> Iterator[Row]:
    score = score_albedo(found, true, mask)
    yield Row(who, f"{kind}.ita_error", score.ita_error_deg)
    yield Row(who, f"{kind}.ita_bias", score.ita_bias_deg)
    yield Row(who, f"{kind}.ita_bias.{slug_of(score.skin_class)}", score.ita_bias_deg)
    yield Row(who, f"{kind}.psnr", score.psnr_db)
