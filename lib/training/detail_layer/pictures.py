"""Pictures of what the networks say of some photos while they are trained."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from lib.networks.vggface import CoarseCode
from lib.shading.detail_layer.unwrap import draw
from lib.training.detail_layer.face import (
    chart_difference,
    coarse_picture,
    detached,
    fine_picture,
)
from lib.training.detail_layer.task import CoarseDetailTask, FineDetailTask, asked

SHOWN_MM = 1.0  # of relief, black to white
FAR_OFF = 1000.0  # px
GREY = 190.0
LAMP = (1.0, 0.5, 0.5, 0.6)  # bands 1, z, x, y of the light that shows relief


def draw_coarse(
    task: CoarseDetailTask, network: torch.nn.Module, indices: Sequence[int]
) -> np.ndarray:
    """(h, w, 3) uint8, a row per photo: photo, its coarse face, and the 86 points over it.

    Points of the photo are blue, those of the face red.
    """
    rows = []
    for index in indices:
        item = asked(task.example(index)).to(task.device)
        with torch.no_grad(), _evaluated(network):
            picture = coarse_picture(task.face, network(item.crop), item.photo)
        photo, drawn = _bytes(item.photo[0]), _bytes(picture.composed[0])
        marked = drawn.copy()
        for points, colour in ((item.points86_px, (60, 120, 255)), (picture.marks, (255, 60, 60))):
            places = points[0].cpu().numpy()
            for x, y in places[(np.abs(places) < FAR_OFF).all(1)].astype(int).tolist():
                cv2.circle(marked, (x, y), 1, colour, -1)
        rows.append(np.hstack([photo, drawn, marked]))
    return np.vstack(rows)


def draw_fine(task: FineDetailTask, network: torch.nn.Module, indices: Sequence[int]) -> np.ndarray:
    """(h, w, 3) uint8, a row per photo: photo, coarse and fine face in grey, relief."""
    rows = []
    for index in indices:
        item = asked(task.example(index)).to(task.device)
        with torch.no_grad(), _evaluated(network):
            code = detached(task.coarse(item.crop))
            before = coarse_picture(task.face, code, item.photo)
            relief = network(chart_difference(task.face, before, item.photo))[:, 0]
            heads = [
                _grey(task, code, fine_picture(task.face, code, before, some, item.photo).points)
                for some in (torch.zeros_like(relief), relief)
            ]
            shown = 127.5 + 127.5 / SHOWN_MM * relief[0] * task.face.movable[0]
        chart = cv2.resize(_bytes(shown[..., None].expand(-1, -1, 3)), item.photo.shape[1:3])
        rows.append(np.hstack([_bytes(item.photo[0]), *heads, chart]))
    return np.vstack(rows)


def _grey(task: FineDetailTask, code: CoarseCode, points: torch.Tensor) -> np.ndarray:
    """A dense mesh in grey under a lamp from the upper side."""
    light = points.new_zeros(1, 3, 9)
    light[..., : len(LAMP)] = points.new_tensor(LAMP)
    albedo = torch.full_like(points, GREY)
    masks = points.new_zeros(points.shape[1], 1)
    drawn = draw(points, albedo, masks, task.face.dense, code.pose, light.flatten(1))
    return _bytes(drawn.colour[0])


def _bytes(picture: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture.clamp(0, 255).round().byte().cpu().numpy())


class _evaluated:
    """A network as it is used, and afterwards as it was."""

    def __init__(self, network: torch.nn.Module):
        self.network, self.before = network, network.training

    def __enter__(self) -> None:
        self.network.eval()

    def __exit__(self, *_: object) -> None:
        self.network.train(self.before)
