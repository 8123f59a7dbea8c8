"""Relief comes from shading: grooves go in, and what is no relief gives none."""

from dataclasses import replace

import numpy as np
import pytest

from lib.artefacts import SkinMask, digest
from lib.facemodel import load_face_model
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, save_png
from lib.render import ambient_light, distant_light, interpolate, render_buffers, shade
from lib.shading import ShadingOptions, shade_capture
from lib.shading.optimise.relief import MOST_MM, optimise_relief
from tests.posed_head import SIZE, make_case
from tests.shading.skin_patch import (
    SIDE,
    SIDE_LIGHT,
    TEXEL_MM,
    freckles,
    groove,
    places,
    skin_patch,
)

INNER = slice(40, -40)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values[INNER, INNER]))))


def depth(distance, angle_deg):
    """Mean height of the bottom of `groove(angle_deg)` over its banks."""
    x, y = places()
    angle = np.radians(angle_deg)
    off = np.abs(x * np.cos(angle) + y * np.sin(angle))
    inner = np.zeros((SIDE, SIDE), bool)
    inner[INNER, INNER] = True
    return distance[inner & (off < 0.3)].mean() - distance[inner & (off > 2.2) & (off < 3)].mean()


@pytest.mark.parametrize("angle_deg", [0, 40])
def test_a_groove_under_light_from_the_side_goes_in_by_its_depth(angle_deg):
    distance, _ = optimise_relief(skin_patch(groove(angle_deg), noise=0.01))
    assert -0.33 < depth(distance, angle_deg) < -0.22


def test_a_ridge_goes_out_as_a_groove_goes_in():
    distance, _ = optimise_relief(skin_patch(-groove(20), noise=0.01))
    assert 0.2 < depth(distance, 20) < 0.33


def test_a_dark_line_under_light_from_the_camera_is_a_groove():
    front = 0.7 * ambient_light() + 0.3 * distant_light(np.array([0, 0, 1.0]))
    dark = 0.6 * groove(0)  # what shadow makes of it: both of its walls are dark
    distance, _ = optimise_relief(skin_patch(0.0, front, dark, noise=0.01))
    assert -0.7 < depth(distance, 0) < -0.2


def test_noise_gives_no_relief():
    distance, _ = optimise_relief(skin_patch(noise=0.03))
    assert rms(distance) < 0.005


def test_freckles_as_dark_as_wrinkles_give_little_relief():
    distance, _ = optimise_relief(skin_patch(paint=freckles(), noise=0.01))
    assert rms(distance) < 0.025


def test_a_mirrored_photo_gives_the_mirrored_relief():
    face = skin_patch(groove(30), noise=0.01)
    mirrored_light = SIDE_LIGHT * np.array([1, 1, 1, -1, -1, 1, 1, -1, 1])[:, None]
    other = skin_patch(groove(-30), mirrored_light)
    other = replace(other, rgb=np.ascontiguousarray(face.rgb[:, ::-1]))
    found, mirrored = (optimise_relief(f)[0] for f in (face, other))
    np.testing.assert_allclose(mirrored[:, ::-1], found, atol=0.02)


