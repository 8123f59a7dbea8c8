"""Samples hold the truth where the photo shows it, however the fitted base lies."""

from dataclasses import fields

import numpy as np
import pytest

from lib.artefacts import BatchWriter, SkinMask, Truth, digest
from lib.errors import CaptureFailure
from lib.facemodel import load_face_model
from lib.imaging import save_png
from lib.networks.shaded_relief import N_PLANES
from lib.render import sample_texture
from lib.shading.learned import LIGHT_PLANES, SQUEEZE_PLANES, TRUST_PLANE
from lib.synthesis import SynthesisOptions, draw_capture, open_studio
from lib.training import shading_samples
from lib.training.displacement import find_people
from lib.training.shading_augment import changed, cropped, padded
from lib.training.shading_samples import (
    load_sample,
    prepare_photos,
    sample_of,
    save_sample,
    windowed,
)
from lib.uvspace.unwrap import unwrap_face
from tests.posed_head import make_case

SIDE = 256
WORLD = SynthesisOptions(
    height_px=320, width_px=320, maps_px=512, things=0.0, yaw_deg=20, wrinkles=4.0,
    expressions="frown", seed=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def truth(model):
    return draw_capture(open_studio(model), WORLD, 7).truth


@pytest.fixture(scope="module")
def photo(tmp_path_factory, truth):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    save_png(path, truth.image[0])
    return path


def unwrapped(model, truth, photo, identity):
    """The photo on the chart of a head that somebody fitted."""
    made = make_case(model)
    size = truth.image[0].shape[:2]
    capture = made.capture.replace(
        path=[str(photo)],
        sha256=[digest(photo)],
        image=[truth.image[0]],
        original_size=[size],
        centre_px=truth.centre_px,
    )
    fit = made.fit.replace(
        identity=identity,
        expression=truth.expression[None],
        world_to_camera=truth.world_to_camera,
        focal_px=truth.focal_px,
        centre_px=truth.centre_px,
        light=truth.sh_light[None] * truth.exposure[:, None],
        vertices=model.vertices(identity, None),
    )
    skin = SkinMask(probability=[(truth.part[0] > 0) * np.uint8(255)])
    return unwrap_face(model, capture, fit, skin, 0, SIDE)


@pytest.fixture(scope="module")
def sample(model, truth, photo):
    face = unwrapped(model, truth, photo, truth.identity)
    return sample_of(face, np.zeros((SIDE, SIDE, 3), np.float32), truth)


def test_a_sample_has_parts_of_one_shape_that_add_up(sample):
    shape = sample.weight.shape
    assert sample.planes.shape == (N_PLANES, *shape) and sample.texel_mm.shape == (2, *shape)
    np.testing.assert_array_equal(sample.height, sample.resting + sample.driven + sample.middle)
    assert 0.05 < sample.weight.mean() <= 1
    assert np.isfinite(sample.planes).all() and np.isfinite(sample.height).all()
    assert np.abs(sample.driven).max() > 0.05


def test_true_relief_is_found_by_the_photo_and_not_by_the_chart(model, truth, photo, sample):
    """A base that lies too high has other skin at a texel; the truth is of what the photo shows."""
    wave = np.sin(np.arange(512) / 512 * 40 * np.pi)[:, None] * np.full((1, 512), 0.1)
    waved = truth.replace(uv_displacement_mm=wave, uv_resting_mm=wave)
    camera = truth.world_to_camera.copy()
    camera[0, 1, 3] -= 4.0
    raised = truth.replace(world_to_camera=camera)
    face = unwrapped(model, raised, photo, truth.identity)
    found = sample_of(face, np.zeros((SIDE, SIDE, 3), np.float32), waved)
    x, y = np.rint(np.nan_to_num(face.place_px, nan=0)).astype(int).transpose(2, 0, 1)
    shown = np.nan_to_num(truth.uv[0][np.clip(y, 0, 319), np.clip(x, 0, 319)])
    columns, rows = (np.mgrid[:SIDE, :SIDE][::-1] + 0.5) / SIDE
    own_place = np.stack([columns, 1 - rows], axis=2)
    heavy = found.weight > 0.5
    maps = wave[..., None].astype(np.float32)
    by_photo, by_chart = (sample_texture(maps, uv)[heavy][:, 0] for uv in (shown, own_place))
    assert np.corrcoef(found.resting[heavy], by_photo)[0, 1] > 0.93
    assert np.corrcoef(found.resting[heavy], by_chart)[0, 1] < 0.7
    assert not found.driven.any()


def test_the_middle_is_what_the_base_misses(model, truth, photo, sample):
    other = truth.identity + np.random.default_rng(0).normal(0, 1, len(truth.identity))
    face = unwrapped(model, truth, photo, other.astype(np.float32))
    found = sample_of(face, np.zeros((SIDE, SIDE, 3), np.float32), truth)
    missed, own = (np.sqrt(np.average(s.middle**2, weights=s.weight)) for s in (found, sample))
    assert missed > 0.3 and missed > 1.3 * own  # `own` is the free form, which no coefficient says


def test_texels_that_show_something_else_do_not_count(model, truth, photo, sample):
    hidden = truth.uv[0].copy()
    face = unwrapped(model, truth, photo, truth.identity)
    middle = int(np.median(face.place_px[face.trust > 0.5][:, 0]))
    hidden[:, :middle] = np.nan  # hair, say, before the left half of the face
    found = sample_of(face, np.zeros((SIDE, SIDE, 3), np.float32), truth.replace(uv=[hidden]))
    left = np.nan_to_num(face.place_px[..., 0], nan=0) < middle - 1
    assert sample.weight[left].any() and not found.weight[left].any()
    assert not found.resting[left].any() and not found.middle[left].any()
    with pytest.raises(CaptureFailure, match=r"The photo shows 0 texels of bare skin"):
        nowhere = truth.replace(uv=[np.full_like(hidden, np.nan)])
        sample_of(face, np.zeros((SIDE, SIDE, 3), np.float32), nowhere)


def test_a_sample_in_a_file_is_the_part_that_counts(sample, tmp_path):
    part = windowed(sample)
    assert part.weight.shape < sample.weight.shape
    assert part.weight.sum() == sample.weight.sum()
    save_sample(tmp_path / "one.npz", part)
    for field in fields(part):
        again = getattr(load_sample(tmp_path / "one.npz"), field.name)
        np.testing.assert_allclose(again, getattr(part, field.name), rtol=1e-3, atol=1e-3)


def test_another_photo_of_a_face_keeps_its_relief_but_mirrored(sample):
    part = windowed(sample)
    ways = set()
    for seed in range(24):
        other = changed(part, np.random.default_rng(seed))
        for flips in ((), (0,), (1,), (0, 1)):
            if np.array_equal(other.resting, np.flip(part.resting, flips)):
                ways.add(flips)
                sign = [-1 if axis in flips else 1 for axis in (1, 0)]
                for plane, one in zip(
                    (*LIGHT_PLANES, SQUEEZE_PLANES[2]), (*sign, sign[0] * sign[1])
                ):
                    before = np.flip(part.planes[plane], flips) * one
                    assert (before * other.planes[plane]).sum() >= 0
                np.testing.assert_array_equal(other.driven, np.flip(part.driven, flips))
        known = other.planes[TRUST_PLANE] > 0
        assert not other.planes[:, ~known].any()
    assert len(ways) == 4


def test_crops_lie_on_the_face_and_small_faces_are_filled_up(sample):
    part = windowed(sample)
    for seed in range(8):
        crop = cropped(part, 64, np.random.default_rng(seed))
        assert crop.weight.shape == (64, 64) and crop.weight.any()
        assert crop.planes.shape == (N_PLANES, 64, 64)
    large = padded(part, 16, 300)
    assert large.weight.shape == (304, 304)
    assert large.weight.sum() == part.weight.sum()
    assert padded(large, 16) is large


def test_a_photo_without_a_face_is_an_empty_file_and_nothing_is_made_twice(
    truth, sample, tmp_path, monkeypatch
):
    with BatchWriter(tmp_path / "shard_0000.h5", Truth, "synthesise") as writer:
        for k in range(2):
            writer.add(f"photo_{k:06d}", truth.replace(subject=f"one_{k}"))
    made = []

    class Maker:
        def __init__(self, model, landmark_models):
            assert model.name == "makehuman"

        def make(self, truth):
            made.append(truth.subject)
            if truth.subject == "one_1":
                raise CaptureFailure("no_face", "There is none.")
            return sample

    monkeypatch.setattr(shading_samples, "SampleMaker", Maker)
    sources = find_people([str(tmp_path / "shard_0000.h5")], "train_shading")
    for _ in range(2):
        files = prepare_photos(sources, tmp_path / "kept", "", tmp_path)
    assert made == ["one_0", "one_1"]
    assert files[0].stat().st_size and not files[1].stat().st_size
