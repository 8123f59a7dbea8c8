"""Textures of a synthetic head against the truth, and what must never happen to them."""

import cv2
import numpy as np
import pytest

from lib.artefacts import digest
from lib.errors import CaptureFailure, ShapeError
from lib.facemodel import base_texture, load_face_model
from lib.imaging import Photo, linear_to_srgb
from lib.render import ambient_light
from lib.texture import TextureOptions, blend_texture, prepare_chart
from lib.uvspace.photos import crop_face
from tests.texture.conftest import Scene, make_scene

SIZE = 512
OPTIONS = TextureOptions(uv_size=SIZE)


@pytest.fixture(scope="module")
def chart(frontal):
    return prepare_chart(frontal.model, SIZE)


def blend(scene: Scene, chart, **changes):
    fit = scene.fit.replace(**changes)
    return blend_texture(scene.model, scene.capture, scene.faces, fit, None, OPTIONS, chart=chart)


def owned(chart) -> np.ndarray:
    return chart.buffers.mask


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    """dB on sRGB-like values (square roots of linear light)."""
    return float(-10 * np.log10(np.mean((np.sqrt(found) - np.sqrt(truth)) ** 2)))


def greenness(rgb: np.ndarray) -> np.ndarray:
    return rgb[..., 1] / np.maximum(rgb[..., 0], 1e-3)


def test_what_was_seen_is_the_truth(frontal, chart):
    texture = blend(frontal, chart)
    seen = texture.weight.astype(np.float32) > 0.9
    assert seen[owned(chart)].mean() > 0.15
    assert psnr(texture.rgb[seen].astype(np.float32), frontal.truth[seen]) > 38


def test_what_was_not_seen_is_skin_of_the_same_tone_without_holes(frontal, chart):
    texture = blend(frontal, chart)
    rgb = texture.rgb.astype(np.float32)
    assert np.isfinite(rgb).all() and rgb.min() > 0.01
    unseen = owned(chart) & (texture.weight == 0)
    seen = texture.weight.astype(np.float32) > 0.6
    assert np.median(rgb[unseen]) == pytest.approx(np.median(rgb[owned(chart) & seen]), rel=0.05)
    ratio = np.log(rgb[unseen] / frontal.truth[unseen])
    assert np.quantile(np.abs(ratio - np.median(ratio)), 0.95) < 0.3
    chroma = ratio - ratio.mean(axis=1, keepdims=True)
    assert np.quantile(np.abs(chroma), 0.95) < 0.12


@pytest.mark.parametrize("shift_px", [(0, 0), (5, -3), (-6, 4)])
def test_no_green_of_the_background_reaches_the_texture(turned, chart, shift_px):
    texture = blend(turned, chart, centre_px=turned.fit.centre_px + np.array(shift_px))
    rgb = texture.rgb.astype(np.float32)
    assert greenness(turned.truth[owned(chart)]).max() < 0.75
    assert greenness(rgb).max() < 0.8


def test_there_is_no_edge_where_the_seen_part_ends(turned, chart):
    texture = blend(turned, chart)
    log = np.log(texture.rgb.astype(np.float32))
    weight = texture.weight.astype(np.float32)
    step = np.maximum(
        np.abs(np.diff(log, axis=0))[:, :-1].max(axis=2),
        np.abs(np.diff(log, axis=1))[:-1].max(axis=2),
    )
    inside = cv2.erode(owned(chart).astype(np.uint8), np.ones((5, 5)))[:-1, :-1] > 0
    border = inside & (weight[:-1, :-1] > 0.02) & (weight[:-1, :-1] < 0.98)
    seen = inside & (weight[:-1, :-1] > 0.98)
    assert border.sum() > 2000
    assert np.quantile(step[border], 0.999) < 1.5 * np.quantile(step[seen], 0.999)


def test_both_sides_of_the_seam_at_the_back_agree(turned, chart):
    log = np.log(blend(turned, chart).rgb.astype(np.float32))
    rows = slice(40, SIZE - 40)
    across = np.abs(log[rows, 0] - log[rows, -1]).max()
    along = np.abs(log[rows, 0] - log[rows, 2]).max()
    assert across < along + 0.02


