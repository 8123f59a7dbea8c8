"""The parts of the face on every view of a capture, by masks of the user or by a network."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from lib.artefacts import Capture, Landmarks, Parsing
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import PARTS
from lib.networks import bisenet, parser
from lib.parsing.files import read_parts, resized
from lib.parsing.labels import of_scheme, sided, without_noise
from lib.parsing.options import ParsingOptions

logger = logging.getLogger(__name__)

WIDE = 2.1  # side of BiSeNet's crop over the extent of the 68 points: its photos show whole heads
FEWEST_POINTS = 20


@dataclass(frozen=True)
class FaceParser:
    """A network, loaded once.

    Args:
        network: ours, or BiSeNet; None for masks of the user.
        method: which.
        device: where it computes.
    """

    network: nn.Module | None
    method: str
    device: torch.device

    @classmethod
    def load(cls, options: ParsingOptions, device: torch.device) -> FaceParser:
        """The parser of a method.

        Raises:
            ConfigError: the method is `none`, or the folder of masks is not there.
            MissingModelError: the network's file is not there.
            CheckpointError: it holds something else.
        """
        if options.method == "none":
            raise ConfigError(
                "parsing.method is 'none', so nobody tells parts. Set parsing.method to files, "
                "published or learned."
            )
        if options.method == "files":
            if not Path(options.masks).is_dir():
                raise ConfigError(
                    f"parsing.masks is '{options.masks}', which is not a folder; expected one "
                    "with <photo name>.png, or a folder of <part>.png, for each photo."
                )
            return cls(None, "files", device)
        load = bisenet.load_bisenet if options.method == "published" else parser.load_parser
        return cls(load(options.weights).to(device), options.method, device)

    @torch.no_grad()
    def parse(self, image: np.ndarray, ibug68_px: np.ndarray) -> np.ndarray:
        """(h, w) uint8 parts of the face at some landmarks.

        Args:
            image: (h, w, 3) uint8 sRGB.
            ibug68_px: (68, 2) px.
        """
        assert self.network is not None
        published = self.method == "published"
        side = bisenet.SIDE if published else parser.SIDE
        matrix = parser.parser_crop(ibug68_px, side, WIDE if published else parser.MARGIN)
        crop = _crop(image, matrix, side)
        scores = self.network(torch.from_numpy(crop).to(self.device))[0].float()
        share = scores.softmax(0).permute(1, 2, 0).cpu().numpy()
        share = _back(share, matrix, image.shape[:2])
        label = share.argmax(axis=2).astype(np.uint8)
        return of_scheme(label, "bisenet") if published else label


def parse_parts(
    capture: Capture, landmarks: Landmarks, reader: FaceParser, options: ParsingOptions
) -> Parsing:
    """The parts on the working image of every view.

    A view without landmarks, or without masks, knows no part.

    Args:
        capture: working images.
        landmarks: of the same views.
        reader: the network, if the method has one.
        options: settings.

    Raises:
        CaptureFailure: `bad_mask`: masks of a photo that cannot be used.
    """
    labels, known = [], np.zeros((len(capture.image), len(PARTS)), np.uint8)
    for row, image in enumerate(capture.image):
        marks = landmarks.ibug68_px[row]
        label = np.zeros(image.shape[:2], np.uint8)
        if options.method == "files":
            given = read_parts(capture.path[row], options)
            if given is None:
                logger.warning("%s: no masks in %s", capture.path[row], options.masks)
            else:
                _whole(capture, row)
                label = resized(given.label, image.shape[:2], capture.path[row])
                known[row] = given.known
        elif np.isfinite(marks).all(axis=1).sum() >= FEWEST_POINTS:
            label = reader.parse(image, marks)
            known[row] = 1
        if options.method != "files" or options.labels != "parts":
            label = without_noise(sided(label, marks))
        labels.append(label)
    return Parsing(method=options.method, label=labels, known=known)


def _whole(capture: Capture, row: int) -> None:
    """Masks fit a photo whose lens bends nothing."""
    if np.any(capture.distortion[row]):
        raise CaptureFailure(
            "bad_mask",
            f"{capture.path[row]} is freed of its lens' distortion and its masks would not fit. "
            "Use parsing.method: published or learned for such views.",
        )


def _crop(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """(1, 3, side, side) float32 0..1; reduced pictures are averaged first."""
    zoom = float(matrix[0, 0])
    if zoom < 1:
        smaller = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        scale = np.array(smaller.shape[1::-1]) / image.shape[1::-1]
        image, linear = smaller, matrix[:, :2] / scale
        matrix = np.column_stack(
            [linear, matrix[:, 2] + (0.5 * linear - 0.5 * matrix[:, :2]).sum(1)]
        )
    crop = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(crop.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def _back(share: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w, labels) probabilities on the image; outside the crop all is background."""
    inverse = cv2.invertAffineTransform(matrix)
    result = np.zeros((*size, share.shape[2]), np.float32)
    for label in range(1, share.shape[2]):
        result[..., label] = cv2.warpAffine(
            np.ascontiguousarray(share[..., label]), inverse, size[::-1], flags=cv2.INTER_LINEAR
        )
    result[..., 0] = 1 - result[..., 1:].sum(axis=2)
    return result
