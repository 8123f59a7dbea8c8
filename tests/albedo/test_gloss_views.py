"""How sharply skin mirrors is told by many views, and stays usual where they do not tell it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.albedo.chart import head_chart
from lib.albedo.gloss import usual_gloss
from lib.albedo.gloss_views import gloss_of_views, told_gloss
from lib.albedo.mirrored import MirroredLight, Places, fit_mirrored_light, mirrored
from lib.albedo.photo import Source
from lib.albedo.places import Lattice, skin_places
from lib.artefacts import Highlights, Texture
from lib.facemodel import load_face_model
from lib.geometry import sphere_directions
from lib.render.differentiable import ggx
from tests.highlights.conftest import gloss, measured_of
from tests.texture.conftest import make_scene

SIDE, PITCH_MM, RADIUS_MM = 32, 2.7, 90.0
COS_RIM = np.cos(np.radians(8))
USUAL = (0.03, 0.4)
MIDDLES = np.array([[-0.7, 0.4, 0.7], [0.75, 0.5, 0.6], [0.1, 0.8, 0.7], [0.2, -0.5, 0.8]])
MIDDLES /= np.linalg.norm(MIDDLES, axis=1, keepdims=True)
LAMPS = sphere_directions(3000)[
    (sphere_directions(3000) @ MIDDLES.T > COS_RIM).any(axis=1)
]  # soft boxes
EYES = [(yaw, pitch) for yaw in (-50, -25, 0, 25, 50) for pitch in (-12, 18)]
LATTICE = Lattice((SIDE, SIDE), np.arange(SIDE**2), PITCH_MM)


def cap(factor: np.ndarray, lamps: np.ndarray = LAMPS, strength: float = 0.07) -> Places:
    """A ball's top before ten cameras and distant lamps, its roughness `factor` times the usual."""
    across = PITCH_MM * (np.arange(SIDE) - (SIDE - 1) / 2)
    x, y = np.meshgrid(across, -across)
    position = np.stack([x, y, np.sqrt(RADIUS_MM**2 - x**2 - y**2)], axis=2).reshape(-1, 3)
    normal = torch.tensor(position / RADIUS_MM)
    yaw, pitch = np.radians(EYES).T
    eye = 800 * np.stack(
        [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1
    )
    to_eye = eye[:, None] - position
    to_eye /= np.linalg.norm(to_eye, axis=2, keepdims=True)
    rough = torch.tensor(USUAL[1] * factor.reshape(-1, 1))
    bright = np.zeros(to_eye.shape[:2])
    for lamp in lamps / np.linalg.norm(lamps, axis=1, keepdims=True):
        towards = torch.tensor(lamp).expand(len(position), 3)
        for view, way in enumerate(to_eye):
            shown = ggx(normal, towards, torch.tensor(way), rough, USUAL[0])
            bright[view] += strength * shown.numpy()[:, 0]
    chance = np.random.default_rng(5)
    bright += chance.uniform(0.2, 0.3, SIDE**2) + chance.normal(0, 0.002, bright.shape)
    facing = (to_eye * normal.numpy()).sum(axis=2)
    gloss = np.tile(np.array(USUAL, np.float32), (SIDE**2, 1))
    arrays = (position, normal.numpy(), to_eye, bright, np.clip((facing - 0.3) / 0.3, 0, 1), gloss)
    return Places(*(array.astype(np.float32) for array in arrays))


def halves(left: float, right: float) -> np.ndarray:
    return np.where(np.arange(SIDE) < SIDE / 2, left, right) * np.ones((SIDE, 1))


def test_a_lamp_is_mirrored_as_the_renderer_has_it():
    places = cap(np.ones((SIDE, SIDE)))
    lamp = MirroredLight(np.array([[0.36, 0.48, 0.8]], np.float32), np.ones(1, np.float32))
    lobe, rim = mirrored(replace(places, position=0 * places.position), lamp)
    towards = torch.tensor(lamp.direction).expand(SIDE**2, 3)
    for view, way in enumerate(places.to_eye):
        shown = ggx(torch.tensor(places.normal), towards, torch.tensor(way), USUAL[1], USUAL[0])
        on = places.weight[view] > 0
        made = USUAL[0] * lobe[view] + rim[view]
        np.testing.assert_allclose(made[on], shown.numpy()[on, 0], rtol=2e-3, atol=1e-6)


def test_light_is_found_where_the_lamps_are():
    light = fit_mirrored_light(cap(np.ones((SIDE, SIDE))))
    near = light.direction @ MIDDLES.T > np.cos(np.radians(16))
    true = 0.07 * np.array([(LAMPS @ middle > COS_RIM).sum() for middle in MIDDLES])
    assert (light.colour >= 0).all()
    np.testing.assert_allclose(near.T @ light.colour, true, rtol=0.2)


def test_the_sharper_half_of_a_ball_is_told_from_the_duller_one():
    told = told_gloss(cap(halves(0.8, 1.25)), LATTICE)
    found = told.log_factor[5:-5, :, 1]
    left, right = found[:, 4:13].mean(), found[:, -13:-4].mean()
    assert right - left == pytest.approx(np.log(1.25 / 0.8), rel=0.25)
    assert np.abs(told.log_factor[5:-5, 4:-4, 0]).mean() < 0.05  # reflectance is the same
    assert told.weight[5:-5, 4:-4, 1].mean() > 0.8


def test_what_is_usual_stays_usual():
    told = told_gloss(cap(np.ones((SIDE, SIDE))), LATTICE)
    assert np.quantile(np.abs(told.log_factor[5:-5, 4:-4]), 0.95) < 0.06


@pytest.mark.parametrize("lamps, strength", [(LAMPS, 0.0), (sphere_directions(200), 0.002)])
def test_no_lamps_or_light_from_everywhere_tell_little(lamps, strength):
    told = told_gloss(cap(halves(0.8, 1.25), lamps, strength), LATTICE)
    assert told.weight[..., 1].mean() < 0.15
    assert np.abs(told.log_factor).max() < 0.1


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A matte head of one colour seen from five sides, the second photo brighter."""
    model, grey = load_face_model("makehuman"), np.full((64, 64, 3), 0.3, np.float32)
    yaws, gains = (-50.0, -25.0, 0.0, 25.0, 50.0), (1.0, 1.4, 1.0, 1.0, 1.0)
    folder = tmp_path_factory.mktemp("walk")
    case = gloss(make_scene(folder, yaws, gains, model=model, albedo=grey), strength=0.0)
    highlights = Highlights(
        method="none",
        probability=[np.zeros(image.shape[:2]) for image in case.capture.image],
        diffuse=case.capture.image,
        illuminant=np.ones((5, 3)),
        illuminant_sigma=[0.1] * 5,
        illuminant_source=["camera"] * 5,
    )
    texture = Texture(rgb=np.full((64, 64, 3), 0.3), weight=np.zeros((64, 64)))
    made = measured_of(case)
    seen = case.capture, case.fit, case.skin, texture, highlights
    return head_chart(model, 256), Source(*seen, made.surface, made.rig, made.base)


def test_a_matte_head_is_as_bright_in_all_views_that_see_a_place(walk):
    chart, source = walk
    places, lattice = skin_places(chart, source, usual_gloss(chart))
    on = places.weight > 0.5
    bright = np.ma.masked_array(places.bright, ~on)[:, on.sum(axis=0) >= 2]
    spread = bright.std(axis=0) / bright.mean(axis=0)
    assert len(places) > 200 and len(lattice.cell) == len(places)
    assert np.quantile(spread.compressed(), 0.9) < 0.03
    assert (lattice.laid_out(places.gloss)[..., 0] > 0).sum() == len(places)


def test_a_matte_head_and_a_single_photo_keep_the_usual_gloss(walk):
    chart, source = walk
    usual = usual_gloss(chart)
    for case in (source, replace(source, rig=None, surface=None, base=None)):
        found, told = gloss_of_views(chart, [case], usual)
        assert told.max() < 0.1
        np.testing.assert_allclose(found, usual, rtol=0.1)
