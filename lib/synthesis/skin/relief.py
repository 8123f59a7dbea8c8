"""The fine relief of one person's skin: pores, lines and wrinkles that follow the expression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.geometry import vertex_normals
from lib.synthesis.skin.ground import CANVAS, SkinGround
from lib.synthesis.skin.relief_normals import tilt
from lib.synthesis.skin.solid_noise import solid_noise
from lib.synthesis.skin.splats import Splats, add_splats, make_splats
from lib.synthesis.skin.strain import Probes, compression, probes
from lib.synthesis.skin.wrinkles import RIM, Wrinkles, draw_wrinkles

LIMIT_MM = 0.2
CAVITY_MM, CAVITY_GAIN = 0.9, 3.0  # how far light is taken from, loss per mm of depth
PORE_RIM = 1.9
WAVES_MM, WAVE_HEIGHTS_MM = (5.0, 2.6, 1.4, 0.7), (0.012, 0.009, 0.007, 0.004)
LINE_PER_MM2 = 1.1  # fine criss-cross lines of each family
LINE_ANGLES = (-0.62, 0.55)  # radians to the skin lines
SMALLEST = 0.22  # what is blurred more than this is left out


@dataclass(frozen=True)
class Relief:
    """One person's relief.

    Args:
        ground: what people of the model have in common.
        still: (side, side) mm, what no expression changes.
        pores: pits of the skin.
        wrinkles: lines, with their depth at rest and what a squeeze adds.
        probe: where the squeeze of each wrinkle is felt.
    """

    ground: SkinGround
    still: np.ndarray
    pores: Splats
    wrinkles: Wrinkles
    probe: Probes

    def height_mm(
        self, neutral: np.ndarray, posed: np.ndarray, wrinkles: float = 1.0
    ) -> np.ndarray:
        """(side, side) float32 mm along the normal, within 0.2 or `wrinkles` times that.

        It is 0 off the skin.

        Args:
            neutral: (n_vertices, 3) mm, the person's resting face.
            posed: (n_vertices, 3) mm, with an expression; wrinkles form where skin is squeezed.
            wrinkles: factor on their depth; their width grows with its root.
        """
        chart = self.ground.chart
        height = self.still.copy()
        across, along = compression(self.probe, neutral, posed, chart.triangles)
        depth = np.float32(wrinkles) * self.wrinkles.depth_mm(across, along)
        furrows = self.wrinkles.splats.with_amplitude(-depth).widened(np.sqrt(max(wrinkles, 1.0)))
        add_splats(height, furrows, CANVAS, rim_across=RIM, smallest=SMALLEST)
        fade = self.ground.rim * (1 - np.clip(1.5 * self.ground.features.lid_edge, 0, 1))
        height *= self.ground.full(fade) * chart.inside
        limit = np.float32(LIMIT_MM * max(wrinkles, 1.0))
        return (limit * np.tanh(height / limit)).astype(np.float32)


def draw_relief(ground: SkinGround, age: float, chance: np.random.Generator) -> Relief:
    """A random person's relief.

    Args:
        ground: what people of the model have in common.
        age: years, 18..80.
        chance: source of random numbers.
    """
    streams = chance.spawn(5)
    chart = ground.chart
    pores = _draw_pores(ground, age, streams[0])
    coarse = np.exp(streams[1].normal(0, 0.25)) * np.interp(age, [20, 80], [0.8, 1.4])
    still = np.float32(coarse) * solid_noise(
        chart.position, chart.inside, WAVES_MM, WAVE_HEIGHTS_MM, streams[1], ground.mm_per_texel
    )
    lips = ground.full(ground.features.lip_mm)
    still *= 1 - 0.5 * np.clip(lips + 0.5, 0, 1)
    add_splats(still, pores, CANVAS, PORE_RIM, PORE_RIM, SMALLEST)
    if 0.18 / ground.mm_per_texel > 0.5:
        add_splats(still, _draw_lines(ground, age, streams[2]), CANVAS, 1.0, RIM, SMALLEST)
    add_splats(still, _draw_lip_lines(ground, age, streams[3]), CANVAS, 1.0, RIM, SMALLEST)
    wrinkles = draw_wrinkles(ground, age, streams[4])
    place, to_mm = wrinkles.splats.place, wrinkles.splats.to_mm
    return Relief(ground, still, pores, wrinkles, probes(ground.canvas, place, to_mm))


def _draw_pores(ground: SkinGround, age: float, chance: np.random.Generator) -> Splats:
    """Pits, longer along the skin lines, more so with age; few are wide."""
    amount, size_gain, depth_gain = np.exp(chance.normal(0, [0.15, 0.14, 0.3]))
    place = ground.scatter(ground.pore_density * np.float32(amount), chance)
    count = len(place)
    column, row = np.clip(np.rint(place), 0, CANVAS - 1).astype(np.int64).T
    typical = ground.pore_mm[row, column] * size_gain * np.interp(age, [20, 80], [0.92, 1.2])
    size = typical * np.exp(chance.normal(0, 0.33, count))
    drawn_out = np.abs(chance.normal(0.16, 0.12, count)) * np.interp(age, [20, 80], [0.8, 1.6])
    stretch = np.exp(np.minimum(drawn_out, 0.4))
    depth = 0.30 * depth_gain * size * np.exp(chance.normal(0, 0.3, count))
    return make_splats(
        place,
        ground.frame[row, column],
        size * stretch,
        size / stretch,
        -np.minimum(depth, 0.12),
        chance.normal(0, 0.25, count),
    )


def _draw_lines(ground: SkinGround, age: float, chance: np.random.Generator) -> Splats:
    """Short fine furrows in two families that cross, drawn over the whole skin but the lips."""
    f = ground.features
    density = (f.lip_mm < -0.5) * (1 - 0.9 * f.scalp) * (1 - 0.3 * f.nose)
    parts = []
    for angle in LINE_ANGLES:
        place = ground.scatter((LINE_PER_MM2 * density).astype(np.float32), chance)
        parts.append((place, angle + chance.normal(0, 0.28, len(place))))
    place, turn = (np.concatenate(column) for column in zip(*parts))
    count = len(place)
    depth = 0.008 * np.interp(age, [20, 80], [0.8, 1.8]) * np.exp(chance.normal(0, 0.4, count))
    return make_splats(
        place,
        ground.frames_at(place),
        chance.uniform(0.35, 0.9, count),
        chance.uniform(0.055, 0.10, count),
        -np.minimum(depth, 0.04),
        turn,
    )


def _draw_lip_lines(ground: SkinGround, age: float, chance: np.random.Generator) -> Splats:
    """Upright furrows of the lip red."""
    f = ground.features
    density = 0.30 * np.clip(f.lip_mm / 1.0, 0, 1)
    place = ground.scatter(density.astype(np.float32), chance)
    count = len(place)
    strength = 0.035 * np.exp(chance.normal(0, 0.35)) * np.interp(age, [20, 80], [0.9, 1.5])
    depth = strength * np.exp(chance.normal(0, 0.4, count))
    return make_splats(
        place,
        ground.frames_at(place),
        chance.uniform(1.0, 2.4, count),
        chance.uniform(0.12, 0.26, count),
        -np.minimum(depth, 0.09),
        chance.normal(0, 0.14, count),
    )


def cavity_shade(ground: SkinGround, height_mm: np.ndarray) -> np.ndarray:
    """(side, side) float32 factor 0.6..1 on light or colour: less light reaches pits and furrows.

    Args:
        ground: the skin.
        height_mm: (side, side) mm, of `Relief.height_mm`.
    """
    sigma = CAVITY_MM / ground.mm_per_texel
    depth = cv2.GaussianBlur(height_mm, (0, 0), max(sigma, 0.5)) - height_mm
    return np.clip(1 - CAVITY_GAIN * np.maximum(depth, 0), 0.6, 1).astype(np.float32)


def normals_with_relief(
    ground: SkinGround, vertices: np.ndarray, height_mm: np.ndarray
) -> np.ndarray:
    """(side, side, 3) float32 unit normals of a posed head with a relief; 0 off the skin.

    Args:
        ground: the skin.
        vertices: (n_vertices, 3) mm, posed.
        height_mm: (side, side) mm along the normal.
    """
    chart = ground.chart
    along_u, along_v = chart.frame(vertices)
    normal = chart.on(vertex_normals(vertices.astype(np.float32), chart.triangles))
    result = np.zeros_like(normal)
    tilt(normal, along_u, along_v, height_mm, chart.inside, result)
    return result
