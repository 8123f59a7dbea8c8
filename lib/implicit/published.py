"""How likely the surface passes at hypotheses, told by MVFR's network with its conventions.

Pictures are BGR of 0..255 without any normalisation; portrait ones are transposed, with the rows of
their camera matrix swapped; features have half the pixels; every view counts the same, whether it
sees the point or not. Unlike the published program, any number of views of any sizes will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.errors import ConfigError, ShapeError
from lib.networks.mvfr import LONG_SIDE_PX, STRIDE, ImplicitNet
from lib.render import Camera

LEAST_VIEWS = 2


@dataclass(frozen=True)
class PublishedView:
    """A picture and its camera as the network takes them.

    Args:
        image: (1, 3, h, w) float32 BGR 0..255, landscape.
        projection: (3, 4) float32 world to feature pixels.
    """

    image: torch.Tensor
    projection: torch.Tensor


def published_view(
    image: np.ndarray,
    camera: Camera,
    long_side_px: int = LONG_SIDE_PX,
    device: torch.device | str = "cpu",
) -> PublishedView:
    """A view in the published form.

    Args:
        image: (h, w, 3) uint8 RGB, sRGB encoded.
        camera: of the image, integer pixel centres.
        long_side_px: the picture is resized to this longer side; 0 = left as it is.
        device: where the tensors live.
    """
    size = np.array(image.shape[:2])
    factor = np.ones(2)
    if long_side_px and size.max() != long_side_px:
        target = np.maximum(np.rint(size * long_side_px / size.max()).astype(int), 1)
        image = cv2.resize(image, tuple(map(int, target[::-1])), interpolation=cv2.INTER_LINEAR)
        factor = (target / size)[::-1]  # along x, y
    focal = camera.focal_px * factor
    centre = (np.asarray(camera.centre_px, float) + 0.5) * factor - 0.5
    matrix = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    if image.shape[0] > image.shape[1]:
        image, matrix = image.transpose(1, 0, 2), matrix[[1, 0, 2]]
    matrix = np.diag([1 / STRIDE, 1 / STRIDE, 1]) @ matrix
    pixels = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)[None], np.float32)
    projection = (matrix @ camera.world_to_camera).astype(np.float32)
    return PublishedView(
        torch.from_numpy(pixels).to(device), torch.from_numpy(projection).to(device)
    )


def normalised_distances(d_size: int) -> np.ndarray:
    """(d_size,) float32: the published input for hypotheses -d_size // 2 ..., in half ranges."""
    return (2 * (np.arange(d_size) - d_size // 2) / d_size).astype(np.float32)


@torch.inference_mode()
def respond_published(
    position: np.ndarray,
    normal: np.ndarray,
    mask: np.ndarray,
    offsets_mm: np.ndarray,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    network: ImplicitNet,
    *,
    distance: np.ndarray | None = None,
    num_sample: int = 100_000,
    long_side_px: int | None = None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Responses along the normals of a grid.

    Args:
        position: (rows, cols, 3) mm, world frame.
        normal: (rows, cols, 3) as hypotheses step; the published one is blurred and not brought
            back to length 1.
        mask: (rows, cols) bool: texels to ask for.
        offsets_mm: (d,) along the normal.
        images: of each view (h, w, 3) uint8 RGB, sRGB encoded; sizes may differ.
        cameras: of each view.
        network: of `load_implicit`.
        distance: (d,) what the network is told of each hypothesis; None = as published.
        num_sample: points at a time; less needs less memory and gives the same.
        long_side_px: the pictures' longer side; 0 = as they are, None = as the network was trained.
        device: where to compute.

    Returns:
        (d, rows, cols) float32 0..1; 0 off the mask.

    Raises:
        ConfigError: fewer than two views, or `num_sample` below 1.
        ShapeError: the arrays do not fit together.
    """
    _check(position, normal, mask, images, cameras, num_sample)
    offsets = np.asarray(offsets_mm, np.float32)
    told = normalised_distances(len(offsets)) if distance is None else distance
    network = network.to(device).eval()
    size = network.long_side_px if long_side_px is None else long_side_px
    views = [published_view(*pair, size, device) for pair in zip(images, cameras)]
    features = [network.features(view.image) for view in views]
    projections = [view.projection for view in views]
    response = np.zeros((len(offsets), int(mask.sum())), np.float32)
    start = torch.tensor(position[mask], dtype=torch.float32, device=device)
    step = torch.tensor(normal[mask], dtype=torch.float32, device=device)
    offset = torch.tensor(offsets, device=device)
    tell = torch.tensor(np.asarray(told, np.float32), device=device)
    for part in chunks(response.size, num_sample):
        index = torch.arange(part.start, part.stop, device=device)
        layer, texel = index // len(start), index % len(start)
        points = start[texel] + step[texel] * offset[layer, None]
        found = network.respond(features, projections, points, tell[layer])
        response.reshape(-1)[part] = found.float().cpu().numpy()
    volume = np.zeros((len(offsets), *mask.shape), np.float32)
    volume[:, mask] = response
    return volume


def chunks(total: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover 0 .. total; none is empty."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _check(
    position: np.ndarray,
    normal: np.ndarray,
    mask: np.ndarray,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    num_sample: int,
) -> None:
    for name, found in (("position", position.shape), ("normal", normal.shape)):
        if found != (*mask.shape, 3):
            raise ShapeError(name, found, f"{(*mask.shape, 3)}, as the mask says")
    if len(images) != len(cameras):
        raise ShapeError("cameras", (len(cameras),), f"({len(images)},), one per image")
    if len(images) < LEAST_VIEWS:
        raise ConfigError(
            f"{len(images)} views, expected at least {LEAST_VIEWS}: one view has no variance."
        )
    if num_sample < 1:
        raise ConfigError(f"num_sample is {num_sample}, expected at least 1 point at a time.")
