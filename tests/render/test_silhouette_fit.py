"""A head finds its place in an image through the gradient of its outline, and not without it."""

import numpy as np
import pytest
import torch

from lib.facemodel import load_face_model
from lib.geometry import vertex_normals
from lib.render.differentiable import interpolate, rasterise
from lib.render.differentiable.antialias import antialias
from lib.render.differentiable.topology import edge_table
from tests.render.backends import view_clip

PIXELS, STEPS = 96, 100
START = (np.log(0.7), 0.30, -0.22)  # 30 % too small, 14 px too far right, 11 px too high


class Scene:
    """The default head, turned by 20 degrees; white, or coloured by its normals."""

    def __init__(self, colour: str, pixels: int = PIXELS):
        self.pixels = pixels
        model = load_face_model("makehuman")
        vertices = (model.mean - [0, -30, -60]) / 145.0
        self.clip = torch.tensor(view_clip(vertices, 20.0), dtype=torch.float32)
        self.triangles = torch.tensor(model.triangles)
        self.edges = edge_table(self.triangles)
        normals = torch.tensor(vertex_normals(model.mean, model.triangles), dtype=torch.float32)
        self.colour = torch.ones(len(normals), 1) if colour == "white" else 0.6 + 0.35 * normals

    def image(self, place: torch.Tensor, smooth: bool) -> torch.Tensor:
        """(1, h, w, C) at a place (log scale, shift along x and y in half images)."""
        x, y, z, w = self.clip.unbind(-1)
        scale = place[0].exp()
        clip = torch.stack([x * scale + place[1] * w, y * scale + place[2] * w, z, w], -1)
        raster = rasterise(clip, self.triangles, (self.pixels, self.pixels))
        image, _ = interpolate(self.colour, raster, self.triangles)
        return antialias(image, raster, clip, self.triangles, self.edges) if smooth else image


def fitted(scene: Scene, smooth: bool) -> tuple[float, np.ndarray]:
    """Scale and shift in px that Adam finds for an image of the head at scale 1 and shift 0."""
    target = scene.image(torch.zeros(3), smooth=True)
    place = torch.tensor(START, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([place], lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS, 1e-4)
    for _ in range(STEPS):
        optimiser.zero_grad()
        ((scene.image(place, smooth) - target) ** 2).sum().backward()
        optimiser.step()
        schedule.step()
    log_scale, *shift = place.detach().tolist()
    return float(np.exp(log_scale)), np.array(shift) * PIXELS / 2


@pytest.mark.parametrize("colour", ["white", "normals"])
def test_a_shifted_head_finds_its_place_through_antialias_and_not_without(colour):
    scene = Scene(colour)
    scale, shift = fitted(scene, smooth=True)
    assert abs(scale - 1) < 2e-3
    assert np.abs(shift).max() < 0.05
    scale, shift = fitted(scene, smooth=False)
    assert np.abs(shift).max() > 5
    if colour == "white":  # a mask's pixels say nothing of positions: nothing has moved
        np.testing.assert_allclose([np.log(scale), *shift * 2 / PIXELS], START, atol=1e-3)
