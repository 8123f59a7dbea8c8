"""Highlights by many views: they move with the view, what skin scatters does not.

The light stands still, and so does the face. So a place of the skin has one matte colour in all
views, and each view adds what it mirrors there: of many brightnesses of one place, the low ones
are the matte one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lib.artefacts import Surface
from lib.highlights.dichromatic import skin_weight
from lib.highlights.separator import FacePhoto, Separated
from lib.highlights.smooth import around, blur, follow
from lib.render import interpolate, render_buffers, sample_image
from lib.uvspace.captures import rig_camera
from lib.uvspace.grid import Grid, grid_of
from lib.uvspace.measured import Measured
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.shown import ramp
from lib.uvspace.views import CalibratedView, cast_rays, views_at, visibility

LARGEST = 1024  # texels a side on which views are compared
STRIP_ROWS = 64  # of the chart that are compared at once
STRIDE = 2  # texels per vertex of the mesh that is drawn into views
GRAZING = (0.2, 0.45)  # cosine of the view: nothing below, all above
LOW = 0.25  # share of the views, by weight, whose mean is the matte brightness
FEWEST = (2.0, 3.5)  # views that see a place: by itself below, compared above
MATTE_MM = 0.8  # views are compared smoothed over
FINE_MM = 1.0  # around which mirrored light follows the brightness of the photo
TEXTURE = 0.06  # contrast of pores and spots, which stay
CLIPPED = (0.90, 0.985)  # linear, largest channel: takes the matte colour
HALF = 0.04  # linear light mirrored, from which a highlight is more likely than not


@dataclass(frozen=True)
class MatteChart:
    """What many views agree on, under a grey light.

    Args:
        grid: points of the surface.
        rgb: (rows, cols, 3) float32 linear matte colour, exposures made equal.
        seen: (rows, cols) float32: how many views see a texel, by weight.
        gain: view -> its exposure beside the others'.
    """

    grid: Grid
    rgb: np.ndarray
    seen: np.ndarray
    gain: Mapping[int, float]


class ViewComparison:
    """Gathers what views show of a head's surface, one view after the other, and compares them.

    Of each view it holds the surface's chart of colours, and not its picture.
    """

    def __init__(self, measured: Measured):
        self._measured = measured
        self._grid = surface_grid(measured.surface)
        self._flat = np.zeros(self._grid.mask.shape, np.float32)
        self._views: list[int] = []
        self._values: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def add(self, view: int, photo: FacePhoto) -> None:
        """Look at a view's working image; views whose camera is not known take no part."""
        if not self._measured.rig.used[view]:
            return
        camera = CalibratedView(
            str(view),
            (photo.rgb / photo.illuminant).astype(np.float32),
            rig_camera(self._measured.rig, view),
            np.asarray(photo.head, np.float32),
        )
        cosine = visibility([camera], self._grid, self._flat, stride=STRIDE)[0]
        rays = cast_rays(views_at([camera], self._grid), self._grid)
        values, inside = rays.sample(rays.start.new_tensor(self._flat))
        colour = np.ascontiguousarray(values[0].permute(1, 2, 0).numpy())
        weight = ramp(cosine, *GRAZING).astype(np.float32) * inside[0].numpy()
        self._views.append(view)
        self._values.append(colour)
        self._weights.append(weight * ramp(colour.mean(axis=2), 0.005, 0.02))

    def chart(self) -> MatteChart | None:
        """The matte colour of the surface; None with fewer than three views."""
        if len(self._views) < 3:
            return None
        values, weight = self._values, self._weights
        gain = _gains(values, weight)
        reach = MATTE_MM / max(self._grid.spacing_mm, 1e-3)
        for index, share in enumerate(weight):  # so that what is misplaced a little is not low
            values[index] = around(values[index] / gain[index], share, reach)
        gains = dict(zip(self._views, gain.tolist(), strict=True))
        return MatteChart(self._grid, _low(values, weight), np.sum(weight, axis=0), gains)


