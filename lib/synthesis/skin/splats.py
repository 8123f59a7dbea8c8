"""Small things on the skin (pores, lines, spots) laid into a chart as kernels of their own size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

TEXEL_SIGMA = 0.5  # texels: what a grid's own footprint blurs
REACH = 3.0  # sigma, where a kernel ends


@dataclass(frozen=True)
class Splats:
    """Things with a place, a direction and a size; places are those of the ground's canvas.

    Args:
        place: (n, 2) float32 (column, row) on the canvas, texel centres at integers.
        to_mm: (n, 4) float32 canvas texels -> mm along and across: a = t0 dx + t1 dy,
            b = t2 dx + t3 dy.
        along_mm: (n,) float32 sigma along the direction.
        across_mm: (n,) float32 sigma across it.
        amplitude: (n,) float32 at the centre.
    """

    place: np.ndarray
    to_mm: np.ndarray
    along_mm: np.ndarray
    across_mm: np.ndarray
    amplitude: np.ndarray

    def __len__(self) -> int:
        return len(self.place)

    def with_amplitude(self, amplitude: np.ndarray) -> Splats:
        """The same things, stronger or weaker."""
        return replace(self, amplitude=amplitude.astype(np.float32))

    def widened(self, factor: float) -> Splats:
        """The same things, wider across."""
        return replace(self, across_mm=self.across_mm * np.float32(factor))


def make_splats(
    place: np.ndarray,
    frame: np.ndarray,
    along_mm: np.ndarray,
    across_mm: np.ndarray,
    amplitude: np.ndarray,
    turn: np.ndarray | None = None,
) -> Splats:
    """Splats at places (n, 2) whose frames (n, 4) may be turned by (n,) radians."""
    if turn is not None:
        cosine, sine = np.cos(turn)[:, None], np.sin(turn)[:, None]
        along, across = frame[:, :2], frame[:, 2:]
        frame = np.concatenate(
            [cosine * along + sine * across, cosine * across - sine * along], axis=1
        )
    arrays = (place, frame, along_mm, across_mm, amplitude)
    shapes = ((len(place), 2), (len(place), 4), *[(len(place),)] * 3)
    return Splats(
        *(
            np.ascontiguousarray(np.broadcast_to(array, shape), np.float32)
            for array, shape in zip(arrays, shapes)
        )
    )


def joined(parts: list[Splats]) -> Splats:
    """All things of several lists, in order."""
    return Splats(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("place", "to_mm", "along_mm", "across_mm", "amplitude")
        )
    )


def add_splats(
    image: np.ndarray,
    splats: Splats,
    canvas: int,
    rim_along: float = 1.0,
    rim_across: float = 1.0,
    smallest: float = 0.0,
) -> None:
    """Add Gaussians to an image of the whole chart, blurred by the texel where that is coarse.

    With a rim, a wider kernel of the same volume is taken away, so that the sum is zero.

    Args:
        image: (side, side) float32, changed.
        splats: what to add.
        canvas: side of the canvas that the places refer to.
        rim_along: width of the rim over that of the kernel, along; 1 = as wide.
        rim_across: likewise across; both 1 = no rim.
        smallest: share of a kernel's height that must survive the blur, or it is left out.
    """
    _add(
        image,
        splats.place,
        splats.to_mm,
        splats.along_mm,
        splats.across_mm,
        splats.amplitude,
        np.float32(len(image) / canvas),
        np.float32(rim_along),
        np.float32(rim_across),
        np.float32(smallest),
    )


@njit(cache=True, nogil=True)
def _add(image, place, to_mm, along, across, amplitude, scale, rim_a, rim_b, smallest):
    side = image.shape[0]
    one, half = np.float32(1), np.float32(0.5)
    rim = rim_a * rim_b > one
    end = half * np.float32(REACH) ** 2
    for item in range(len(place)):
        if amplitude[item] == 0:
            continue
        x = (place[item, 0] + half) * scale - half
        y = (place[item, 1] + half) * scale - half
        t0, t1 = to_mm[item, 0] / scale, to_mm[item, 1] / scale
        t2, t3 = to_mm[item, 2] / scale, to_mm[item, 3] / scale
        area = abs(t0 * t3 - t1 * t2)
        if area < 1e-9:
            continue
        blur = np.float32(TEXEL_SIGMA) ** 2 * area
        va, vb = along[item] ** 2 + blur, across[item] ** 2 + blur
        share = along[item] * across[item] / np.sqrt(va * vb)
        if share < smallest:
            continue
        wide_a, wide_b = (along[item] * rim_a) ** 2 + blur, (across[item] * rim_b) ** 2 + blur
        height = amplitude[item] * share
        wide_height = amplitude[item] * along[item] * across[item] / np.sqrt(wide_a * wide_b)
        reach_a, reach_b = (wide_a, wide_b) if rim else (va, vb)
        dx = np.float32(REACH) * np.sqrt(t3 * t3 * reach_a + t1 * t1 * reach_b) / area
        dy = np.float32(REACH) * np.sqrt(t2 * t2 * reach_a + t0 * t0 * reach_b) / area
        ia, ib, ja, jb = half / va, half / vb, half / wide_a, half / wide_b
        left, right = max(int(np.ceil(x - dx)), 0), min(int(np.floor(x + dx)), side - 1)
        top, bottom = max(int(np.ceil(y - dy)), 0), min(int(np.floor(y + dy)), side - 1)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                a = t0 * (column - x) + t1 * (row - y)
                b = t2 * (column - x) + t3 * (row - y)
                a, b = a * a, b * b
                q = a * ia + b * ib
                if q < end:
                    image[row, column] += height * np.exp(-q)
                if rim:
                    q = a * ja + b * jb
                    if q < end:
                        image[row, column] -= wide_height * np.exp(-q)


@njit(cache=True, nogil=True)
def _stamp(image, place, to_mm, along, across, amplitude, edge, shape, scale):
    side = image.shape[0]
    half = np.float32(0.5)
    for item in range(len(place)):
        x = (place[item, 0] + half) * scale - half
        y = (place[item, 1] + half) * scale - half
        t0, t1 = to_mm[item, 0] / scale, to_mm[item, 1] / scale
        t2, t3 = to_mm[item, 2] / scale, to_mm[item, 3] / scale
        area = abs(t0 * t3 - t1 * t2)
        if area < 1e-9:
            continue
        ra, rb = along[item], across[item]
        soft = np.sqrt(edge[item] ** 2 + area * half)  # mm, width of the border
        margin = 3 * soft
        la, lb = 1.3 * ra + margin, 1.3 * rb + margin
        dx = np.sqrt((t3 * la) ** 2 + (t1 * lb) ** 2) / area
        dy = np.sqrt((t2 * la) ** 2 + (t0 * lb) ** 2) / area
        left, right = max(int(np.ceil(x - dx)), 0), min(int(np.floor(x + dx)), side - 1)
        top, bottom = max(int(np.ceil(y - dy)), 0), min(int(np.floor(y + dy)), side - 1)
        mean = np.sqrt(ra * rb)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                a = (t0 * (column - x) + t1 * (row - y)) / ra
                b = (t2 * (column - x) + t3 * (row - y)) / rb
                r = np.sqrt(a * a + b * b)
                u, v = (a / r, b / r) if r > 1e-6 else (np.float32(1), np.float32(0))
                twice = shape[item, 0] * (u * u - v * v) + shape[item, 1] * 2 * u * v
                thrice = shape[item, 2] * u * (u * u - 3 * v * v)
                q = (r * (1 + twice + thrice) - 1) * mean / soft
                if q < 3:
                    image[row, column] += amplitude[item] / (1 + np.exp(np.float32(2) * q))


def add_stamps(
    image: np.ndarray, splats: Splats, edge_mm: np.ndarray, shape: np.ndarray, canvas: int
) -> None:
    """Add flat-topped spots with soft, uneven borders.

    Args:
        image: (side, side) float32, changed.
        splats: places, radii in mm (in the place of sigmas) and heights.
        edge_mm: (n,) width of the border.
        shape: (n, 3) how far from an ellipse: two-fold twice, three-fold; about 0.1.
        canvas: side of the canvas that the places refer to.
    """
    _stamp(
        image,
        splats.place,
        splats.to_mm,
        splats.along_mm,
        splats.across_mm,
        splats.amplitude,
        edge_mm.astype(np.float32),
        shape.astype(np.float32),
        np.float32(len(image) / canvas),
    )
