import cv2
import numpy as np
import pytest
import torch

from lib.artefacts import Surface, Texture
from lib.displacement.chart_map import build_chart_map, finer, similarity
from lib.displacement.facescape import (
    LAB_MEAN,
    LAB_STD,
    FaceScapeNetwork,
    chart_pixels,
    decoded,
    facescape_height,
    inner_corners_mm,
    network_input,
    transferred,
)
from lib.displacement.options import DisplacementOptions
from lib.displacement.template import Template, read_template
from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.render import interpolate, sample_texture, uv_buffers
from lib.uvspace.bare import skin_chart
from lib.uvspace.grid import chart_grid

SIZE = 256
SCALE, SHIFT = 1.3, np.array([5.0, -20.0, 100.0])


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def other_uv(uv):
    """Our chart, smaller, turned, inside the network's part of FaceScape's."""
    turn = np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    return (np.asarray(uv, float) - 0.5) @ turn.T * 0.42 + [0.5, 0.62]


@pytest.fixture(scope="module")
def template(model):
    """Another person's head, larger, elsewhere, with another chart and other vertex numbers."""
    identity = np.random.default_rng(0).normal(0, 0.5, model.n_identity).astype(np.float32)
    shape = model.vertices(identity)
    rows = model.region("skin")
    order = np.random.default_rng(1).permutation(len(shape))
    number = np.argsort(order)
    marks = model.landmarks["ibug68"].on(shape, model.triangles)
    return Template(
        SCALE * shape[order] + SHIFT,
        number[model.triangles[rows]],
        other_uv(model.uv),
        model.uv_triangles[rows],
        SCALE * marks + SHIFT,
    )


@pytest.fixture(scope="module")
def chart_map(model, template):
    return build_chart_map(model, template, SIZE)


@pytest.fixture(scope="module")
def face(model):
    """Texels of the face, and the other chart's uv there."""
    buffers = uv_buffers(model.uv, model.uv_triangles, (SIZE, SIZE))
    inside = np.zeros((model.n_vertices, 1), np.float32)
    inside[model.parts["face_mask"]] = 1
    mask = interpolate(buffers, inside, model.triangles)[..., 0] > 0.99
    return mask, interpolate(buffers, other_uv(model.uv).astype(np.float32), model.uv_triangles)


def test_a_similarity_is_found_again():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    scale, turned, shift = similarity(points, 2.5 * points @ rotation.T + [1, 2, 3])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(turned, rotation, atol=1e-12)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-12)


def test_places_of_the_face_are_found_on_the_other_chart(chart_map, face):
    mask, truth = face
    known = np.isfinite(chart_map.to_theirs).all(axis=2)
    assert known[mask].mean() > 0.98
    millimetres = np.linalg.norm(chart_map.to_theirs - truth, axis=2) / 0.42 * 300
    assert np.median(millimetres[mask & known]) < 1.0
    assert np.percentile(millimetres[mask & known], 95) < 3.0


def test_there_and_back_is_where_one_was(model, chart_map, face):
    mask, _ = face
    back = sample_texture(chart_map.to_ours, np.nan_to_num(chart_map.to_theirs))
    own = (np.indices((SIZE, SIZE)) + 0.5) / SIZE
    millimetres = np.linalg.norm(back - np.stack([own[1], 1 - own[0]], axis=2), axis=2) * 300
    inner = cv2.erode(mask.astype(np.uint8), np.ones((9, 9))) > 0
    known = np.isfinite(millimetres) & inner
    assert known.sum() > 0.9 * inner.sum()
    assert np.percentile(millimetres[known], 95) < 0.5


class Ramp(torch.nn.Module):
    """Height grows with the red of the input."""

    def forward(self, image):
        return image[:, :1] * 0.5


