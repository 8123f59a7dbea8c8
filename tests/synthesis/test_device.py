"""Light and pictures are the same on every device."""

import numpy as np
import pytest
import torch

from lib.synthesis import draw_capture
from lib.synthesis.rendering.lighting import draw_lighting
from lib.synthesis.rendering.transport import Casters, receive
from tests.render.backends import DEVICES
from tests.synthesis.worlds import PHOTOS, same

EDGES = 0.02  # share of values at the edges of shadows and triangles, which rasterisers round


def floor_with_a_ball(device):
    """Points and normals of a floor under a low ball, and the ball's triangles."""
    turn, tilt = np.meshgrid(np.linspace(0, 2 * np.pi, 25), np.linspace(0, np.pi, 13))
    ball = 50 * np.stack(
        [np.sin(tilt) * np.cos(turn), np.cos(tilt), np.sin(tilt) * np.sin(turn)], 2
    )
    corner = (np.arange(12)[:, None] * 25 + np.arange(24)).ravel()
    triangles = np.concatenate([
        np.stack([corner, corner + 25, corner + 1], 1),
        np.stack([corner + 1, corner + 25, corner + 26], 1),
    ])  # fmt: skip
    x, z = np.meshgrid(np.linspace(-120, 120, 60), np.linspace(-120, 120, 60))
    points = np.stack([x.ravel(), np.full(x.size, -60.0), z.ravel()], 1)
    to = {"dtype": torch.float32, "device": device}
    casters = Casters(
        torch.tensor(ball.reshape(-1, 3), **to),
        torch.tensor(triangles, dtype=torch.int32, device=device),
        np.zeros(3),
    )
    up = torch.tensor([0.0, 1.0, 0.0], **to).expand(len(points), 3)
    return torch.tensor(points, **to), up, casters


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("hairy", [False, True])
def test_every_device_casts_the_same_shadows(device, hairy):
    lighting = draw_lighting(np.random.default_rng(3), np.diag([1.0, -1, -1]), "studio")

    def received(where):
        points, normals, casters = floor_with_a_ball(where)
        in_hair = torch.full((len(points),), hairy, device=where)
        light = receive(points, normals, in_hair, casters, lighting)
        return light.dome.cpu().numpy(), light.lamps.cpu().numpy()

    dome, lamps = received("cpu")
    assert lamps.min() < 0.5 < lamps.max() and np.ptp(dome[:, 0]) > 0.01
    found_dome, found_lamps = received(device)
    assert (np.abs(found_lamps - lamps) > 0.01).mean() < EDGES
    assert (np.abs(found_dome - dome) > 0.01 * np.abs(dome).max()).mean() < EDGES


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_takes_the_same_picture(studio, photo, device):
    truth = draw_capture(studio, PHOTOS, 3, torch.device(device)).truth
    if device == "cpu":
        assert same(truth, photo.truth)
    for name in ("depth_mm", "part", "uv", "normal"):  # always worked out on the CPU
        np.testing.assert_array_equal(getattr(truth, name)[0], getattr(photo.truth, name)[0])
    np.testing.assert_allclose(truth.exposure, photo.truth.exposure, rtol=0.01)
    for name in ("diffuse", "specular"):
        one, other = (np.float32(getattr(t, name)[0]) for t in (truth, photo.truth))
        assert (np.abs(one - other) > 0.01 * other.max()).mean() < EDGES, name
