"""Relief by the network published with FaceScape: its chart, its colours, its coding of heights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch

from lib.artefacts import Surface, Texture
from lib.displacement.chart import resized, surface_metric
from lib.displacement.chart_map import ChartMap, build_chart_map, finer
from lib.displacement.highpass import finished, seen_skin
from lib.displacement.options import DisplacementOptions
from lib.displacement.template import read_template
from lib.facemodel import FaceModel
from lib.imaging.colour import linear_to_srgb8
from lib.networks.pix2pixhd import GlobalGenerator, load_generator
from lib.render import sample_texture
from lib.uvspace.bare import SkinChart

CHART_PX = 4096
LEFT, TOP, CROP_PX = 1100, 600, 1900  # of the network's part of the chart, from the top
INPUT_PX = 1024
MIDDLE, RANGE = 32768, 0.914  # pixel of height 0; normalised height at the end of the scale
EYES_UNITS = 40.0  # between the inner corners of the eyes of FaceScape's normalised heads
INNER_CORNERS = (39, 42)  # iBUG
LAB_MEAN = np.array([145.32921, 143.36488, 147.16614])  # OpenCV's 8-bit LAB, of its textures
LAB_STD = np.array([22.719374, 2.6790402, 2.9267197])


@dataclass(frozen=True)
class FaceScapeNetwork:
    """The published generator, and where its chart lies on ours."""

    generator: GlobalGenerator
    chart_map: ChartMap
    model: FaceModel

    @cached_property
    def input_places(self) -> np.ndarray:
        """(1024, 1024, 2) uv on our chart of each pixel of the network's input."""
        theirs = finer(self.chart_map.to_ours, CHART_PX)
        crop = theirs[TOP : TOP + CROP_PX, LEFT : LEFT + CROP_PX]
        known = np.isfinite(crop).all(axis=2).astype(np.float32)
        size = (INPUT_PX, INPUT_PX)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        value = cv2.resize(np.nan_to_num(crop), size, interpolation=cv2.INTER_AREA)
        return np.where((share > 1 - 1e-4)[..., None], value, np.nan)


def open_facescape(model: FaceModel, options: DisplacementOptions) -> FaceScapeNetwork:
    """The network of `options.weights` on the chart of `options.template`.

    Raises:
        MissingModelError: one of the two is not there.
        ConfigError: the template cannot be read.
    """
    generator = load_generator(options.weights)
    return FaceScapeNetwork(
        generator, build_chart_map(model, read_template(options.template)), model
    )


def facescape_height(
    surface: Surface,
    texture: Texture,
    chart: SkinChart,
    network: FaceScapeNetwork,
    options: DisplacementOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """Height and confidence on our chart; arguments and results as of `highpass_height`.

    Raises:
        CaptureFailure: `no_surface`.
    """
    side = options.uv_size
    image, known = network_input(texture, network)
    if options.lab_transfer:
        image = transferred(image, known)
    pixels = chart_pixels(predicted(network.generator, image))
    mm = decoded(pixels, inner_corners_mm(surface, network.model))
    places = finer(network.chart_map.to_theirs, side)
    reached = np.isfinite(places).all(axis=2)
    height = sample_texture(mm[..., None], np.nan_to_num(places))[..., 0]
    seen = seen_skin(texture, chart, side) * reached
    mm_per_texel = surface_metric(surface).resized(side).mm_per_texel
    share = np.clip(2 * resized(surface.confidence, side), 0, 1)
    coarse_mm = options.coarse_mm + share * (options.surface_mm - options.coarse_mm)
    return finished(height, seen, mm_per_texel, coarse_mm, options.limit_mm), seen


def network_input(texture: Texture, network: FaceScapeNetwork) -> tuple[np.ndarray, np.ndarray]:
    """(1024, 1024, 3) sRGB 0..255 in FaceScape's chart, black off the face, and where it is not."""
    places = network.input_places
    known = np.isfinite(places).all(axis=2)
    linear = sample_texture(texture.rgb.astype(np.float32), np.nan_to_num(places))
    return linear_to_srgb8(linear) * known[..., None].astype(np.uint8), known


def transferred(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: colours where `known` with the mean and spread of the training textures."""
    if not known.any():
        return image
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    found = lab[known].astype(np.float64)
    spread = np.maximum(found.std(axis=0), 1e-6)
    brought = (found - found.mean(axis=0)) / spread * LAB_STD + LAB_MEAN
    lab[known] = np.clip(brought, 0, 255).astype(np.uint8)
    return np.where(known[..., None], cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), image)


def predicted(generator: GlobalGenerator, image: np.ndarray) -> np.ndarray:
    """(h, w) float32 -1..1 of an (h, w, 3) uint8 image."""
    scaled = (image.astype(np.float32) / 255 - 0.5) / 0.5
    with torch.no_grad():
        result = generator(torch.from_numpy(scaled).permute(2, 0, 1)[None].contiguous())
    return result[0, 0].numpy()


def chart_pixels(output: np.ndarray) -> np.ndarray:
    """(4096, 4096) uint16 displacement map as FaceScape stores it, from the network's output."""
    crop = cv2.resize(output, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR)
    pixels = np.full((CHART_PX, CHART_PX), MIDDLE, np.uint16)
    coded = np.clip((crop + 1) / 2 * 65535, 0, 65535).astype(np.uint16)
    pixels[TOP : TOP + CROP_PX, LEFT : LEFT + CROP_PX] = coded
    return pixels


def decoded(pixels: np.ndarray, inner_corners_mm: float) -> np.ndarray:
    """Float32 mm, outwards positive, of a displacement map as FaceScape stores it.

    Its heads are scaled so that the inner corners of the eyes lie 40 units apart, and 0.914 units
    are the end of the scale; on a person with `inner_corners_mm` a unit is that / 40 mm.
    """
    unit_mm = inner_corners_mm / EYES_UNITS
    return ((pixels.astype(np.float32) - MIDDLE) / MIDDLE * RANGE * unit_mm).astype(np.float32)


def inner_corners_mm(surface: Surface, model: FaceModel) -> float:
    """Distance of the inner corners of the eyes on a surface."""
    marks = model.landmarks["ibug68"]
    corners = model.uv[model.uv_triangles[marks.triangle[list(INNER_CORNERS)]]]
    uv = np.einsum("pkd,pk->pd", corners, marks.barycentric[list(INNER_CORNERS)])
    points = surface.points_mm
    rows, cols = points.shape[:2]
    known = np.argwhere(np.isfinite(points).all(axis=2))
    at = np.stack([(1 - uv[:, 1]) * rows - 0.5, uv[:, 0] * cols - 0.5], axis=1)
    nearest = [known[np.argmin(((known - place) ** 2).sum(axis=1))] for place in at]
    return float(np.linalg.norm(points[tuple(nearest[0])] - points[tuple(nearest[1])]))
