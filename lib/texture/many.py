"""All calibrated views of a measured head as one: harmonised, agreed upon, joined without seams."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from lib.artefacts import Capture, Rig, SkinMask
from lib.errors import CaptureFailure
from lib.facemodel.model import FaceModel
from lib.geometry import project
from lib.render import fill_margins, sample_image
from lib.texture.bands import BandBlender
from lib.texture.chart import Chart, prepare_chart
from lib.texture.consensus import SEEN, Consensus, agree, around
from lib.texture.harmony import usable_views, view_gains
from lib.texture.measured import MeasuredHead
from lib.texture.observe import texels_per_px
from lib.texture.options import TextureOptions
from lib.texture.seen import Joined, Seen, colour_offset, is_grey, log_colour
from lib.texture.views import View, look, original_crop, rig_camera
from lib.uvspace.shown import ramp

logger = logging.getLogger(__name__)

COARSE_SIDE = 1024  # of the chart on which views are weighed
BLOCK = 1 << 19  # texels sampled at a time
SHARPEST = 4.0  # power of the weights in the finest band: nearly the best view alone
CUT_OFF = 1.5  # log; no view leaves the consensus by more
AGREES = (0.1, 0.5)  # of a view's agreement: nothing of it below, all above
BOTH_SEE = (0.1, 0.4)  # trust of the second best view: they do not agree below, do above
SURELY_SKIN = (0.7, 0.95)  # skin mask, averaged over
SKIN_AROUND = 0.008  # of the chart's width: some millimetres; single hairs are no border
BAND_SHARE = 1 / 64  # of the chart's width: transitions of the coarsest band


@dataclass(frozen=True)
class _Evidence:
    """Views on the coarse chart: which ones (n_used,), what they show, their gains (n_used, 3)."""

    names: np.ndarray
    views: list[View]
    gains: np.ndarray
    offset: float
    agreed: Consensus


def join_views(
    model: FaceModel,
    chart: Chart,
    head: MeasuredHead,
    capture: Capture,
    rig: Rig,
    skin: SkinMask | None,
    options: TextureOptions,
) -> Joined:
    """One picture of the chart from all views that a rig uses.

    Views are opened one after the other. They are weighed on a chart of at most COARSE_SIDE texels
    a side; only colours are looked up at full size.

    Args:
        model: the head model.
        chart: its chart at full size.
        head: its measured shape.
        capture: the photos.
        rig: their cameras.
        skin: where bare skin is; None = not known.
        options: settings.

    Raises:
        CaptureFailure: `original_missing`; `no_view` when no view shows the head.
    """
    coarse = chart if max(chart.size) <= COARSE_SIDE else prepare_chart(model, COARSE_SIDE)
    evidence = _weigh(model, coarse, chart, head, capture, rig, skin, options)
    most = int(np.argmax([view.quality.sum() for view in evidence.views]))
    shown = evidence.views[most]
    summed = np.column_stack(_summed(coarse, head, evidence))
    weight, is_skin, own = _enlarged(coarse, summed, chart).T.copy()
    log_rgb = _joined_colours(chart, coarse, head, capture, rig, evidence)
    return Joined(
        Seen(log_rgb, weight, is_skin, 0.0, own),
        evidence.offset,
        int(evidence.names[most]),
        is_grey(shown.rgb[shown.trust > 0.3]),
        head.normals,
    )


def _weigh(
    model: FaceModel,
    coarse: Chart,
    chart: Chart,
    head: MeasuredHead,
    capture: Capture,
    rig: Rig,
    skin: SkinMask | None,
    options: TextureOptions,
) -> _Evidence:
    """What the views show on a coarse chart, their exposures, and what they agree on."""
    names = np.flatnonzero(rig.used)
    enough = _enough_px_per_mm(chart, coarse, head, capture, rig, names)
    texels = head.texels(coarse, np.arange(len(coarse.texel)))
    views = [
        look(
            *(model, coarse, head, texels, capture),
            *(rig_camera(rig, view), skin, view, enough, options),
        )
        for view in names
    ]
    usable = usable_views([view.rgb for view in views], [view.trust for view in views])
    if not usable.any():
        raise CaptureFailure(
            "no_view", f"None of the {len(names)} calibrated views shows enough of the head."
        )
    if not usable.all():
        logger.warning(
            "views %s are left out: they show little of the head, or are far darker or brighter "
            "than the others",
            ", ".join(capture.view[view] for view in names[~usable]),
        )
    names, views = names[usable], [view for view, use in zip(views, usable, strict=True) if use]
    gains = view_gains([view.rgb for view in views], [view.trust for view in views])
    logger.info("texture of views %s, log gains %s", names.tolist(), np.round(gains, 3).tolist())
    offset = colour_offset(np.concatenate([view.rgb[view.trust > 0.3] for view in views]))
    logs = [
        log_colour(view.rgb * np.exp(gain).astype(np.float32), offset)
        for view, gain in zip(views, gains, strict=True)
    ]
    trust = np.stack([view.trust for view in views])
    quality = np.stack([view.quality for view in views])
    agreed = agree(coarse, np.stack(logs), trust, quality)
    return _Evidence(names, views, gains, offset, agreed)


def _enough_px_per_mm(
    chart: Chart, coarse: Chart, head: MeasuredHead, capture: Capture, rig: Rig, names: np.ndarray
) -> float:
    """Resolution that counts fully: one pixel per texel, or the finest view's if that is less."""
    points = head.texels(coarse, np.arange(0, len(coarse.texel), 7))[0]
    finest = 0.0
    for view in names:
        camera = rig_camera(rig, view)
        depth = points @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]
        scale = float(capture.working_to_original[view].mean())
        finest = max(finest, camera.focal_px * scale / max(float(np.median(depth)), 1.0))
    of = np.flatnonzero(np.diff(coarse.texel) == 1)[::7]
    step = np.linalg.norm(head.texels(coarse, of + 1)[0] - head.texels(coarse, of)[0], axis=1)
    texel_mm = float(np.median(step)) * coarse.size[1] / chart.size[1]
    return min(finest, 1 / max(texel_mm, 1e-6))