def surface_grid(surface: Surface) -> Grid:
    """The measured surface, of at most `LARGEST` texels a side."""
    step = -(-len(surface.distance_mm) // LARGEST)
    points = surface.points_mm[::step, ::step]
    mask = np.isfinite(points).all(axis=2)
    return grid_of(np.where(mask[..., None], points, 0), mask)


def _gains(values: Sequence[np.ndarray], weight: Sequence[np.ndarray]) -> np.ndarray:
    """(n_views,) exposures of (rows, cols, 3) colours of each view, by what highlights leave alone.

    That is how much less blue there is than of all colours together.
    """
    sure = np.stack([share > 0.7 for share in weight])
    both = sure.sum(axis=0) >= 2
    strength = np.stack(
        [np.log(np.maximum(rgb[both].mean(axis=1) - rgb[both][:, 2], 1e-4)) for rgb in values]
    )
    sure = sure[:, both]
    usual = np.ma.median(np.ma.masked_array(strength, ~sure), axis=0).filled(0)
    gains = [
        float(np.median((of - usual)[chosen])) if chosen.any() else 0.0
        for of, chosen in zip(strength, sure, strict=True)
    ]
    return np.exp(gains).astype(np.float32)


def _low(values: Sequence[np.ndarray], weight: Sequence[np.ndarray]) -> np.ndarray:
    """(rows, cols, 3) mean colour of the views in which a texel is darkest, by weight."""
    colour = np.empty_like(values[0])
    for first in range(0, len(colour), STRIP_ROWS):
        rows = slice(first, first + STRIP_ROWS)
        strips = (np.stack([each[rows] for each in of]) for of in (values, weight))
        colour[rows] = _low_of_strip(*strips)
    return colour


def _low_of_strip(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    bright = np.where(weight > 0, values.mean(axis=3), np.inf)
    order = np.argsort(bright, axis=0, kind="stable")
    share = np.take_along_axis(weight, order, axis=0)
    end = np.cumsum(share, axis=0)
    within = np.clip(np.minimum(end, LOW * end[-1]) - (end - share), 0, None)
    colour = np.zeros(values.shape[1:], np.float32)
    for rank in range(len(values)):
        picked = np.take_along_axis(values, order[rank][None, ..., None], axis=0)[0]
        colour += within[rank][..., None] * picked
    return colour / np.maximum(within.sum(axis=0), 1e-6)[..., None]


def separate_view(
    chart: MatteChart, measured: Measured, view: int, photo: FacePhoto, alone: Separated
) -> Separated:
    """One view without what it mirrors, by all views where enough see a place, else by itself.

    Args:
        chart: what views agree on.
        measured: cameras.
        view: one of the chart's.
        photo: its working image.
        alone: what the image by itself tells.
    """
    matte, trust = _seen_matte(chart, measured, view, photo)
    white = (photo.rgb / photo.illuminant).astype(np.float32)
    bright, light = white.mean(axis=2), photo.illuminant.astype(np.float32)
    trust = trust * skin_weight(photo)
    raw = np.where(trust > 0, bright - matte.mean(axis=2), 0)
    smooth = follow(bright, raw, trust, max(FINE_MM * photo.px_per_mm, 1.0), TEXTURE)
    mirrored = np.clip(smooth, 0, white.min(axis=2))
    diffuse = np.maximum(photo.rgb - mirrored[..., None] * light, 0)
    clipped = ramp(photo.rgb.max(axis=2), *CLIPPED)[..., None]
    diffuse += clipped * (np.minimum(matte * light, photo.rgb) - diffuse)
    trust = trust[..., None]
    diffuse = alone.diffuse + trust * (diffuse - alone.diffuse)
    mirrored = np.maximum(photo.rgb - diffuse, 0).mean(axis=2)
    return Separated(diffuse.astype(np.float32), mirrored / (mirrored + np.float32(HALF)))


def _seen_matte(
    chart: MatteChart, measured: Measured, view: int, photo: FacePhoto
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) matte colour at the pixels of a view, and (h, w) 0..1: how far views tell it."""
    grid, size = chart.grid, photo.skin.shape
    maps = np.dstack([chart.rgb, chart.seen * grid.mask]).astype(np.float32)
    part = grid.mask[::STRIDE, ::STRIDE]
    texel, triangles = grid_triangles(part)
    place = np.stack(np.divmod(texel, part.shape[1])[::-1], axis=1).astype(np.float32) * STRIDE
    points = grid.position[::STRIDE, ::STRIDE].reshape(-1, 3)[texel]
    camera = rig_camera(measured.rig, view)
    buffers = render_buffers(points, triangles, *camera, size=size)
    at = interpolate(buffers, place, triangles)
    found = sample_image(maps, at.reshape(-1, 2)).reshape(*size, 4)
    inside = blur(buffers.mask.astype(np.float32), 1.0 * photo.px_per_mm)
    trust = ramp(found[..., 3], *FEWEST) * buffers.mask * ramp(inside, 0.7, 0.99)
    return found[..., :3] * np.float32(chart.gain[view]), trust.astype(np.float32)
