"""Albedo and light of painted heads come apart again."""

from dataclasses import replace

import numpy as np
import pytest

from lib.albedo import AlbedoOptions, AlbedoTools, recover_albedo
from lib.artefacts import Albedo, Highlights, digest
from lib.errors import CaptureFailure
from lib.facemodel import load_face_model, model_skin_fields
from lib.facemodel.pigment import typology_angle
from lib.imaging import linear_to_srgb, save_png, srgb_to_linear
from tests.albedo.painted import paint

SIDE = 256


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def tools(model):
    return AlbedoTools.load(OPTIONS, model)


GOLDEN = [0.20494, 0.10730, 0.06593, 0.005688, 0.004766, 0.003111, 3.7894, -25.845, 33.336, 0.31812]
OPTIONS = AlbedoOptions(uv_size=SIDE)


def bare(tools, albedo):
    """(rows, cols) bool: smooth bare skin that the photo shows."""
    fields = tools.chart.fields
    return (albedo.weight > 0.9) & (fields.bare > 0.9) & (fields.lips < 0.1)


def test_the_albedo_of_a_head_lit_from_the_side_is_its_own(model, tools, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)))
    (albedo,) = recover_albedo([painted.source], OPTIONS, tools)
    true = tools.chart.spread(painted.albedo)
    seen = bare(tools, albedo)
    ratio = np.log(albedo.rgb[seen] / true[seen])
    ratio -= np.median(ratio, axis=0)  # strength and colour of the light are judged elsewhere
    assert seen.mean() > 0.05
    assert np.quantile(np.abs(ratio), 0.9) < 0.06


def test_light_that_skin_mirrors_does_not_pale_its_albedo(model, tools, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)))
    matte, capture = painted.source.capture.image[0], painted.source.capture
    y, x = np.mgrid[: matte.shape[0], : matte.shape[1]]
    eyes = painted.source.fit.landmarks_px[0, [36, 45]].mean(axis=0)
    spot = np.exp(-0.5 * ((x - eyes[0]) ** 2 + (y - eyes[1] + 20) ** 2) / 8**2)[..., None]
    glossy = np.clip(srgb_to_linear(matte) + 0.25 * spot, 0, 1)
    glossy = np.rint(255 * linear_to_srgb(glossy)).astype(np.uint8)
    save_png(tmp_path / "glossy.png", glossy)
    told = Highlights(
        method="dichromatic",
        probability=[np.zeros(matte.shape[:2])],
        diffuse=[matte],
        illuminant=np.ones((1, 3)),
        illuminant_sigma=[0.1],
        illuminant_source=["camera"],
    )
    path = str(tmp_path / "glossy.png")
    capture = capture.replace(path=[path], sha256=[digest(path)], image=[glossy])
    source = replace(painted.source, capture=capture, highlights=told)
    plain, freed, left = (
        recover_albedo([one], OPTIONS, tools)[0].rgb[tools.chart.outer].astype(np.float32)
        for one in (painted.source, source, replace(source, highlights=None))
    )
    assert np.abs(freed - plain).max() < 0.02 < 0.04 < np.abs(left - plain).max()


def test_a_face_without_brows_gets_none(model, tools, tmp_path):
    albedo = model.albedo(np.zeros(model.n_albedo)).copy()
    brows = model_skin_fields(model).brows > 0.01
    albedo[brows] = np.median(albedo[model.parts["skin_smooth"]], axis=0)
    painted = paint(model, tmp_path, albedo)
    (found,) = recover_albedo([painted.source], OPTIONS, tools)
    ratio = np.log(found.rgb.astype(np.float32) / tools.chart.spread(painted.albedo).clip(1e-3))
    ratio = ratio.mean(axis=2) - np.median(ratio[bare(tools, found)])
    here = (tools.chart.hair > 0.5) & (found.weight > 0.5)
    assert here.sum() > 100
    assert np.abs(np.median(ratio[here])) < 0.06 and np.quantile(ratio[here], 0.05) > -0.25


