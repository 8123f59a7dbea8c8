"""What skin is like at each place of a head, the same for all people who share a model."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from lib.facemodel import FaceModel, model_skin_fields
from lib.render import fill_margins
from lib.synthesis.skin.charts import SkinChart, skin_chart
from lib.synthesis.skin.lines import Line, line_frames, wrinkle_lines

CANVAS = 512  # side of the grid on which people are drawn, whatever the side of their maps
RIM_MM = 1.8  # where relief reaches its height beside mouth, lids and the neck's end
MARGIN = 8  # texels that fields reach beyond the skin


@dataclass(frozen=True)
class Features:
    """Smooth fields on the canvas, (CANVAS, CANVAS) float32, 0..1 unless said otherwise.

    Args:
        lip_mm: signed distance to the border of the lip red, mm, positive on the lips.
        lower_lip: 1 below the line where the lips meet.
        lip_centre: 1 in the middle of the lips.
        mouth: near the lips, the skin about them.
        lids: upper and lower eyelids up to the brow.
        lid_edge: within about a millimetre of the opening of the eye.
        under_eyes: the hollow below the inner corner.
        brows: hair of the brows.
        nose: tip and wings.
        bridge: back of the nose.
        nose_wings: creases beside the wings.
        cheeks: front of the cheeks.
        forehead: middle of the forehead.
        temples: sides of the forehead and before the ears.
        chin: chin.
        beard: where a beard grows.
        ears: ears.
        neck: neck, below the jaw.
        scalp: where hair grows on most heads.
        bare: skin of the face that tells its tone: no lips, lids, brows.
    """

    lip_mm: np.ndarray
    lower_lip: np.ndarray
    lip_centre: np.ndarray
    mouth: np.ndarray
    lids: np.ndarray
    lid_edge: np.ndarray
    under_eyes: np.ndarray
    brows: np.ndarray
    nose: np.ndarray
    bridge: np.ndarray
    nose_wings: np.ndarray
    cheeks: np.ndarray
    forehead: np.ndarray
    temples: np.ndarray
    chin: np.ndarray
    beard: np.ndarray
    ears: np.ndarray
    neck: np.ndarray
    scalp: np.ndarray
    bare: np.ndarray


@dataclass(frozen=True)
class SkinGround:
    """All that people of one model have in common.

    Args:
        chart: at the side of the maps.
        canvas: the chart at CANVAS, on which people are drawn.
        features: fields on the canvas.
        frame: (CANVAS, CANVAS, 4) canvas texels -> mm along and across the skin lines.
        area: (CANVAS, CANVAS) mm^2 of each texel, 0 off the skin.
        pore_density: (CANVAS, CANVAS) pores per mm^2.
        pore_mm: (CANVAS, CANVAS) typical sigma of a pore.
        lines: where wrinkles form.
        rim: (CANVAS, CANVAS) 0 at the border of the skin .. 1 from RIM_MM on.
        mm_per_texel: of the face in the maps.
    """

    chart: SkinChart
    canvas: SkinChart
    features: Features
    frame: np.ndarray
    area: np.ndarray
    pore_density: np.ndarray
    pore_mm: np.ndarray
    lines: tuple[Line, ...]
    rim: np.ndarray
    mm_per_texel: float

    @property
    def side(self) -> int:
        return self.chart.side

    def full(self, field: np.ndarray) -> np.ndarray:
        """A field of the canvas at the side of the maps."""
        if self.side == CANVAS:
            return field
        how = cv2.INTER_LINEAR if self.side > CANVAS else cv2.INTER_AREA
        return cv2.resize(field, (self.side, self.side), interpolation=how)

    def frames_at(self, place: np.ndarray) -> np.ndarray:
        """(n, 4) frames of the skin lines at places (n, 2) of the canvas."""
        column, row = np.clip(np.rint(place), 0, CANVAS - 1).astype(np.int64).T
        return self.frame[row, column]

    def scatter(self, density: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """(n, 2) float32 places on the canvas, density (CANVAS, CANVAS) things per mm^2.

        Each texel holds its share, rounded by chance: more even than throwing darts.
        """
        wanted = density * self.area
        count = np.floor(wanted + chance.random(wanted.shape, np.float32)).astype(np.int64)
        row, column = np.divmod(np.repeat(np.arange(count.size), count.ravel()), CANVAS)
        place = np.stack([column, row], axis=1).astype(np.float32)
        return place + chance.uniform(-0.5, 0.5, place.shape).astype(np.float32)


def skin_ground(model: FaceModel, side: int) -> SkinGround:
    """What people of a model have in common, for maps of `side` texels.

    Args:
        model: the head.
        side: rows and columns of the maps.
    """
    canvas = skin_chart(model, CANVAS)
    chart = canvas if side == CANVAS else skin_chart(model, side)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64)
    features = _features(model, canvas, marks)
    area = np.square(canvas.mm_per_texel) * canvas.inside
    density, size = _pores(features)
    face = canvas.inside & (features.bare > 0.5)
    frame = line_frames(canvas, marks)
    return SkinGround(
        chart,
        canvas,
        features,
        frame,
        area,
        density * canvas.inside,
        size,
        wrinkle_lines(canvas, marks, frame),
        _rim(canvas),
        float(np.median(canvas.mm_per_texel[face])) * CANVAS / side,
    )


def _rim(canvas: SkinChart) -> np.ndarray:
    """(CANVAS, CANVAS) float32 0..1 with the distance from the border of the skin."""
    texels = ndimage.distance_transform_edt(np.pad(canvas.inside, 1))[1:-1, 1:-1] - 1
    return np.clip(texels * canvas.mm_per_texel / RIM_MM, 0, 1).astype(np.float32)


def _pores(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Pores per mm^2 and their sigma in mm: large on nose and inner cheeks, fine elsewhere."""
    f = features
    coarse = np.clip(f.nose + 0.6 * f.bridge + f.nose_wings + 0.75 * f.cheeks + 0.5 * f.chin, 0, 1)
    skin = (f.lip_mm < -1.0) * (1 - f.lid_edge)
    fine = 1.5 + 0.6 * f.forehead + 0.6 * coarse
    density = fine * skin * (1 - 0.5 * f.lids) * (1 - 0.6 * np.maximum(f.neck, f.ears))
    size = 0.055 + 0.065 * coarse + 0.015 * f.forehead - 0.02 * f.lids
    return (density * (1 - f.scalp)).astype(np.float32), size.astype(np.float32)


