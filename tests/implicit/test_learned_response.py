import numpy as np
import pytest
import torch

from lib.errors import ConfigError, MissingModelError, ShapeError
from lib.implicit.learned import footprints, learned_view, respond_learned
from lib.networks.checkpoints import count_parameters
from lib.networks.matcher import REACH_PX, Matcher, load_matcher, sample
from lib.render import Camera

ROWS, COLS, DEPTH = 4, 5, 7
OFFSETS = (np.arange(DEPTH) - DEPTH // 2) * 1.0


def network(seed=0):
    torch.manual_seed(seed)
    return Matcher().eval()


def camera(angle, distance=300.0, focal=260.0, centre=(60.0, 50.0)):
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, 0, s], [0, -1, 0], [s, 0, -c]])
    return Camera(np.column_stack([rotation, [0, 0, distance]]), focal, np.array(centre))


def scene(views=4, size=(100, 120)):
    chance = np.random.default_rng(0)
    images = [chance.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(views)]
    cameras = [camera(0.25 * (k - 1.5)) for k in range(views)]
    position = chance.uniform(-15, 15, (ROWS, COLS, 3)).astype(np.float32)
    normal = np.tile(np.float32([0, 0, 1]), (ROWS, COLS, 1))
    mask = np.ones((ROWS, COLS), bool)
    mask[0, 0] = False
    seen = chance.uniform(0.3, 1, (views, ROWS, COLS)).astype(np.float32)
    return [position, normal, mask, OFFSETS, images, cameras, seen]


def test_it_answers_between_0_and_1_on_the_mask_alone():
    found = respond_learned(*scene(), network())
    assert found.shape == (DEPTH, ROWS, COLS) and found.dtype == np.float32
    assert (found[:, 0, 0] == 0).all()
    inside = found[:, scene()[2]]
    assert (inside > 0).all() and (inside < 1).all() and np.ptp(inside) > 1e-3


@pytest.mark.parametrize("num_sample", [1, 19, 133])
def test_chunks_change_nothing(num_sample):
    whole = respond_learned(*scene(), network())
    parts = respond_learned(*scene(), network(), num_sample=num_sample)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_the_order_of_views_says_nothing():
    turned = [item[::-1] if index in (4, 5, 6) else item for index, item in enumerate(scene())]
    found = respond_learned(*turned, network())
    np.testing.assert_allclose(found, respond_learned(*scene(), network()), atol=1e-6)


def test_a_view_that_does_not_see_a_texel_does_not_count_there():
    five, four = scene(5), scene(5)
    five[6][4] = 0
    for index in (4, 5, 6):
        four[index] = four[index][:4]
    np.testing.assert_allclose(
        respond_learned(*five, network()), respond_learned(*four, network()), atol=1e-6
    )


def test_fewer_than_two_views_say_nothing():
    given = scene()
    given[6][1:, 2, 3] = 0
    found = respond_learned(*given, network())
    assert (found[:, 2, 3] == 0).all() and (found[:, 2, 2] > 0).all()


def test_views_weigh_an_outlier_down():
    """With weights drawn at random, too: agreement is part of the architecture."""
    chance = torch.Generator().manual_seed(0)
    value = torch.rand(6, 24, 1, generator=chance).mean(0, keepdim=True).repeat(6, 1, 1)
    value += 0.01 * torch.randn(value.shape, generator=chance)
    outlier = value.clone()
    outlier[5] += 3.0
    net, valid = network(), torch.ones(6, 1, dtype=torch.bool)
    with torch.no_grad():
        spread = net._compare(outlier, valid, torch.zeros(6, 1))[:24]
    assert spread.mean() < outlier.std(0, unbiased=False).mean() / 3


def test_offsets_count_from_the_centre_of_each_texel():
    given = scene()
    centre = np.random.default_rng(5).integers(-2, 3, (ROWS, COLS)).astype(np.float32)
    found = respond_learned(*given, network(), centre_mm=centre)
    given[3] = np.arange(-5.0, 6.0)
    wide = respond_learned(*given, network())
    for row in range(ROWS):
        for col in range(COLS):
            first = 5 - DEPTH // 2 + int(centre[row, col])
            expected = wide[first : first + DEPTH, row, col]
            np.testing.assert_allclose(found[:, row, col], expected, atol=2e-5)