def _summed(
    coarse: Chart, head: MeasuredHead, evidence: _Evidence
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) each on the coarse chart: how far texels are known, skin mask, how far surely the face.

    It is surely the face where the surface was measured, the mask says skin, and views agree.
    """
    agreed = evidence.agreed
    shares = np.stack(
        [
            view.trust * ramp(inlier, *AGREES)
            for view, inlier in zip(evidence.views, agreed.inlier, strict=True)
        ]
    )
    known, total = shares.max(axis=0), (shares**2).sum(axis=0)
    skin = sum(
        share**2 * view.expected_skin for share, view in zip(shares, evidence.views, strict=True)
    )
    skin = np.where(total > 0, skin / np.maximum(total, 1e-9), 1)
    second = np.sort(shares, axis=0)[-2] if len(shares) > 1 else np.zeros_like(known)
    measured = head.texels(coarse, np.arange(len(known)))[2]
    bare = around(coarse, skin[:, None], coarse.skin * known, SKIN_AROUND)[:, 0]
    own = ramp(second, *BOTH_SEE) * ramp(bare, *SURELY_SKIN) * measured * coarse.skin
    return known, skin.astype(np.float32), own.astype(np.float32)


def _joined_colours(
    chart: Chart,
    coarse: Chart,
    head: MeasuredHead,
    capture: Capture,
    rig: Rig,
    evidence: _Evidence,
) -> np.ndarray:
    """(n, 3) float32 log colours on the full chart, joined band by band around the consensus."""
    agreed = evidence.agreed
    middle = _enlarged(coarse, agreed.log_rgb, chart)
    sharp = agreed.quality / np.maximum(agreed.quality.max(axis=0), 1e-12)
    sharp = sharp**SHARPEST
    sharp /= np.maximum(sharp.sum(axis=0), 1e-12)
    blender = BandBlender(chart.size, max(0, int(np.log2(chart.size[1] * BAND_SHARE))))
    for index, view in enumerate(evidence.names):
        trusted = evidence.views[index].trust > SEEN
        kept = ramp(agreed.inlier[index], *AGREES) * trusted
        if not trusted.any():
            continue
        windowed = _window(coarse, trusted, chart, 2 * blender.step)
        of = np.flatnonzero(_inside(chart, windowed))
        weight, kept, support = _enlarged(
            coarse, np.column_stack([sharp[index], kept, trusted]), chart, of
        ).T
        of, weight, kept = (part[support > 0] for part in (of, weight, kept))
        rgb = _sample(chart, head, capture, rig, view, of)
        off = log_colour(rgb * np.exp(evidence.gains[index]).astype(np.float32), evidence.offset)
        off -= middle[of] + chart.weights[of] @ agreed.slow[index]
        off = np.clip(off, -CUT_OFF, CUT_OFF) * kept[:, None]
        blender.add(*_pictures(chart, windowed, of, off, weight), (windowed[0], windowed[2]))
        logger.info("view %d gave colours to %d texels", view, len(of))
    return middle + blender.collapse().reshape(-1, 3)[chart.texel]


def _sample(
    chart: Chart, head: MeasuredHead, capture: Capture, rig: Rig, view: int, of: np.ndarray
) -> np.ndarray:
    """(k, 3) float32 linear RGB of the original photo at texels `of` (k,) of the full chart."""
    camera = rig_camera(rig, view)
    position = np.empty((len(of), 2), np.float32)
    for start in range(0, len(of), BLOCK):
        part = slice(start, start + BLOCK)
        position[part] = project(head.texels(chart, of[part])[0], *camera)
    density = texels_per_px(chart, of, position)
    crop = original_crop(capture, view, position, density)
    rgb = np.empty((len(of), 3), np.float32)
    for start in range(0, len(of), BLOCK):
        part = slice(start, start + BLOCK)
        rgb[part] = crop.sample(position[part].astype(np.float64))
    return rgb


def _window(
    coarse: Chart, shown: np.ndarray, chart: Chart, margin: int
) -> tuple[int, int, int, int]:
    """Rows and columns (first, end, first, end) of the full chart that hold coarse texels."""
    row, column = np.divmod(coarse.texel[shown], coarse.size[1])
    result = []
    step = margin // 2
    for place, small, large in zip((row, column), coarse.size, chart.size, strict=True):
        low = int(place.min() * large / small) - margin
        high = int(np.ceil((place.max() + 1) * large / small)) + margin
        result += [max(0, low // step * step), min(large, -(-high // step) * step)]
    return tuple(result)


def _inside(chart: Chart, window: tuple[int, int, int, int]) -> np.ndarray:
    """(n,) bool: texels of a window."""
    row, column = np.divmod(chart.texel, chart.size[1])
    top, bottom, left, right = window
    return (row >= top) & (row < bottom) & (column >= left) & (column < right)


def _pictures(
    chart: Chart,
    window: tuple[int, int, int, int],
    of: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (h, w, 3) and (h, w) of values (k, 3) and weights (k,) at texels in a window."""
    top, bottom, left, right = window
    row, column = np.divmod(chart.texel[of], chart.size[1])
    picture = np.zeros((bottom - top, right - left, 3), np.float32)
    share = np.zeros(picture.shape[:2], np.float32)
    picture[row - top, column - left] = values
    share[row - top, column - left] = weight
    return picture, share


def _enlarged(
    coarse: Chart, values: np.ndarray, chart: Chart, of: np.ndarray | None = None
) -> np.ndarray:
    """(k, C) float32 at texels `of` of the full chart, of values (n, C) on the coarse one."""
    if coarse is chart:
        return values.astype(np.float32) if of is None else values[of].astype(np.float32)
    picture = fill_margins(coarse.picture(values), coarse.buffers.mask, pixels=8)
    texel = chart.texel if of is None else chart.texel[of]
    row, column = np.divmod(texel, chart.size[1])
    scale = coarse.size[1] / chart.size[1]
    result = np.empty((len(texel), values.shape[1]), np.float32)
    for start in range(0, len(texel), BLOCK):
        part = slice(start, start + BLOCK)
        place = np.column_stack([column[part], row[part]])
        result[part] = sample_image(picture, (place + 0.5) * scale - 0.5)
    return result