def _features(model: FaceModel, canvas: SkinChart, marks: np.ndarray) -> Features:
    """All fields; marks (68, 3) mm are those of the mean head."""
    place = fill_margins(canvas.position, canvas.inside, MARGIN).astype(np.float32)
    x, y, z = place[..., 0], place[..., 1], place[..., 2]
    given = model_skin_fields(model)
    beard, brows = (_grown(canvas, field) for field in (given.beard, given.brows))

    def bump(centre: np.ndarray, radius: tuple[float, float, float]) -> np.ndarray:
        away = (place - np.float32(centre)) / np.float32(radius)
        return np.exp(-0.5 * np.square(away).sum(axis=2))

    def both(right: int, left: int, shift: tuple[float, float, float], radius: tuple) -> np.ndarray:
        outward = np.array([-1, 1, 1.0])
        return bump(marks[right] + np.array(shift) * outward, radius) + bump(
            marks[left] + shift, radius
        )

    lip = _lip_distance(canvas, given.lips)
    middle = marks[[51, 57, 62, 66]].mean(axis=0)
    low_of_jaw = np.interp(np.abs(x), np.abs(marks[8:17, 0]), marks[8:17, 1])
    neck = _step(low_of_jaw - 8 - y, 5) * _step(y[canvas.inside].max() - y, 5)
    neck *= _step(marks[8, 1] + 25 - y, 8)
    lids = both(36, 45, (-14, 2, 3), (14, 8, 14)) * 1.2
    eye = np.minimum(_near_loop(place, marks[36:42]), _near_loop(place, marks[42:48]))
    ears = _ears(model, place, marks)
    nose = bump(marks[30], (13, 9, 11))
    brow_y = marks[17:27, 1].max()
    scalp = np.maximum(
        _step(y - (brow_y + 52) + 0.012 * np.square(x), 4), _step(marks[0, 2] - 12 - z, 6)
    )
    scalp = scalp * (1 - neck) * (1 - ears)
    forehead = bump(marks[[21, 22]].mean(axis=0) + [0, 30, 0], (30, 17, 30))
    bare = (lip < -2) * (1 - np.clip(2 * brows, 0, 1)) * _step(eye - 6, 1) * (1 - ears) * (1 - neck)
    bare = bare * (1 - scalp) * _step(z - marks[0, 2] - 8, 4) * canvas.inside
    chin = np.clip(1.5 * bump(marks[8] + [0, 12, 4], (15, 11, 20)), 0, 1)
    beard = _joined_beard(place, marks, np.maximum(beard, 0.9 * chin), lip)
    fields = {
        "lip_mm": lip,
        "lower_lip": _step(middle[1] - y, 1.0),
        "lip_centre": bump([0, middle[1], marks[51, 2]], (11, 12, 14)),
        "mouth": np.exp(-np.clip(-lip, 0, None) / 9.0) * _step(-lip, 0.5),
        "lids": np.clip(lids, 0, 1) * (1 - np.clip(brows, 0, 1)),
        "lid_edge": np.exp(-0.5 * np.square(eye / 1.2)),
        "under_eyes": both(39, 42, (8, -9, 0), (10, 5, 10)),
        "brows": brows,
        "nose": nose,
        "bridge": bump(marks[28], (8, 16, 14)),
        "nose_wings": both(31, 35, (5, 2, -4), (5, 6, 8)),
        "cheeks": both(31, 35, (24, 8, -6), (17, 16, 22)),
        "forehead": forehead,
        "temples": both(17, 26, (12, 8, -20), (12, 24, 26)),
        "chin": chin,
        "beard": beard,
        "ears": ears,
        "neck": neck,
        "scalp": scalp,
        "bare": bare,
    }
    return Features(**{name: np.ascontiguousarray(v, np.float32) for name, v in fields.items()})