@pytest.mark.parametrize(("interval", "factor"), [(0.2, 1), (1.9, 1), (2.4, 2), (5.0, 4)])
def test_a_pixel_is_no_larger_than_the_step_of_hypotheses_if_it_can_be(interval, factor):
    image = np.zeros((128, 128, 3), np.uint8)
    view = learned_view(image, camera(0.0), np.zeros((1, 3)), interval)
    assert view.pixel_mm == pytest.approx(factor * 300 / 260)
    assert footprints([view], interval)[0] == pytest.approx(view.pixel_mm / interval)


@pytest.mark.parametrize("interval", [0.5, 3.0, 9.0])
def test_cutting_and_reducing_move_the_camera_along(interval):
    image = np.zeros((400, 480, 3), np.uint8)
    cam = camera(0.3, focal=1000.0, centre=(250.0, 180.0))
    point = np.array([12.0, -7.0, 4.0])
    x, y, z = cam.world_to_camera @ np.append(point, 1)
    column, row = np.rint(np.array([x, y]) / z * cam.focal_px + cam.centre_px).astype(int)
    rows, cols = np.mgrid[:400, :480]
    blob = np.exp(-((rows - row) ** 2 + (cols - column) ** 2) / (2 * 20.0**2))
    image[:] = np.rint(255 * blob)[..., None]
    view = learned_view(image, cam, point[None], interval)
    pixels = view.image[0, 0].double().numpy()
    assert pixels.size < image[..., 0].size / 2
    u, v, w = view.projection.numpy() @ np.append(point, 1)
    ys, xs = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    peak = pixels**8
    centre = [(peak * xs).sum() / peak.sum(), (peak * ys).sum() / peak.sum()]
    np.testing.assert_allclose(centre, [u / w, v / w], atol=0.6)


def test_features_of_the_part_are_those_of_the_whole():
    chance = np.random.default_rng(2)
    image = chance.integers(0, 256, (200, 240, 3), dtype=np.uint8)
    cam = camera(0.1, focal=300.0, centre=(120.0, 100.0))
    points = chance.uniform(-20, 20, (30, 3))
    net = network()
    far = np.array([[900.0], [-900.0]])
    part, whole = (learned_view(image, cam, given, 0.2) for given in (points, far * [1, 1, 0]))
    assert part.image.shape[2] < 150 < 200 == whole.image.shape[2]
    place = torch.tensor(points, dtype=torch.float32)
    with torch.no_grad():
        one, other = (sample(net.features(v.image), v.projection, place) for v in (part, whole))
    assert one[1].all() and other[1].all()
    torch.testing.assert_close(one[0], other[0], atol=2e-3, rtol=2e-3)
    assert REACH_PX == 24


def test_a_point_outside_or_behind_is_not_inside():
    net, cam = network(), camera(0.0)
    view = learned_view(np.zeros((100, 120, 3), np.uint8), cam, np.zeros((1, 3)), 1.0)
    points = torch.tensor([[0.0, 0, 0], [500, 0, 0], [0, 0, 400]])
    value, inside = sample(net.features(view.image), view.projection, points)
    assert inside.tolist() == [True, False, False]
    assert (value[:, 1:] == 0).all()


def test_a_file_of_weights_gives_the_same_answers(tmp_path):
    net = network(3)
    torch.save({"model": net.state_dict()}, tmp_path / "matcher.pt")
    np.testing.assert_array_equal(
        respond_learned(*scene(), net),
        respond_learned(*scene(), load_matcher(tmp_path / "matcher.pt")),
    )
    with pytest.raises(MissingModelError, match="train_implicit"):
        load_matcher(tmp_path / "none.pt")


def test_it_is_a_small_network():
    assert count_parameters(network()) < 30_000


def test_mistakes_are_told():
    given = scene()
    given[6] = given[6][:2]
    with pytest.raises(ShapeError, match="seen"):
        respond_learned(*given, network())
    with pytest.raises(ConfigError, match="num_sample 0"):
        respond_learned(*scene(), network(), num_sample=0)