def test_every_texel_has_a_colour_and_eyes_and_mouth_too(model, tools, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)), yaw_deg=50)
    (albedo,) = recover_albedo([painted.source], OPTIONS, tools)
    rgb = albedo.rgb.astype(np.float32)
    assert np.isfinite(rgb).all() and rgb.min() > 0 and rgb.max() < 1
    assert (albedo.weight[tools.chart.skin] == 0).mean() > 0.5  # the back was not seen
    assert (albedo.specular > 0.01).all() and (albedo.roughness > 0.05).all()
    assert not albedo.gloss_weight.any()  # one photo does not tell gloss


def test_the_angle_is_that_of_the_skin_that_was_seen(model, tools, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)))
    (albedo,) = recover_albedo([painted.source], OPTIONS, tools)
    skin = albedo.rgb[bare(tools, albedo)]
    assert albedo.ita_deg == pytest.approx(typology_angle(skin).mean(), abs=2)
    assert 0 < albedo.ita_sigma_deg < 40


def test_captures_of_one_subject_have_one_albedo_and_lights_of_their_own(model, tools, tmp_path):
    albedo = model.albedo(np.zeros(model.n_albedo))
    one = paint(model, tmp_path, albedo, "one")
    other = paint(model, tmp_path, albedo, "other", light=one.light[:, ::-1] * 0.6, yaw_deg=20)
    first, second = recover_albedo([one.source, other.source], OPTIONS, tools)
    for field in ("rgb", "specular", "roughness", "weight"):
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    assert not np.allclose(first.light, second.light, rtol=0.1)


def test_a_lost_photo_fails_alone(model, tools, tmp_path):
    albedo = model.albedo(np.zeros(model.n_albedo))
    kept, lost = paint(model, tmp_path, albedo, "kept"), paint(model, tmp_path, albedo, "lost")
    (tmp_path / "lost.png").unlink()
    first, second = recover_albedo([kept.source, lost.source], OPTIONS, tools)
    assert isinstance(second, CaptureFailure) and second.outcome == "original_missing"
    np.testing.assert_array_equal(first.rgb, recover_albedo([kept.source], OPTIONS, tools)[0].rgb)


def test_the_same_photo_gives_the_same_bytes(model, tools, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)))
    runs = [recover_albedo([painted.source], OPTIONS, tools)[0] for _ in range(2)]
    for field in ("rgb", "local_light", "light", "weight"):
        np.testing.assert_array_equal(*(getattr(run, field) for run in runs))


def test_method_none_is_the_fit(model, tmp_path):
    options = AlbedoOptions(method="none", uv_size=64)
    tools = AlbedoTools.load(options, model)
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)))
    (albedo,) = recover_albedo([painted.source], options, tools)
    true = tools.chart.spread(painted.albedo)
    np.testing.assert_allclose(albedo.rgb[tools.chart.outer], true[tools.chart.outer], atol=2e-3)
    np.testing.assert_array_equal(albedo.light[0], painted.light.astype(np.float32))
    assert not albedo.local_light.any()


def test_numbers_of_a_painted_head_stay_what_they_are(model, tools, tmp_path):
    """Golden numbers: another result on the same photo raises the artefact's version."""
    dots = np.sin(model.mean @ np.array([0.9, 0.7, 0.3]))[:, None] * np.array([0.03, 0.06, 0.07])
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)) * np.exp(dots))
    (albedo,) = recover_albedo([painted.source], OPTIONS, tools)
    assert Albedo.version == 6
    skin = albedo.rgb[bare(tools, albedo)].astype(np.float64)
    found = [*skin.mean(axis=0), *skin.std(axis=0), float(albedo.light[0, 0].mean())]
    found += [float(albedo.ita_deg), float(albedo.ita_sigma_deg), float(albedo.weight.mean())]
    np.testing.assert_allclose(found, GOLDEN, rtol=2e-3)