def test_unseen_skin_gets_neither_relief_nor_confidence():
    face = skin_patch(groove(0), noise=0.01)
    seen = face.weight.copy()
    seen[:, : SIDE // 3] = 0
    distance, confidence = optimise_relief(replace(face, weight=seen))
    assert not confidence[:, : SIDE // 3].any()
    assert confidence[:, SIDE // 2 :].max() > 0.3
    assert np.abs(distance[:, : SIDE // 3 - 20]).max() < 0.02


def test_where_nothing_is_seen_there_is_nothing():
    face = skin_patch(groove(0))
    distance, confidence = optimise_relief(replace(face, weight=np.zeros_like(face.weight)))
    assert not distance.any() and not confidence.any()


def test_pixels_of_five_millimetres_tell_no_relief():
    distance, confidence = optimise_relief(skin_patch(groove(0), pixel_mm=5.0))
    assert np.abs(distance).max() < 0.01 and confidence.max() < 0.01


def test_a_black_or_white_photo_gives_nothing_to_stumble_over():
    face = skin_patch()
    for value in (0.0, 1.0):
        distance, _ = optimise_relief(replace(face, rgb=np.full_like(face.rgb, value)))
        assert np.isfinite(distance).all() and np.abs(distance).max() < 0.05


def test_hair_gives_less_relief_than_the_same_pattern_would_on_skin():
    x, y = places()
    strands = np.where(y > 10, 1.2 * np.sin(2 * np.pi * x / 1.2 + y) - 1.4, 0)
    distance, confidence = optimise_relief(skin_patch(paint=strands, noise=0.01))
    assert np.abs(distance[y > 12]).max() < 0.1
    assert confidence[y > 13].mean() < 0.1 * confidence[y < 5].mean()


def test_relief_stays_within_its_limit_and_comes_out_the_same_again():
    face = skin_patch(groove(0, 4.0, 2.0), noise=0.05)
    first, second = (optimise_relief(face) for _ in range(2))
    assert np.abs(first[0]).max() <= MOST_MM
    assert first[0].tobytes() == second[0].tobytes() and first[1].tobytes() == second[1].tobytes()


def test_the_relief_is_that_of_the_surface_at_any_size_of_texels():
    face = skin_patch(groove(0), noise=0.0, pixel_mm=2 * TEXEL_MM)
    coarse = replace(
        face,
        **{
            name: np.ascontiguousarray(getattr(face, name)[::2, ::2])
            for name in face.__dataclass_fields__
            if name != "light"
        },
    )
    coarse = replace(coarse, across=2 * coarse.across, down=2 * coarse.down)
    fine, half = optimise_relief(face)[0][::2, ::2], optimise_relief(coarse)[0]
    inner = slice(20, -20)
    agree = np.corrcoef(fine[inner, inner].ravel(), half[inner, inner].ravel())[0, 1]
    assert agree > 0.9


@pytest.mark.parametrize("skin_share", [1.0, 0.0])
def test_a_smooth_head_in_the_line_gets_next_to_no_relief(tmp_path, skin_share):
    model = load_face_model("makehuman")
    case = make_case(model, yaw_deg=15.0)
    camera = case.fit.world_to_camera[0], float(case.fit.focal_px[0]), case.fit.centre_px[0]
    buffers = render_buffers(model.mean, model.triangles, *camera, size=SIZE)
    normal = interpolate(buffers, vertex_normals(model.mean, model.triangles), model.triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
    albedo = interpolate(buffers, model.albedo(case.fit.albedo), model.triangles)
    photo = shade(albedo, normal, SIDE_LIGHT) * buffers.mask[..., None]
    path = str(tmp_path / "head.png")
    save_png(path, np.rint(linear_to_srgb(np.clip(photo, 0, 1)) * 255).astype(np.uint8))
    capture = case.capture.replace(path=[path], sha256=[digest(path)])
    fit = case.fit.replace(light=SIDE_LIGHT[None])
    skin = SkinMask(probability=[np.full(SIZE, round(255 * skin_share), np.uint8)])
    options = ShadingOptions(method="optimise", uv_size=256)
    surface = shade_capture(model, capture, skin, fit, options)
    assert np.quantile(np.abs(surface.distance_mm), 0.99) < 0.2
    if skin_share:
        assert surface.confidence.max() > 0.3
    else:
        assert not surface.confidence.any() and not surface.distance_mm.any()


def test_the_numbers_of_the_method_are_those_of_its_version():
    """Golden numbers: when they change, raise `Surface.version`."""
    distance, confidence = optimise_relief(skin_patch(groove(20) + 0.5 * groove(70), noise=0.01))
    found = [
        distance.min(),
        distance.max(),
        rms(distance),
        np.abs(np.diff(distance, axis=1)).mean(),
        confidence.mean(),
    ]
    np.testing.assert_allclose(found, GOLDEN, rtol=5e-3)


GOLDEN = [-0.270102, 0.052158, 0.044895, 0.0029257, 0.537778]