def test_the_hidden_side_takes_its_fine_detail_from_the_other(turned, chart):
    """The far cheek repeats the freckles of the near one, with its own light."""
    texture = blend(turned, chart)
    plain = blend_texture(
        turned.model,
        turned.capture,
        turned.faces,
        turned.fit,
        None,
        TextureOptions(uv_size=SIZE, mirror_weight=0.0),
        chart=chart,
    )
    weight = texture.weight.astype(np.float32)
    only_mirror = owned(chart) & (weight == 0) & (weight[:, ::-1] > 0.95)
    assert only_mirror.sum() > 3000

    def fine(rgb: np.ndarray) -> np.ndarray:
        log = np.log(rgb.astype(np.float32))
        return (log - cv2.GaussianBlur(log, (0, 0), 4))[only_mirror]

    truth = fine(np.ascontiguousarray(turned.truth[:, ::-1]))
    assert np.corrcoef(fine(texture.rgb).ravel(), truth.ravel())[0, 1] > 0.9
    assert np.corrcoef(fine(plain.rgb).ravel(), truth.ravel())[0, 1] < 0.3


@pytest.mark.slow
def test_a_blue_hand_at_the_temple_is_left_out(tmp_path, chart):
    def cover(photo: np.ndarray) -> np.ndarray:
        photo = photo.copy()
        cv2.ellipse(photo, (258, 118), (20, 28), 0, 0, 360, (40, 70, 200), -1)
        return photo

    covered = make_scene(tmp_path, paint=cover)
    rgb = blend(covered, chart).rgb.astype(np.float32)
    assert (rgb[..., 2] / rgb[..., 0]).max() < 0.75


def test_two_views_see_more_than_one_and_share_their_brightness(tmp_path, chart):
    scene = make_scene(tmp_path, yaws_deg=(-35.0, 35.0), gains=(1.0, 0.6))
    texture = blend(scene, chart)
    weight = texture.weight.astype(np.float32)
    seen = weight > 0.9
    assert seen[owned(chart)].mean() > 0.27
    ratio = np.log(texture.rgb[seen].astype(np.float32) / scene.truth[seen])
    level = np.median(ratio)
    assert min(abs(level), abs(level - np.log(0.6))) < 0.05  # of the main view
    assert np.quantile(np.abs(ratio - level), 0.99) < 0.1


def test_a_fit_without_light_still_gives_a_whole_texture(frontal, chart):
    dark = blend(frontal, chart, light=np.zeros((1, 9, 3)))
    even = blend(frontal, chart, light=ambient_light()[None])
    seen = dark.weight.astype(np.float32) > 0.9
    np.testing.assert_allclose(
        dark.rgb[seen].astype(np.float32), even.rgb[seen].astype(np.float32), atol=2e-3
    )
    assert dark.rgb.min() > 0.01


def test_a_head_outside_the_photo_gives_the_prior_with_weight_zero(frontal, chart):
    texture = blend(frontal, chart, centre_px=frontal.fit.centre_px + 5000)
    assert texture.weight.max() == 0
    assert texture.rgb.min() > 0.01


@pytest.mark.parametrize("yaw_deg", [0.0, -35.0])
def test_the_default_head_comes_back_with_eyes_and_lips(tmp_path, yaw_deg):
    """Photographed with its painted texture, it gives that texture in the face it shows."""
    model = load_face_model("makehuman")
    scene = make_scene(tmp_path, (yaw_deg,), model=model, albedo=base_texture(model, SIZE))
    own = prepare_chart(model, SIZE)
    texture = blend(scene, own)
    weight = texture.weight.astype(np.float32)
    seen = weight > 0.9
    assert psnr(texture.rgb[seen].astype(np.float32), scene.truth[seen]) > 30
    assert greenness(texture.rgb.astype(np.float32)).max() < 1.15  # the grey of eyes and teeth
    for part in ("upper_lip", "lower_lip"):
        on_lip = np.zeros(model.n_vertices)
        on_lip[model.parts[part]] = 1
        lip = own.picture(own.spread(on_lip[:, None]))[..., 0] > 0.99
        assert seen[lip].mean() > 0.2
    eye = own.picture(own.eye[:, None].astype(np.float32))[..., 0] > 0
    assert seen[eye].sum() > 100
    unseen = owned(own) & (weight == 0) & ~eye & (own.picture(own.skin[:, None])[..., 0] > 0)
    ratio = np.log(texture.rgb[unseen].astype(np.float32) / scene.truth[unseen])
    assert np.quantile(np.abs(ratio - np.median(ratio)), 0.9) < 0.4