def _step(value: np.ndarray, width: float) -> np.ndarray:
    """0..1 across zero, over about four widths."""
    return 0.5 + 0.5 * np.tanh(value / (2 * width))


def _grown(canvas: SkinChart, field: np.ndarray) -> np.ndarray:
    """(side, side) of (n_vertices,) values, grown over the margins of the chart."""
    return fill_margins(canvas.on(field)[..., None], canvas.inside, MARGIN)[..., 0]


def _lip_distance(canvas: SkinChart, lips: np.ndarray) -> np.ndarray:
    """Signed mm to the outer border of the lip red."""
    field = _grown(canvas, lips)
    red = ndimage.binary_fill_holes(cv2.GaussianBlur(field, (0, 0), 1.5) > 0.5)
    pitch = float(np.median(canvas.mm_per_texel[red & canvas.inside]))
    within, beyond = (ndimage.distance_transform_edt(part) for part in (red, ~red))
    signed = (np.maximum(within - 0.5, 0) - np.maximum(beyond - 0.5, 0)) * pitch
    return cv2.GaussianBlur(signed.astype(np.float32), (0, 0), 1.2)


def _joined_beard(
    place: np.ndarray, marks: np.ndarray, beard: np.ndarray, lip_mm: np.ndarray
) -> np.ndarray:
    """The beard with what joins moustache and chin beside the mouth, its edges soft."""
    for corner, side in ((48, -1), (54, 1)):
        line = marks[corner] + np.array([[side * 5, 7, 0], [side * 8, -4, -2], [side * 5, -18, -2]])
        for start, end in itertools.pairwise(line):
            way = end - start
            share = np.clip((place - start) @ way / (way @ way), 0, 1)[..., None]
            away = np.square(place - start - share * way).sum(axis=2)
            beard = np.maximum(beard, 0.8 * np.exp(-0.5 * away / 6.0**2))
    beard = cv2.GaussianBlur(beard.astype(np.float32), (0, 0), 3.0)
    return np.clip(1.1 * beard, 0, 1) * _step(-lip_mm - 1, 0.6)


def _near_loop(place: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """mm from each texel to a closed line through points (k, 3)."""
    result = np.full(place.shape[:2], np.float32(1e3))
    near = np.abs(place - loop.mean(axis=0)).max(axis=2) < 45
    points = place[near]
    nearest = np.full(len(points), np.float32(1e3))
    for start, end in zip(loop, np.roll(loop, -1, axis=0)):
        way = end - start
        share = np.clip((points - start) @ way / (way @ way), 0, 1)
        away = np.linalg.norm(points - start - share[:, None] * way, axis=1)
        nearest = np.minimum(nearest, away)
    result[near] = nearest
    return result


def _ears(model: FaceModel, place: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """What stands out sideways behind the jaw's first points."""
    result = np.zeros(place.shape[:2])
    for mark in (marks[0], marks[16]):
        side = np.sign(mark[0])
        beside = (model.mean - mark) * [side, 1, 1]
        zone = (np.abs(beside[:, 1] + 5) < 30) & (np.abs(beside[:, 2] + 15) < 30)
        zone &= beside[:, 0] < 40
        tip = model.mean[np.flatnonzero(zone)[beside[zone, 0].argmax()]]
        near = np.exp(-0.5 * (np.square((place - tip) / [14, 22, 16])).sum(axis=2))
        result += np.clip(1.6 * near, 0, 1) * _step((place[..., 0] - mark[0]) * side - 3, 1.5)
    return result
