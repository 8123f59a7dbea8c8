"""How likely the surface passes at hypotheses, told by our network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.errors import ConfigError, ShapeError
from lib.geometry import to_camera
from lib.implicit.published import LEAST_VIEWS, chunks
from lib.networks.matcher import COARSE_STRIDE, REACH_PX, Matcher
from lib.render import Camera

LARGEST_REDUCTION = 16
LEAST_SIDE_PX = 32  # of a reduced picture


@dataclass(frozen=True)
class LearnedView:
    """The part of a picture that shows the grid, as fine as hypotheses need it.

    Args:
        image: (1, 3, h, w) float32 RGB 0..1, sRGB encoded.
        projection: (3, 4) float32 world to its pixels.
        pixel_mm: median size of one of its pixels at the surface.
    """

    image: torch.Tensor
    projection: torch.Tensor
    pixel_mm: float


def learned_view(
    image: np.ndarray,
    camera: Camera,
    points: np.ndarray,
    interval_mm: float,
    device: torch.device | str = "cpu",
) -> LearnedView:
    """A view in the form of our network: cut to the points, reduced while a pixel stays small.

    A pixel is at most as large as the distance of two hypotheses, unless the picture is coarser.

    Args:
        image: (h, w, 3) uint8 RGB, sRGB encoded.
        camera: of the image, integer pixel centres.
        points: (n, 3) mm: what will be asked for lies among these.
        interval_mm: between neighbouring hypotheses.
        device: where the tensors live.
    """
    pose, focal, centre = camera
    in_camera = to_camera(np.asarray(points, np.float64), pose)
    in_camera = in_camera[in_camera[:, 2] > 1.0]
    pixel_mm = float(np.median(in_camera[:, 2])) / focal if len(in_camera) else np.inf
    largest = min(LARGEST_REDUCTION, min(image.shape[:2]) // LEAST_SIDE_PX)
    factor = 1
    while factor * 2 <= largest and pixel_mm * factor * 2 <= interval_mm:
        factor *= 2
    place = focal * in_camera[:, :2] / in_camera[:, 2:] + centre
    low, high = _window(place, image.shape[:2], factor)
    part = image[low[1] : high[1], low[0] : high[0]]
    size = ((high - low) // factor)[::-1]
    if factor > 1:
        part = cv2.resize(part, tuple(map(int, size[::-1])), interpolation=cv2.INTER_AREA)
    centre = (np.asarray(centre, float) - low + 0.5) / factor - 0.5
    focal = focal / factor
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    pixels = np.ascontiguousarray(part.transpose(2, 0, 1)[None], np.float32) / 255
    return LearnedView(
        torch.from_numpy(pixels).to(device),
        torch.tensor((matrix @ pose).astype(np.float32), device=device),
        pixel_mm * factor if np.isfinite(pixel_mm) else interval_mm,
    )


def _window(place: np.ndarray, size: tuple[int, int], factor: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last (x, y) of the part of a picture around some places, whole blocks wide."""
    limit = np.array(size[::-1])
    block = factor * COARSE_STRIDE
    low, high = np.zeros(2, int), limit
    if len(place):
        margin = REACH_PX * factor
        low = np.floor(place.min(0)).astype(int) - margin
        low = np.clip(low, 0, np.maximum(limit - block, 0)) // block * block
        high = np.clip(np.ceil(place.max(0)).astype(int) + margin, low + block, None)
    high = np.minimum(low + -((low - high) // block) * block, limit)
    whole = np.maximum((high - low) // factor, 1) * factor
    return low, np.minimum(low + whole, limit)


def footprints(views: Sequence[LearnedView], interval_mm: float) -> torch.Tensor:
    """(n_views,) size of a pixel over the distance between hypotheses."""
    device = views[0].image.device
    return torch.tensor([view.pixel_mm / interval_mm for view in views], device=device).float()


@torch.inference_mode()
def respond_learned(
    position: np.ndarray,
    normal: np.ndarray,
    mask: np.ndarray,
    offsets_mm: np.ndarray,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    seen: np.ndarray,
    network: Matcher,
    *,
    centre_mm: np.ndarray | None = None,
    num_sample: int = 20_000,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Responses along the normals of a grid.

    Args:
        position: (rows, cols, 3) mm, world frame.
        normal: (rows, cols, 3) unit.
        mask: (rows, cols) bool: texels to ask for.
        offsets_mm: (d,) along the normal, evenly spaced.
        images: of each view (h, w, 3) uint8 RGB, sRGB encoded; sizes may differ.
        cameras: of each view.
        seen: (n_views, rows, cols) cosine between normal and view where it sees the texel, else 0.
        network: of `load_matcher`.
        centre_mm: (rows, cols) that offsets count from; None = the base.
        num_sample: points at a time; less needs less memory and gives the same.
        device: where to compute.

    Returns:
        (d, rows, cols) float32 0..1; 0 off the mask and where fewer than two views see.

    Raises:
        ConfigError: fewer than two views, fewer than two hypotheses, or `num_sample` below 1.
        ShapeError: the arrays do not fit together.
    """
    offsets = np.asarray(offsets_mm, np.float32)
    _check(mask, images, cameras, seen, offsets, num_sample)
    interval = float(np.diff(offsets).mean())
    network = network.to(device).eval()
    start, step = position[mask], normal[mask]
    middle = np.zeros(len(start), np.float32) if centre_mm is None else np.float32(centre_mm[mask])
    ends = [start + step * (middle + end)[:, None] for end in offsets[[0, -1]]]
    reach = np.concatenate(ends)
    views = [learned_view(*pair, reach, interval, device) for pair in zip(images, cameras)]
    pyramids = [network.features(view.image) for view in views]
    projections, pixel = [view.projection for view in views], footprints(views, interval)
    start, step, middle = (torch.tensor(item, device=device) for item in (start, step, middle))
    cosine = torch.tensor(seen[:, mask], dtype=torch.float32, device=device)
    offset = torch.tensor(offsets, device=device)
    response = np.zeros((len(offsets), len(start)), np.float32)
    for part in chunks(response.size, num_sample):
        index = torch.arange(part.start, part.stop, device=device)
        layer, texel = index // len(start), index % len(start)
        distance = middle[texel] + offset[layer]
        points = start[texel] + step[texel] * distance[:, None]
        found = network.respond(pyramids, projections, points, cosine[:, texel], pixel, distance)
        response.reshape(-1)[part] = torch.sigmoid(found).float().cpu().numpy()
    enough = (seen[:, mask] > 0).sum(0) >= LEAST_VIEWS
    volume = np.zeros((len(offsets), *mask.shape), np.float32)
    volume[:, mask] = response * enough
    return volume


def _check(
    mask: np.ndarray,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    seen: np.ndarray,
    offsets: np.ndarray,
    num_sample: int,
) -> None:
    if len(images) != len(cameras):
        raise ShapeError("cameras", (len(cameras),), f"({len(images)},), one per image")
    if seen.shape != (len(images), *mask.shape):
        raise ShapeError("seen", seen.shape, f"{(len(images), *mask.shape)}, one map per view")
    if len(images) < LEAST_VIEWS or len(offsets) < 2 or num_sample < 1:
        raise ConfigError(
            f"{len(images)} views, {len(offsets)} hypotheses and num_sample {num_sample}: expected "
            f"at least {LEAST_VIEWS} views, 2 hypotheses and 1 point at a time."
        )