def test_the_same_inputs_give_the_same_bytes(turned, chart):
    first, second = blend(turned, chart), blend(turned, prepare_chart(turned.model, SIZE))
    assert first.rgb.tobytes() == second.rgb.tobytes()
    assert first.weight.tobytes() == second.weight.tobytes()


def test_a_larger_original_is_sampled_in_its_own_pixels(tmp_path, frontal, chart):
    """The working image is half as large as the file; colours come from the file."""
    photo = frontal.capture.image[0]
    path = str(tmp_path / "large.png")
    large = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(path, large[..., ::-1])
    capture = frontal.capture.replace(
        path=(path,),
        sha256=(digest(path),),
        image=(np.zeros_like(photo),),
        original_size=[large.shape[:2]],
        working_to_original=[[2.0, 2.0]],
    )
    texture = blend_texture(
        frontal.model, capture, frontal.faces, frontal.fit, None, OPTIONS, chart=chart
    )
    seen = texture.weight.astype(np.float32) > 0.9
    assert psnr(texture.rgb[seen].astype(np.float32), frontal.truth[seen]) > 38


@pytest.mark.slow
def test_a_black_and_white_photo_gives_a_black_and_white_head(tmp_path, chart):
    def without_colour(photo: np.ndarray) -> np.ndarray:
        return np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)

    rgb = blend(make_scene(tmp_path, paint=without_colour), chart).rgb
    assert np.ptp(rgb, axis=2).max() == 0
    assert rgb.astype(np.float32).min() > 0.01


def test_a_photo_finer_than_the_texture_is_averaged_over_whole_pixels():
    checkers = np.indices((600, 800)).sum(axis=0)[..., None] % 2 * np.full(3, 255)
    photo = Photo(checkers.astype(np.uint8), float("nan"), "none")
    points = np.random.default_rng(0).uniform([100, 100], [500, 400], (200, 2))
    crop = crop_face(photo, np.ones(2), points, texels_per_px=0.2)
    assert crop.factor == 5 and crop.linear.shape[0] < 80
    np.testing.assert_allclose(crop.sample(points), 0.5, atol=0.021)  # 12 or 13 of 25
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 60, axis=0) * np.ones(3)
    line = crop_face(
        Photo(ramp.astype(np.uint8), float("nan"), "none"),
        np.ones(2),
        np.array([[40.0, 20], [160, 40]]),
        texels_per_px=0.25,
    )
    at = np.array([[100.0, 30.0]])
    assert linear_to_srgb(line.sample(at))[0, 0] * 255 == pytest.approx(100, abs=0.3)


def test_a_missing_or_changed_original_is_named(tmp_path, frontal, chart):
    def attempt(**changes):
        capture = frontal.capture.replace(**changes)
        blend_texture(
            frontal.model, capture, frontal.faces, frontal.fit, None, OPTIONS, chart=chart
        )

    with pytest.raises(CaptureFailure, match=r"original_missing: .*gone\.png cannot be read"):
        attempt(path=(str(tmp_path / "gone.png"),))
    with pytest.raises(CaptureFailure, match=r"original_missing: .*the import read 0{12}"):
        attempt(sha256=("0" * 64,))
    with pytest.raises(CaptureFailure, match="the import saw 7 x 8 px"):
        attempt(original_size=[[8, 7]])


def test_a_fit_of_another_model_is_refused(frontal, chart):
    with pytest.raises(ShapeError, match=r"fit.vertices has shape \(3, 3\)"):
        blend(frontal, chart, vertices=np.zeros((3, 3)), vertex_sigma_mm=np.zeros(3))
