"""What the shading network sees is what light does to skin; what it says is put on the chart."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from lib.artefacts import SkinMask, digest
from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.imaging import save_png
from lib.networks.shaded_relief import (
    N_PLANES,
    Reading,
    ShadedRelief,
    ShadedReliefOptions,
    packed,
)
from lib.render import ambient_light, distant_light, irradiance
from lib.shading import ShadingOptions, ShadingTools, shade_capture
from lib.shading.learned import (
    LIGHT_PLANES,
    LUMINANCE,
    SQUEEZE_PLANES,
    TONE_PLANE,
    TRUST_PLANE,
    LearnedMethod,
    LearnedRelief,
    learned_relief,
    light_answer,
    network_planes,
    reduced,
    squeeze_on_chart,
)
from lib.uvspace.grid import chart_grid
from lib.uvspace.unwrap import UnwrappedFace, chart_fields
from tests.posed_head import SIZE, make_case

SIDE = 48
LIGHT = (ambient_light() * 0.3 + distant_light([-0.5, 0.6, 0.8])).astype(np.float32)


def patch(relief=None, side=SIDE, step=0.5):
    """A bent patch of skin with a relief in mm under one light; its texels are no squares."""
    x, y = np.meshgrid(np.arange(side) * step, np.arange(side) * -step * 1.3)
    x = x + 0.2 * y
    position = np.stack([x, y, -0.004 * (x - x.mean()) ** 2 - 0.003 * (y - y.mean()) ** 2], axis=2)
    position = position.astype(np.float32)
    across, down = (np.gradient(position, axis=axis).astype(np.float32) for axis in (1, 0))
    normal = normals(position)
    relief = np.zeros((side, side)) if relief is None else relief
    lit = irradiance(normals(position + normal * relief[..., None]), LIGHT)
    one = np.ones((side, side), np.float32)
    away = np.broadcast_to(np.float32([0, 0, 1]), position.shape)
    return UnwrappedFace(
        position=position,
        normal=normal,
        mask=one > 0,
        across=across,
        down=down,
        rgb=(0.4 * lit).astype(np.float32),
        weight=one,
        skin=one,
        bare=one,
        beard=0 * one,
        lips=0 * one,
        to_camera=away,
        pixel_mm=0.4 * one,
        place_px=np.zeros((side, side, 2), np.float32),
        albedo=0.4 * np.ones((side, side, 3), np.float32),
        light=LIGHT,
    )


def normals(position):
    across, down = np.gradient(position.astype(np.float64), axis=(1, 0))
    found = np.cross(across, -down)
    return (found / np.linalg.norm(found, axis=2, keepdims=True)).astype(np.float32)


def bumps(side=SIDE, height=0.06):
    rows, columns = np.mgrid[:side, :side]
    return height * np.sin(0.4 * columns + 0.2 * rows) * np.sin(0.3 * rows)


def nothing(side=SIDE):
    return np.zeros((side, side, 3), np.float32)


def test_light_answers_to_slopes_as_the_light_of_the_bent_surface_does():
    relief = bumps()
    face = patch(relief)
    columns, rows = light_answer(face, 1e-3)
    size = [np.linalg.norm(step, axis=2) for step in (face.across, face.down)]
    slopes = [np.gradient(relief, axis=axis) / size[k] for k, axis in ((0, 1), (1, 0))]
    told = columns * slopes[0] + rows * slopes[1]
    smooth = irradiance(face.normal, LIGHT) @ LUMINANCE
    true = np.log(face.rgb @ LUMINANCE / 0.4) - np.log(smooth)
    inner = np.s_[2:-2, 2:-2]
    assert np.abs(true[inner]).max() > 0.03
    assert np.abs(told - true)[inner].max() < 0.05 * np.abs(true[inner]).max()


def test_the_tone_is_that_of_the_relief_alone():
    relief = bumps()
    planes = network_planes(patch(relief), nothing())
    assert planes.shape == (N_PLANES, SIDE, SIDE) and planes.dtype == np.float32
    flat = network_planes(patch(), nothing())
    assert np.abs(flat[TONE_PLANE]).max() < 1e-4
    assert np.abs(planes[TONE_PLANE]).max() > 0.1


def test_nothing_is_told_of_texels_that_the_photo_does_not_show():
    face = patch(bumps())
    weight = face.weight.copy()
    weight[:, 20:] = 0
    planes = network_planes(replace(face, weight=weight), nothing() + 0.1)
    assert not planes[:, :, 20:].any()
    assert planes[TRUST_PLANE, :, :20].all()


def mirrored(face):
    """The mirror image of a face: columns swapped, x to -x, the light as well."""
    flip = np.float32([-1, 1, 1])
    parts = {f.name: getattr(face, f.name) for f in fields(face)}
    parts = {name: v[:, ::-1] if name != "light" else v for name, v in parts.items()}
    for name in ("position", "normal", "to_camera", "down"):
        parts[name] = parts[name] * flip
    parts["across"] = -parts["across"] * flip
    odd = np.array([1, 1, 1, -1, -1, 1, 1, -1, 1], np.float32)  # harmonics with an odd power of x
    return UnwrappedFace(**(parts | {"light": face.light * odd[:, None]}))


def test_a_mirrored_face_has_mirrored_planes_whose_light_answers_the_other_way():
    squeezed = np.random.default_rng(0).normal(0, 0.1, (SIDE, SIDE, 3)).astype(np.float32)
    face = patch(bumps())
    planes = network_planes(face, squeezed)
    turned = network_planes(mirrored(face), squeezed[:, ::-1] * np.float32([1, 1, -1]))
    expected = planes[:, :, ::-1].copy()
    expected[[LIGHT_PLANES[0], SQUEEZE_PLANES[2]]] *= -1
    np.testing.assert_allclose(turned, expected, atol=2e-3)


def test_a_smaller_chart_shows_the_same_skin():
    face = patch(bumps(96), 96, 0.25)
    small = reduced(face, SIDE)
    assert reduced(face, 96) is face
    np.testing.assert_allclose(small.across[5, 5], 2 * face.across[10, 10], rtol=0.02)
    np.testing.assert_allclose(small.texel_mm, 2 * face.texel_mm[::2, ::2], rtol=0.05)
    weight = face.weight.copy()
    weight[:, 50:] = 0
    hidden = replace(face, weight=weight, rgb=face.rgb * (weight > 0)[..., None])
    half = reduced(hidden, SIDE)
    assert not half.rgb[:, 25:].any()
    np.testing.assert_allclose(half.rgb[:, :25], small.rgb[:, :25], rtol=1e-5)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def test_squeeze_is_the_share_of_length_lost_along_the_chart(model):
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    moved = (model.mean @ turn * np.linalg.det(turn)).astype(np.float32)
    assert np.abs(squeeze_on_chart(model, model.mean, moved, 64)).max() < 1e-3
    smaller = squeeze_on_chart(model, model.mean, 0.9 * model.mean, 64)
    known = smaller[..., 0] != 0
    assert np.median(np.abs(smaller[known][:, :2] - 0.1)) < 1e-3
    assert (np.abs(smaller[known][:, :2] - 0.1) < 5e-3).mean() > 0.99
    lower = squeeze_on_chart(model, model.mean, model.mean * np.float32([1, 0.8, 1]), 64)
    forehead = np.s_[8:14, 28:36]  # rows run down, columns across
    assert np.median(lower[forehead][..., 1]) > 0.15 > 0.05 > np.median(lower[forehead][..., 0])


class Told(ShadedRelief):
    """A network that says what it is told."""

    def __init__(self, resting, driven, log_slope=-6.0):
        super().__init__(ShadedReliefOptions(widths=(2, 2), middle=1))
        self.said = resting, driven, log_slope

    def forward(self, planes):
        one = torch.ones_like(planes[:, 0])
        resting, driven, log_slope = self.said
        return Reading(resting * one, driven * one, 0 * one, log_slope * one)


def test_relief_lies_where_the_photo_shows_skin_and_ends_smoothly_beyond():
    face = patch(side=64)
    weight = face.weight.copy()
    weight[:, 36:] = 0
    face = replace(face, weight=weight)
    found = learned_relief(face, nothing(64), Told(0.3, -0.1), "cpu")
    np.testing.assert_allclose(found.distance_mm[:, :36], 0.2, atol=1e-5)
    assert found.distance_mm[:, 37].min() > 0.19
    assert found.distance_mm[:, 60:].max() < 0.01  # 12 mm away
    assert np.abs(np.diff(found.distance_mm, axis=1)).max() < 0.03
    assert not found.confidence[:, 36:].any()
    np.testing.assert_array_equal(found.wrinkles_mm, found.distance_mm)
    assert found.confidence[:, :36].min() > 0.98
    unsure = learned_relief(face, nothing(64), Told(0.3, 0.0, 0.0), "cpu")
    assert unsure.confidence.max() < 0.02


def test_a_photo_coarser_than_any_that_was_learnt_from_tells_nothing():
    face = patch(side=64)
    for pixel_mm, factor in ((1.0, 1.0), (3.0, 0.5), (5.0, 0.0)):
        blunt = replace(face, pixel_mm=np.full_like(face.pixel_mm, pixel_mm))
        found = learned_relief(blunt, nothing(64), Told(0.3, 0.0), "cpu")
        np.testing.assert_allclose(found.distance_mm, 0.3 * factor, atol=1e-5)
        np.testing.assert_allclose(found.confidence, factor, atol=0.02)


def test_the_share_of_wrinkles_is_what_the_base_s_error_leaves():
    distance = np.float32([0.4, 0.4, -0.4, -0.4, 0.0])
    wrinkles = np.float32([0.1, -0.1, -0.3, -0.6, 0.0])
    found = LearnedRelief(distance, wrinkles, 0 * distance)
    np.testing.assert_allclose(found.wrinkles_share, [0.25, 0, 0.75, 1, 0], atol=1e-6)


def test_a_finer_chart_gets_the_same_relief():
    face = patch(bumps(1024), 1024, 0.03)
    found = learned_relief(face, nothing(1024), Told(0.3, 0.0), "cpu")
    assert found.distance_mm.shape == (1024, 1024)
    np.testing.assert_allclose(found.distance_mm[300:700, 300:700], 0.3, atol=1e-4)


@pytest.fixture
def head_photo(model, tmp_path):
    """A grey photo of a head that is turned to its left, with its fit."""
    case = make_case(model, yaw_deg=50.0)
    grey = np.full((*SIZE, 3), 128, np.uint8)
    save_png(tmp_path / "head.png", grey)
    capture = case.capture.replace(
        path=[str(tmp_path / "head.png")], sha256=[digest(tmp_path / "head.png")], image=[grey]
    )
    skin = SkinMask(probability=[np.full(SIZE, 255, np.uint8)])
    return capture, skin, case.fit.replace(light=LIGHT[None])


def test_the_method_reads_the_side_of_a_head_that_the_photo_shows(model, head_photo):
    grid = chart_grid(model, model.mean, 256)
    method = LearnedMethod(model, Told(0.3, 0.0), chart_fields(model, 512), "cpu")
    found = method.relief(*head_photo, 0, grid.mask)
    assert found.distance_mm.shape == (256, 256)
    assert not found.distance_mm[~grid.mask].any()
    read = found.confidence > 0.25
    side = grid.position[..., 0]  # turned to its left, it shows its right: x below 0
    assert 3 * (read & (side > 25)).sum() < (read & (side < -25)).sum() > 2000


def test_a_network_that_is_not_there_is_asked_for_by_its_setting(model, tmp_path):
    options = ShadingOptions(method="learned", weights=str(tmp_path / "none.pt"))
    with pytest.raises(MissingModelError, match=r"shading\.weights is '.*none\.pt'"):
        ShadingTools.load(options, model, torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"learned, but shading\.weights is empty.*train_shading"):
        ShadingTools.load(ShadingOptions(method="learned"), model, torch.device("cpu"))


def test_a_surface_holds_what_the_network_read(model, head_photo, tmp_path):
    capture, skin, fit = head_photo
    network = ShadedRelief(ShadedReliefOptions(widths=(4, 6), middle=1))
    torch.nn.init.constant_(network.head.bias, 1.5)
    torch.save(packed(network), tmp_path / "relief.pt")
    options = ShadingOptions("learned", str(tmp_path / "relief.pt"), 256)
    surface = shade_capture(model, capture, skin, fit, options)
    assert surface.method.endswith("learned")
    seen = surface.confidence > 0.01
    np.testing.assert_allclose(surface.distance_mm[seen], 0.3, atol=0.06)  # 0.15 mm of each kind
    assert seen.sum() > 2000
    assert not surface.expression_share.any()  # the head rests
    assert surface.confidence[surface.distance_mm == 0].max() < 0.01
