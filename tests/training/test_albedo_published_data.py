"""The prepared photos of 3DFaceTexture: written, read, checked, and turned into samples."""

from types import SimpleNamespace

import numpy as np
import pytest

from lib.albedo.face_chart import face_chart
from lib.errors import ConfigError
from lib.facemodel import load_face_model
from lib.facemodel.object_frame import object_origin
from lib.geometry.crop_camera import image_up, posed, to_object
from lib.training.albedo.published_data import (
    PARTS,
    PublishedPhoto,
    read_published,
    sample_of_published,
    write_published,
)
from tests.synthetic_head import synthetic_model


def photo(name, seed=0):
    rng = np.random.default_rng(seed)
    mask = np.zeros((224, 224), np.float32)
    mask[60:160, 70:150] = 1
    maps = rng.uniform(0.2, 0.8, (2, 256, 256, 3)).astype(np.float32)
    maps[1, :50] = 0
    crop = np.full((224, 224, 3), (180, 120, 60), np.uint8)
    return PublishedPhoto(name, crop, maps[0], maps[1], mask, rng.normal(size=257).astype("f4"))


@pytest.fixture
def folder(tmp_path):
    write_published(tmp_path, [photo("b", 1), photo("a", 2)])
    return tmp_path


def test_what_was_written_is_read_in_the_order_of_the_list(folder):
    assert (folder / "file_list.txt").read_text() == "b.jpg\na.jpg\n"
    one, two = read_published(folder)
    assert (one.name, two.name) == ("b", "a")
    for found, wanted in ((one, photo("b", 1)), (two, photo("a", 2))):
        for part in ("coarse", "photo", "mask", "code"):
            np.testing.assert_array_equal(getattr(found, part), getattr(wanted, part))
        assert np.abs(found.crop.astype(int) - wanted.crop).max() <= 3


def test_alpha_is_dropped_and_bytes_are_scaled(folder):
    path = folder / "outputs" / "tex_map" / "b.npy"
    plain = np.load(path)
    alpha = np.concatenate([255 * plain, np.full((256, 256, 1), 255)], axis=2)
    np.save(path, alpha.astype(np.float32))
    np.testing.assert_allclose(read_published(folder)[0].coarse, plain, atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "outputs/img/a.jpg").unlink(), r"names a\.jpg, but .*a\.jpg is not there"),
        (lambda f: (f / "outputs/gen_mask/b.npy").unlink(), r"gen_mask/b\.npy is not there\. docs"),
        (
            lambda f: np.save(f / "outputs/tex_map/b.npy", np.zeros((128, 256, 3))),
            r"b\.npy has shape \(128, 256, 3\), expected \(256, 256, '3 or 4'\)",
        ),
        (
            lambda f: np.save(f / "outputs/params.npy", np.zeros((3, 257))),
            r"params\.npy has shape \(3, 257\), expected \(2, 257\)",
        ),
    ],
)
def test_what_is_missing_or_misshapen_is_named(folder, damage, message):
    damage(folder)
    with pytest.raises(ConfigError, match=message):
        read_published(folder)


def test_a_code_of_another_head_is_refused():
    chart = face_chart(synthetic_model(), 256)
    with pytest.raises(ConfigError, match=r"80, 64 and 80 modes, head model 'synthetic' has 4, 3"):
        sample_of_published(photo("a"), chart)


def test_pixels_look_up_the_texels_that_the_published_camera_sees():
    """A head with 80, 64 and 80 modes, though not of the Basel model."""
    makehuman = load_face_model("makehuman")
    head = SimpleNamespace(**{k: getattr(makehuman, k) for k in (
        "mean", "triangles", "uv", "uv_triangles", "parts", "n_vertices", "mirror", "region",
        "region_names", "name", "landmarks", "triangle_region",
    )}, n_identity=80, n_expression=64, n_albedo=80,
        vertices=lambda *_: makehuman.mean)  # fmt: skip
    chart = face_chart(head, 256)
    given = photo("a")
    given.code[PARTS["angles"]] = 0.05, -0.2, 0.02
    given.code[PARTS["translation"]] = 0.05, 0.1, 0.0
    given.mask[:] = 1
    sample = sample_of_published(given, chart)
    shown = sample.mask > 0
    assert shown.sum() > 3000
    position = chart.drawn(makehuman.mean)  # mm at each texel
    rows, columns = np.nonzero(shown)
    u, v = sample.place[rows, columns].T
    at = position[np.minimum(v * 256, 255).astype(int), np.minimum(u * 256, 255).astype(int)]
    object_mm = to_object(at.astype(np.float64), object_origin(head))
    pose = given.code[PARTS["angles"]], given.code[PARTS["translation"]]
    up = image_up(posed(object_mm, *pose))
    seen = np.stack([columns + 0.5, 224 - (rows + 0.5)], axis=1)
    assert np.median(np.linalg.norm(up - seen, axis=1)) < 1.0  # half a texel and half a pixel
    assert (sample.gamma == given.code[PARTS["light"]]).all()
    assert not sample.known.any() and not sample.seen[:50].any()