@pytest.fixture(scope="module")
def case(model, chart_map):
    """A textured head; its red is a checker of 4 mm, its weight 1."""
    grid = chart_grid(model, model.mean, SIZE)
    checker = (np.indices((SIZE, SIZE)) // 4).sum(axis=0) % 2
    rgb = np.full((SIZE, SIZE, 3), 0.3)
    rgb[..., 0] = np.where(checker, 0.5, 0.1)
    surface = Surface(
        method="made",
        head_to_world=np.eye(4)[:3],
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=np.zeros((SIZE, SIZE)),
        confidence=np.zeros((SIZE, SIZE)),
        expression_share=np.zeros((SIZE, SIZE)),
    )
    texture = Texture(rgb=rgb, weight=np.ones((SIZE, SIZE)))
    return surface, texture, FaceScapeNetwork(Ramp(), chart_map, model)


def test_what_the_network_says_of_a_place_comes_back_to_that_place(model, case):
    surface, texture, network = case
    options = DisplacementOptions("pix2pixhd", SIZE, lab_transfer=False, coarse_mm=8.0)
    height, confidence = facescape_height(
        surface, texture, skin_chart(model, SIZE), network, options
    )
    used = confidence > 0.9
    assert used.sum() > 4000 and not height[confidence == 0].any()
    pattern = texture.rgb[..., 0].astype(float) - 0.3
    assert np.corrcoef(height[used], pattern[used])[0, 1] > 0.9


def test_the_input_is_black_off_the_face_and_the_texture_on_it(case):
    _, texture, network = case
    image, known = network_input(texture, network)
    assert image.shape == (1024, 1024, 3) and not image[~known].any()
    assert 0.2 < known.mean() < 0.9
    assert image[known].min() > 80 and set(np.unique(image[known][:, 1])) == {149}


def test_colours_are_brought_to_those_of_the_training():
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal([150, 130, 120], 12, (64, 64, 3)), 0, 255).astype(np.uint8)
    known = np.zeros((64, 64), bool)
    known[:, :40] = True
    result = transferred(image, known)
    lab = cv2.cvtColor(result, cv2.COLOR_RGB2LAB)[known].astype(float)
    np.testing.assert_allclose(lab.mean(axis=0), LAB_MEAN, atol=1.5)
    np.testing.assert_allclose(lab.std(axis=0), LAB_STD, atol=1.5)
    np.testing.assert_array_equal(result[~known], image[~known])


def test_heights_are_coded_and_placed_as_facescape_stores_them():
    output = np.zeros((1024, 1024), np.float32)
    output[:512] = 1.0
    pixels = chart_pixels(output)
    assert pixels.shape == (4096, 4096) and pixels.dtype == np.uint16
    assert pixels[600, 1100] == 65535 and pixels[2499, 2999] == 32767
    outside = np.ones((4096, 4096), bool)
    outside[600:2500, 1100:3000] = False
    assert (pixels[outside] == 32768).all()


def test_a_full_scale_is_0_914_mm_on_a_face_whose_eyes_are_40_mm_apart():
    pixels = np.array([[32768, 65536 - 1, 0]], np.uint16)
    np.testing.assert_allclose(decoded(pixels, 40.0), [[0, 0.914, -0.914]], atol=1e-4)
    np.testing.assert_allclose(decoded(pixels, 32.0), [[0, 0.7312, -0.7312]], atol=1e-4)


def test_eyes_are_measured_on_the_surface(model, case):
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    expected = np.linalg.norm(marks[39] - marks[42])
    assert inner_corners_mm(case[0], model) == pytest.approx(expected, abs=1.5)


def test_a_map_of_places_is_made_finer_without_inventing_any():
    places = np.full((4, 4, 2), np.nan, np.float32)
    places[:2] = np.arange(4)[None, :, None]
    fine = finer(places, 8)
    assert np.isfinite(fine[:3]).all() and np.isnan(fine[3:]).all()
    np.testing.assert_allclose(fine[1, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])


def write_obj(path, template, numbers="0 " * 67 + "1"):
    lines = [f"v {x} {y} {z}" for x, y, z in template.vertices[:4]]
    lines += [f"vt {u} {v}" for u, v in template.uv[:4]]
    path.write_text("\n".join([*lines, "f 1/1 2/2 3/3 4/4", "f -4/-4 -3/-3 -2/-2"]) + "\n")
    path.with_suffix(".txt").write_text(numbers)


def test_a_template_is_read_with_polygons_and_relative_numbers(tmp_path, template):
    write_obj(tmp_path / "head.obj", template)
    found = read_template(tmp_path / "head.obj")
    assert found.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    np.testing.assert_array_equal(found.triangles, found.uv_triangles)
    np.testing.assert_allclose(found.landmarks[-1], template.vertices[1])


def test_a_template_with_wrong_landmarks_is_refused(tmp_path, template):
    write_obj(tmp_path / "head.obj", template, "1 2 3")
    with pytest.raises(ConfigError, match="has 3 numbers up to 3, expected 68"):
        read_template(tmp_path / "head.obj")


def test_a_missing_template_says_what_is_needed(tmp_path):
    with pytest.raises(MissingModelError, match=r"displacement\.template names an OBJ"):
        read_template(tmp_path / "head.obj")
