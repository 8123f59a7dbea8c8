"""Highlights by networks: the published one on the whole picture, the small one on the head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.errors import ConfigError
from lib.highlights.dichromatic import HALF, PRESSED, skin_weight
from lib.highlights.options import HighlightOptions
from lib.highlights.separator import FacePhoto, Separated
from lib.imaging import linear_to_srgb, luminance, srgb_to_linear
from lib.networks.cards import SMALL_HIGHLIGHTS, verify_weights
from lib.networks.checkpoints import CheckpointError
from lib.networks.highlight_tiles import remove_by_tiles
from lib.networks.highlight_unet import HighlightNetwork, load_highlight_network
from lib.uvspace.shown import ramp

DATA = Path(__file__).parent / "data"  # weights that ship with the project
LEARNT_PX_PER_MM = 0.9  # of the renders that the small network learnt from, about
MARGIN_MM = 25.0  # about the head, of what the small network is shown
GUIDE_MM = 3.0  # around which mirrored light follows the brightness of the photo
LEAST_SPREAD = 1e-4  # of brightness, squared, that it follows


@dataclass(frozen=True)
class UnetTransformer:
    """The published network: every pixel of the picture, as it was trained."""

    network: HighlightNetwork

    def separate(self, photo: FacePhoto) -> Separated:
        """The picture without what the network takes for highlights."""
        diffuse, probability = _asked(self.network, linear_to_srgb(np.clip(photo.rgb, 0, 1)))
        return Separated(srgb_to_linear(diffuse), probability)


@dataclass(frozen=True)
class LearnedHighlights:
    """The small network: it sees the head as coarsely as in its training, under a grey light.

    Skin mirrors light of the lamp's colour: what it says is made so where the photo has not lost
    colours. It is carried to the pixels of the photo by their brightness, on skin alone, and what
    brightness does not tell of it is added. A highlight is there where much light is mirrored: that
    is finer than what the detector says.

    Source: He & Sun 2015, Fast guided filter (arXiv 1505.00996).
    """

    network: HighlightNetwork

    def separate(self, photo: FacePhoto) -> Separated:
        """The picture without the light that its skin mirrors."""
        rows, cols = _window(photo)
        skin = skin_weight(photo)[rows, cols]
        white = (photo.rgb[rows, cols] / photo.illuminant).astype(np.float32)
        scale = min(1.0, LEARNT_PX_PER_MM / photo.px_per_mm)
        size = tuple(max(1, round(side * scale)) for side in white.shape[1::-1])
        small = cv2.resize(white, size, interpolation=cv2.INTER_AREA)
        encoded = linear_to_srgb(np.clip(small, 0, 1))
        matte, _ = _asked(self.network, encoded)
        shown = srgb_to_linear(encoded)
        mirrored = of_the_lamp(shown - srgb_to_linear(matte), shown)
        weight = cv2.resize(skin, size, interpolation=cv2.INTER_AREA)
        reach = max(GUIDE_MM * photo.px_per_mm * scale, 1.0)
        light = _carried(small, mirrored, weight + np.float32(1e-3), white, reach)
        light = np.clip(light, 0, white) * skin[..., None]
        diffuse, probability = photo.rgb.copy(), np.zeros(photo.rgb.shape[:2], np.float32)
        diffuse[rows, cols] = np.maximum(photo.rgb[rows, cols] - light * photo.illuminant, 0)
        brightness = luminance(light)
        probability[rows, cols] = brightness / (brightness + HALF)
        return Separated(diffuse, probability)


def load_separator(
    options: HighlightOptions, device: torch.device | str
) -> UnetTransformer | LearnedHighlights:
    """The network of a method, on a device; `learned` has weights that ship with the project.

    Raises:
        ConfigError: no weights are named, and none ship.
        MissingModelError: the file is not there.
        CheckpointError: it holds another network.
    """
    learned = options.method == "learned"
    if not options.weights and not learned:
        raise ConfigError(
            f"highlights.method is {options.method}, but highlights.weights is empty. Name a file: "
            "docs/published_systems.md and docs/training.md say which ones are read. "
            "`highlights.method: dichromatic` and `learned` need none."
        )
    file = Path(options.weights) if options.weights else verify_weights(SMALL_HIGHLIGHTS, DATA)
    network = load_highlight_network(file)
    found = network.options.composition
    if learned != (found == "share"):
        raise CheckpointError(
            f"{file} holds a network of composition '{found}', which is not that of "
            f"highlights.method: {options.method}. Choose "
            f"{'unet_transformer' if learned else 'learned'}, or other weights."
        )
    network = network.to(device)
    return LearnedHighlights(network) if learned else UnetTransformer(network)


def of_the_lamp(mirrored: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Mirrored light (h, w, 3) made grey, where no channel of what is shown is pressed or clips.

    The median channel counts: a network that takes a tint for light is wrong in one of them.

    Args:
        mirrored: (h, w, 3) linear, under a grey light.
        shown: (h, w, 3) linear, what it is part of.
    """
    grey = np.median(mirrored, axis=2, keepdims=True)
    pressed = ramp(shown.max(axis=2, keepdims=True), *PRESSED)
    light = grey + pressed * (mirrored - grey)
    return np.minimum(light, shown).astype(np.float32)


def _asked(network: HighlightNetwork, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) without highlights and (h, w) probability of (h, w, 3), sRGB-encoded 0..1."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
    found = remove_by_tiles(network, torch.from_numpy(planes))
    diffuse = found.diffuse[0].permute(1, 2, 0).numpy()
    return np.clip(diffuse, 0, 1), found.probability[0, 0].numpy()


def _window(photo: FacePhoto) -> tuple[slice, slice]:
    """Rows and columns of the head and some of what is around; all where there is no head."""
    margin = round(MARGIN_MM * photo.px_per_mm)
    spans = []
    for axis, side in zip((1, 0), photo.head.shape):
        seen = np.flatnonzero(photo.head.any(axis=axis))
        first, last = (seen[0], seen[-1]) if len(seen) else (0, side - 1)
        spans.append(slice(int(max(first - margin, 0)), int(min(last + margin + 1, side))))
    return spans[0], spans[1]


def _carried(
    small: np.ndarray, values: np.ndarray, weight: np.ndarray, picture: np.ndarray, sigma: float
) -> np.ndarray:
    """(H, W, c) values of a small picture (h, w, c), carried to a large one by its brightness."""

    def mean(part: np.ndarray) -> np.ndarray:
        blurred = cv2.GaussianBlur(part, (0, 0), sigma)
        return blurred if blurred.ndim == 3 else blurred[..., None]

    guide, share = luminance(small)[..., None], weight[..., None].astype(np.float32)
    total = mean(share)
    guide_mean, value_mean = mean(guide * share) / total, mean(values * share) / total
    spread = mean(guide * guide * share) / total - guide_mean**2
    together = mean(guide * values * share) / total - guide_mean * value_mean
    slope = np.clip(together / (spread + LEAST_SPREAD), 0, 1)
    offset = value_mean - slope * guide_mean
    size = picture.shape[1::-1]
    slope, offset = (
        cv2.resize(mean(part), size, interpolation=cv2.INTER_LINEAR) for part in (slope, offset)
    )
    carried = slope * luminance(picture)[..., None] + offset
    rest = values - cv2.resize(carried, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    return carried + cv2.resize(rest, size, interpolation=cv2.INTER_LINEAR)
