"""The head model as the detail layer is trained with it: outline, chart, relief, augmentation."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from detail_photos import example_of, random_code, write_photos

from lib.facemodel import load_face_model
from lib.facemodel.bfm import detail_layer_model, read_detail_layer
from lib.facemodel.points86 import MIRRORED86
from lib.networks.checkpoints import CheckpointError
from lib.networks.vggface import CoarseLayout, VggFace
from lib.training.coarse.augment import MIRRORED68
from lib.training.detail_layer.augment import NO_CHANGE, Change, changed, draw_change
from lib.training.detail_layer.face import (
    DetailFace,
    chart_difference,
    coarse_picture,
    fine_picture,
    seen_outline,
)
from lib.training.detail_layer.likeness import gradient_likeness, load_recognition
from lib.training.detail_layer.options import DetailTrainingOptions, filled
from lib.training.detail_layer.task import Asked, CoarseDetailTask, FineDetailTask, asked
from lib.training.detail_layer.tfrecord import DetailExample, find_records
from tests.facemodel.bfm_files import small_bfm
from tests.facemodel.detail_layer_files import landmarks86, write_detail_layer

CPU = torch.device("cpu")
CHART = 64
TINY = filled(
    DetailTrainingOptions(width=0.03, input_px=32, chart_px=CHART, steps=1, batch=1), "fine"
)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def face(model):
    return DetailFace.of_model(model, CHART, CPU)


@pytest.fixture(scope="module")
def photo():
    return torch.full((1, 300, 300, 3), 90.0)


def turned(face, yaw):
    """A plain face under plain light, turned to a side."""
    code = random_code(face, 0)
    pose = torch.tensor([[0.0, yaw, 0, 0, 0, 0]])
    plain = {name: torch.zeros_like(getattr(code, name)) for name in ("identity", "expression")}
    return replace(code, pose=pose, albedo=torch.zeros_like(code.albedo), **plain)


def test_the_outline_of_a_turned_face_lies_along_its_silhouette(face, photo):
    """Known vertices are next to pixels that show nothing or lie far behind, for the most part."""
    picture = coarse_picture(face, turned(face, 0.6), photo)
    outline = seen_outline(face, picture)
    assert outline.points.shape == (1, 18, 2) and outline.known.sum() > 20
    depth = torch.where(picture.drawn.raster.mask[0], picture.drawn.depth[0], -1000.0).numpy()
    low = -torch.nn.functional.max_pool2d(-torch.tensor(depth)[None], 9, 1, 4)[0].numpy()
    places = outline.contour[0][outline.known[0]].numpy().astype(int).clip(0, 299)
    jump = depth[places[:, 1], places[:, 0]] - low[places[:, 1], places[:, 0]]
    assert np.median(jump) > 15  # px of depth within 4 px
    mouth = outline.contour[0][outline.known[0]] - picture.marks[0, 66:86].mean(0)
    assert mouth.norm(dim=-1).min() > 20  # px: lips have an outline of their own
    turned_away = outline.facing[0] <= 0
    assert 3 < turned_away[:17].sum() < 12  # the far side of the jaw alone


def test_the_chart_shows_nothing_where_photo_and_picture_agree(face, photo):
    code = turned(face, 0.2)
    picture = coarse_picture(face, code, photo)
    same = chart_difference(face, picture, picture.composed)
    assert same.abs().max() == 0
    other = chart_difference(face, picture, (picture.composed + 25.5).clamp(0, 255))
    assert float(other[:, :, CHART // 2 - 8, CHART // 2].mean()) == pytest.approx(0.2, abs=0.02)


def test_relief_moves_the_dense_mesh_along_z_where_it_may(face, photo):
    code = turned(face, 0.0)
    picture = coarse_picture(face, code, photo)
    nothing = torch.zeros(1, CHART, CHART)
    flat = fine_picture(face, code, picture, nothing, photo).points
    moved = fine_picture(face, code, picture, nothing + 0.5, photo).points
    at = face.movable[:, face.texel[:, 0], face.texel[:, 1]]
    torch.testing.assert_close(moved[..., 2] - flat[..., 2], 0.5 * at, atol=1e-4, rtol=0)
    assert torch.equal(moved[..., :2], flat[..., :2]) and at.max() == 1


@pytest.mark.parametrize("part", ["coarse", "fine"])
def test_every_weight_of_a_network_gets_a_gradient(part, face, model, tmp_path):
    path = write_photos(tmp_path / "a.tfrecords", [example_of(face, model, 3)])
    options = replace(TINY, width=0.12)
    coarse = CoarseDetailTask(face, find_records(path), options, CPU)
    torch.manual_seed(0)
    network, task = coarse.network(), coarse
    item = asked(coarse.example(0))
    if part == "fine":
        task = FineDetailTask(face, find_records(path), options, CPU, network)
        network = task.network()
    terms = task.terms(network, item)
    sum(terms.values()).backward()
    silent = [n for n, p in network.named_parameters() if not p.grad.abs().max() > 0]
    assert not silent
    if part == "fine":
        assert not any(p.requires_grad for p in task.coarse.parameters())


def test_the_published_background_enters_where_one_mesh_alone_is(face, model, tmp_path):
    """Pixels that only the coarse head covers count its whole depth against -1."""
    path = write_photos(tmp_path / "a.tfrecords", [example_of(face, model, 0)])
    coarse = CoarseDetailTask(face, find_records(path), TINY, CPU).network()
    found = {}
    for silhouette in ("both", "published"):
        options = replace(TINY, silhouette=silhouette)
        task = FineDetailTask(face, find_records(path), options, CPU, coarse)
        _, before = task._coarse_face(asked(task.example(0)))
        nothing = torch.zeros(1, CHART, CHART)
        code = task.coarse(asked(task.example(0)).crop)
        after = fine_picture(face, code, before, nothing, asked(task.example(0)).photo)
        found[silhouette] = float(task._size(nothing, before, after))
    assert found["published"] > found["both"] + 0.01


def example():
    chance = np.random.default_rng(0)
    image = chance.integers(0, 200, (300, 300, 3), np.uint8)
    return DetailExample(
        image,
        chance.uniform(0, 300, (68, 2)).astype(np.float32),
        chance.uniform(0, 300, (86, 2)).astype(np.float32),
        chance.integers(0, 19, (300, 300)).astype(np.uint8),
    )


def test_a_mirrored_photo_has_its_points_and_labels_on_the_other_side():
    one = example()
    one.image[40, 30], one.labels[40, 30] = 255, 4
    one.points86_px[0] = [30.5, 40.5]  # the middle of that pixel
    once = changed(one, Change(np.ones(3), True, 1.0))
    x, y = once.points86_px[16]
    assert (once.image[int(y), int(x)] == 255).all() and once.labels[int(y), int(x)] == 5
    twice = changed(once, Change(np.ones(3), True, 1.0))
    for name in ("image", "labels"):
        assert np.array_equal(getattr(twice, name), getattr(one, name))
    np.testing.assert_allclose(twice.points68_px, one.points68_px, atol=1e-4)
    assert (MIRRORED86[MIRRORED86] == np.arange(86)).all()
    assert (MIRRORED68[MIRRORED68] == np.arange(68)).all()


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_a_scaled_photo_has_its_points_where_their_pixels_went(scale):
    one = example()
    one.image[:], one.labels[:] = 0, 0
    one.image[100:104, 200:204], one.labels[100:104, 200:204] = 255, 7
    one.points86_px[5] = [202, 102]
    found = changed(one, Change(np.ones(3), False, scale))
    weight = found.image[..., 0].astype(float)
    rows, columns = np.mgrid[:300, :300] + 0.5
    middle = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(found.points86_px[5], middle, atol=0.05)
    labelled = np.argwhere(found.labels == 7).mean(0)[::-1] + 0.5
    np.testing.assert_allclose(labelled, middle, atol=0.6)


def test_colours_never_pass_white():
    one = example()
    one.image[0, 0] = [250, 100, 199]
    found = changed(one, Change(np.array([1.2, 1.2, 1.2]), False, 1.0)).image
    assert found[0, 0].tolist() == [255, 120, 239]  # red is held by its brightest pixel
    assert np.array_equal(changed(one, NO_CHANGE).image, one.image)


def test_draws_keep_their_ranges_and_hang_on_nothing_else():
    options = DetailTrainingOptions()
    draws = [draw_change(options, np.random.default_rng(k)) for k in range(300)]
    gains, scales = np.array([d.gain for d in draws]), np.array([d.scale for d in draws])
    assert 0.8 <= gains.min() < 0.82 and 1.18 < gains.max() <= 1.2
    assert 0.9 <= scales.min() < 0.91 and 1.09 < scales.max() <= 1.1
    assert 120 < sum(d.flip for d in draws) < 180
    still = draw_change(replace(options, flip=False), np.random.default_rng(0))
    assert still.scale == draws[0].scale and not still.flip


def test_likeness_by_gradients_knows_a_picture_from_another(face, model):
    items = [asked(example_of(face, model, k)) for k in (1, 2)]
    first, second = items

    def away(a, b):
        return float(gradient_likeness(a.crop, b.crop, a.points86_px, b.points86_px))

    assert away(first, first) == pytest.approx(0, abs=1e-5)
    assert away(first, second) > 0.02


def test_likeness_by_vgg_face_is_the_mean_square_of_fc7(tmp_path):
    torch.manual_seed(0)
    network = VggFace((2, 2, 2, 2, 2), 4, 32)
    content = {"model": network.state_dict(), "average": torch.tensor([1.0, 2, 3])}
    torch.save(content, tmp_path / "vggface.pt")
    pictures, photos = 255 * torch.rand(2, 1, 3, 32, 32)
    marks = torch.zeros(1, 86, 2)
    raw = load_recognition(str(tmp_path / "vggface.pt"), "published", CPU)
    with torch.no_grad():
        expected = ((network(pictures) - network(photos)) ** 2).mean()
        mean = torch.tensor([1.0, 2, 3]).view(3, 1, 1)
        taken = ((network(pictures - mean) - network(photos - mean)) ** 2).mean()
    assert torch.equal(raw(pictures, photos, marks, marks), expected)
    subtracted = load_recognition(str(tmp_path / "vggface.pt"), "subtracted", CPU)
    assert torch.equal(subtracted(pictures, photos, marks, marks), taken)
    torch.save({"model": {"x": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt lacks conv1_1\.weight"):
        load_recognition(str(tmp_path / "other.pt"), "published", CPU)


def relief_of(size, seed=1):
    """(1, size, size) mm of smooth random bumps, 0.35 mm root mean square."""
    kernel = cv2.getGaussianKernel(31, size / 40)
    noise = np.random.default_rng(seed).normal(size=(size, size))
    bumps = cv2.sepFilter2D(noise, -1, kernel, kernel)
    return torch.tensor(0.35 * bumps / bumps.std(), dtype=torch.float32)[None]


class Knowing(torch.nn.Module):
    """A coarse network that knows one face exactly."""

    def __init__(self, code):
        super().__init__()
        self.code = code

    def forward(self, crop):
        return self.code


@pytest.mark.slow
def test_a_fine_network_finds_relief_that_it_was_never_told(model):
    """Shading alone, of one photo whose coarse face and light are exact: signs and sizes agree."""
    side = 128
    face, true = DetailFace.of_model(model, side, CPU), relief_of(side)
    code, plain = random_code(face, 5), torch.full((1, 300, 300, 3), 90.0)
    with torch.no_grad():
        before = coarse_picture(face, code, plain)
        photo = fine_picture(face, code, before, true, plain).composed.round()
    options = replace(TINY, chart_px=side, width=0.25)
    task = FineDetailTask(face, (), options, CPU, Knowing(code))
    nothing = torch.zeros(1, 86, 2)
    labels = torch.ones(1, 300, 300, dtype=torch.uint8)
    item = Asked(photo, nothing[:, :68], nothing, labels)
    torch.manual_seed(0)
    network = task.network()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(80):
        optimiser.zero_grad()
        sum(task.terms(network, item).values()).backward()
        optimiser.step()
    with torch.no_grad():
        found = network(chart_difference(face, before, photo))[0, 0]
    facing = face.chart.unrolled(before.drawn.normals)[0, ..., 2] > 0.3
    where = facing & (face.movable * face.face > 0.9)[0]
    pair = torch.stack([found[where], true[0][where]])
    assert torch.corrcoef(pair)[0, 1] > 0.8
    sizes = pair.std(1).tolist()
    assert sizes[0] == pytest.approx(sizes[1], rel=0.3)


@pytest.mark.slow
def test_a_coarse_network_comes_to_fit_a_photo(face, model, tmp_path):
    path = write_photos(tmp_path / "a.tfrecords", [example_of(face, model, 2)])
    task = CoarseDetailTask(face, find_records(path), TINY, CPU)
    torch.manual_seed(0)
    network = task.network()
    before = task.score(network, 0, CPU)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    item = asked(task.example(0))
    for _ in range(80):
        optimiser.zero_grad()
        sum(task.terms(network, item).values()).backward()
        optimiser.step()
    after = task.score(network, 0, CPU)
    assert after["landmarks_px"] < 0.4 * before["landmarks_px"]
    assert after["photo"] < 0.3 * before["photo"]


def test_a_head_of_the_published_form_is_trained_with_its_own_chart_and_points(model, tmp_path):
    small = small_bfm(model)
    source = read_detail_layer(write_detail_layer(tmp_path / "bfm", small), landmarks86(small))
    published = detail_layer_model(source, "bfm09_53k")
    face = DetailFace.of_model(published, CHART, CPU)
    assert face.layout == CoarseLayout(
        published.n_identity, published.n_expression, published.n_albedo
    )
    path = write_photos(tmp_path / "a.tfrecords", [example_of(face, published, 1)])
    coarse = CoarseDetailTask(face, find_records(path), TINY, CPU)
    network = coarse.network()
    fine = FineDetailTask(face, find_records(path), TINY, CPU, network)
    for task, trained in ((coarse, network), (fine, fine.network())):
        scores = task.score(trained, 0, CPU)
        assert all(np.isfinite(value) for value in scores.values()) and scores["photo"] > 0
