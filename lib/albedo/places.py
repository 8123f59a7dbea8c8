"""Places of skin that calibrated views show, and how bright each view shows them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.albedo.chart import HeadChart
from lib.albedo.mirrored import Places
from lib.albedo.photo import CLIPPED, Source
from lib.geometry import project, to_camera
from lib.imaging import srgb_to_linear
from lib.render import Camera, facing, render_buffers, sample_image, visible
from lib.uvspace.captures import chosen_views, rig_camera
from lib.uvspace.grid import Grid, grid_of
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.shown import filled_skin, ramp

PITCH_MM = 2.4  # between places
STRIDE = 2  # texels per vertex of the mesh that hides places from views
GRAZING = (0.25, 0.5)  # cosine of the view: nothing below, all above
BLUR_MM = 0.8  # photos are smoothed over, as views and surface lie on each other no better
BARE = 0.3  # least field of bare skin
LEAST = 0.1  # weight of a view that counts
FEWEST = 3  # views that see a place
SURE = 0.3  # weight from which a place tells the exposure of a view
LEAST_LIGHT = 1e-3


@dataclass(frozen=True)
class Lattice:
    """Every few texels of a head's chart; row 0 is v = 1.

    Args:
        shape: (rows, cols) of it.
        cell: (n,) flat index of each place.
        pitch_mm: between neighbours.
    """

    shape: tuple[int, int]
    cell: np.ndarray
    pitch_mm: float

    def laid_out(self, values: np.ndarray) -> np.ndarray:
        """(rows, cols, C) float32 of values (n, C); 0 where no place is."""
        result = np.zeros((*self.shape, values.shape[1]), np.float32)
        result.reshape(-1, values.shape[1])[self.cell] = values
        return result


def skin_places(chart: HeadChart, source: Source, gloss: np.ndarray) -> tuple[Places, Lattice]:
    """Bare skin that at least `FEWEST` calibrated views of one moment see; maybe nowhere.

    What is compared are the means of green and blue, in which skin scatters less than in red.

    Args:
        chart: of the head.
        source: a capture with a measured surface and highlights apart.
        gloss: (rows, cols, 2) of the chart: what is usual for the region.
    """
    surface = source.surface
    points = surface.points_mm
    mask = np.isfinite(points).all(axis=2)
    grid = grid_of(np.where(mask[..., None], points, 0), mask)
    step = max(1, round(PITCH_MM / max(grid.spacing_mm, 1e-3)))
    every = slice(step // 2, None, step)
    position, normal = grid.position[every, every], grid.normal[every, every]
    shape = position.shape[:2]
    bare = chart.fields.bare * (1 - chart.hair) * chart.outer
    maps = cv2.resize(np.dstack([bare, gloss]), shape[::-1], interpolation=cv2.INTER_AREA)
    chosen = grid.mask[every, every] & (maps[..., 0] > BARE)
    place = Grid(position, normal, chosen)
    shown = [_shown(source, int(view), grid, place) for view in chosen_views(source.rig)]
    if not shown:
        shown = [_Shown.nothing(int(chosen.sum()))]
    weight = np.stack([one.weight for one in shown]) * maps[chosen][:, 0]
    weight *= weight > LEAST
    bright = np.stack([one.bright for one in shown])
    bright /= _gains(np.stack([one.matte for one in shown]), weight)[:, None]
    kept = (weight > 0).sum(axis=0) >= FEWEST
    middle = position[chosen].mean(axis=0) if chosen.any() else np.zeros(3, np.float32)
    places = Places(
        position=position[chosen] - middle,
        normal=normal[chosen],
        to_eye=np.stack([one.to_eye for one in shown]),
        bright=bright.astype(np.float32),
        weight=weight.astype(np.float32),
        gloss=maps[chosen][:, 1:],
    )
    lattice = Lattice(shape, np.flatnonzero(chosen)[kept], grid.spacing_mm * step)
    return places.at(np.flatnonzero(kept)), lattice


@dataclass(frozen=True)
class _Shown:
    """What one view shows of n places: brightness with and without what is mirrored."""

    bright: np.ndarray
    matte: np.ndarray
    weight: np.ndarray
    to_eye: np.ndarray

    @classmethod
    def nothing(cls, count: int) -> _Shown:
        return cls(*(np.zeros(count, np.float32) for _ in range(3)), np.zeros((count, 3)))


def _shown(source: Source, view: int, grid: Grid, place: Grid) -> _Shown:
    """One view at the places of a lattice, seen past the grid."""
    image, camera = source.capture.image[view], rig_camera(source.rig, view)
    points, normals = place.position[place.mask], place.normal[place.mask]
    texel, triangles = grid_triangles(grid.mask[::STRIDE, ::STRIDE])
    vertices = grid.position[::STRIDE, ::STRIDE].reshape(-1, 3)[texel]
    buffers = render_buffers(vertices, triangles, *camera, size=image.shape[:2])
    seen = np.zeros(place.mask.shape, np.uint8)
    seen[place.mask] = visible(points, normals, buffers, camera)
    clear = cv2.erode(np.where(place.mask, seen, 1).astype(np.uint8), np.ones((3, 3), np.uint8))
    cosine = facing(points, normals, camera)
    planes = sample_image(
        _planes(source, view, _blur_px(points, camera)), _place_px(points, camera, image.shape)
    )
    away = -camera.world_to_camera[:, :3].T @ camera.world_to_camera[:, 3] - points
    weight = clear[place.mask] * ramp(cosine, *GRAZING) * planes[:, 2]
    return _Shown(
        bright=planes[:, 0],
        matte=planes[:, 1],
        weight=weight * (1 - ramp(planes[:, 3], *CLIPPED)),
        to_eye=(away / np.linalg.norm(away, axis=1, keepdims=True)).astype(np.float32),
    )


def _planes(source: Source, view: int, blur_px: float) -> np.ndarray:
    """(h, w, 4) float32 brightness, the matte one, bare skin, and the largest channel."""
    image, told = source.capture.image[view], source.highlights
    white = told.illuminant[view].astype(np.float32)
    seen, matte = srgb_to_linear(image), srgb_to_linear(told.diffuse[view])
    planes = np.dstack(
        [
            (seen / white)[..., 1:].mean(axis=2),
            (matte / white)[..., 1:].mean(axis=2),
            filled_skin(source.skin.probability[view], image),
            seen.max(axis=2),
        ]
    )
    return cv2.GaussianBlur(planes.astype(np.float32), (0, 0), blur_px)


def _blur_px(points: np.ndarray, camera: Camera) -> float:
    depth = float(np.median(to_camera(points, camera.world_to_camera)[:, 2])) if len(points) else 1
    return max(BLUR_MM * camera.focal_px / max(depth, 1.0), 0.3)


def _place_px(points: np.ndarray, camera: Camera, shape: tuple[int, ...]) -> np.ndarray:
    """(n, 2) px inside the picture; places outside are not visible, and have no weight."""
    place = np.nan_to_num(project(points.astype(np.float64), *camera), nan=0.0)
    return np.clip(place, 0, np.array([shape[1], shape[0]]) - 1.0)


def _gains(matte: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(k,) exposure of each view beside the others', by matte brightness (k, n)."""
    sure = (weight > SURE) & ((weight > SURE).sum(axis=0) >= FEWEST)
    log = np.log(np.maximum(matte, LEAST_LIGHT))
    usual = (log * sure).sum(axis=0) / np.maximum(sure.sum(axis=0), 1)
    off = [np.median((of - usual)[on]) if on.any() else 0.0 for of, on in zip(log, sure)]
    return np.exp(off).astype(np.float32)
