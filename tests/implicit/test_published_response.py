import numpy as np
import pytest
import torch

from lib.errors import ConfigError, ShapeError
from lib.implicit.published import (
    chunks,
    normalised_distances,
    published_view,
    respond_published,
)
from lib.networks.mvfr import ImplicitNet
from lib.render import Camera

ROWS, COLS, DEPTH = 3, 4, 5
OFFSETS = (np.arange(DEPTH) - DEPTH // 2) * 0.5


def network(seed=0):
    torch.manual_seed(seed)
    return ImplicitNet(widths=(129, 16, 1)).eval()


def camera(angle, distance=60.0, focal=50.0, centre=(20.0, 14.0)):
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, 0, s], [0, -1, 0], [s, 0, -c]])
    return Camera(np.column_stack([rotation, [0, 0, distance]]), focal, np.array(centre))


def scene(views=3, sizes=((30, 42),)):
    chance = np.random.default_rng(0)
    images = [
        chance.integers(0, 256, (*sizes[k % len(sizes)], 3), dtype=np.uint8) for k in range(views)
    ]
    cameras = [camera(0.3 * (k - 1)) for k in range(views)]
    position = chance.uniform(-8, 8, (ROWS, COLS, 3)).astype(np.float32)
    normal = chance.normal(size=(ROWS, COLS, 3)).astype(np.float32) * 0.4  # no unit vectors
    mask = np.ones((ROWS, COLS), bool)
    mask[1, 2] = False
    return position, normal, mask, OFFSETS, images, cameras


def test_the_response_is_that_of_each_point_by_itself():
    position, normal, mask, offsets, images, cameras = scene()
    net = network()
    found = respond_published(*scene(), net, long_side_px=0)
    with torch.no_grad():
        views = [published_view(*pair, long_side_px=0) for pair in zip(images, cameras)]
        features = [net.features(view.image) for view in views]
        for layer, row, col in ((0, 0, 0), (4, 2, 3), (2, 1, 1)):
            point = torch.tensor(position[row, col] + normal[row, col] * np.float32(offsets[layer]))
            told = torch.tensor([2 * (layer - 2) / DEPTH])
            one = net.respond(features, [v.projection for v in views], point[None], told)
            assert found[layer, row, col] == pytest.approx(one.item(), abs=1e-5)
    assert found.shape == (DEPTH, ROWS, COLS) and found.dtype == np.float32
    assert (found[:, 1, 2] == 0).all() and (found[:, mask] > 0).all()
    assert np.ptp(found[:, mask]) > 0.01


@pytest.mark.parametrize("num_sample", [1, 11, 55, 54, 1000])
def test_chunks_change_nothing_even_where_they_end_exactly(num_sample):
    assert scene()[2].sum() * DEPTH == 55
    whole = respond_published(*scene(), network(), long_side_px=0)
    parts = respond_published(*scene(), network(), long_side_px=0, num_sample=num_sample)
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_no_chunk_is_empty():
    assert [(c.start, c.stop) for c in chunks(200, 100)] == [(0, 100), (100, 200)]
    assert list(chunks(0, 100)) == []


def test_the_order_of_views_says_nothing():
    position, normal, mask, offsets, images, cameras = scene(4)
    forth = respond_published(*scene(4), network(), long_side_px=0)
    back = respond_published(
        position, normal, mask, offsets, images[::-1], cameras[::-1], network(), long_side_px=0
    )
    np.testing.assert_allclose(forth, back, atol=1e-6)


def test_views_of_several_sizes_and_orientations_go_together():
    found = respond_published(*scene(4, ((30, 42), (50, 32), (24, 24))), network(), long_side_px=72)
    assert np.isfinite(found).all() and np.ptp(found) > 0.001


def test_a_portrait_is_transposed_with_its_camera():
    chance = np.random.default_rng(1)
    image = chance.integers(0, 256, (40, 24, 3), dtype=np.uint8)
    cam = camera(0.2, centre=(11.0, 21.0))
    view = published_view(image, cam, long_side_px=0)
    assert view.image.shape == (1, 3, 24, 40)
    np.testing.assert_array_equal(view.image[0].numpy(), image[..., ::-1].transpose(2, 1, 0))
    point = np.array([2.0, -3.0, 5.0, 1.0])
    x, y, z = cam.world_to_camera @ point
    pixel = np.array([y, x]) / z * cam.focal_px + cam.centre_px[::-1]
    u, v, w = view.projection.numpy() @ point
    np.testing.assert_allclose([u / w * 2, v / w * 2], pixel, rtol=1e-5)


def test_a_landscape_stays_and_keeps_bgr_and_its_range():
    image = np.zeros((6, 8, 3), np.uint8)
    image[2, 5] = (255, 100, 7)
    view = published_view(image, camera(0.0), long_side_px=0)
    assert view.image[0, :, 2, 5].tolist() == [7, 100, 255]


def test_resizing_moves_pixels_and_their_projections_alike():
    image = np.zeros((64, 96, 3), np.uint8)
    image[20:24, 40:44] = 255  # around pixel (41.5, 21.5)
    cam = Camera(np.eye(3, 4), 90.0, np.array([48.0, 30.0]))
    view = published_view(image, cam, long_side_px=192)
    rows, cols = np.nonzero(view.image[0, 0].numpy() > 127)
    ray = np.array([(41.5 - 48) / 90, (21.5 - 30) / 90, 1, 1])
    x, y, w = view.projection.numpy() @ ray
    np.testing.assert_allclose([x / w * 2, y / w * 2], [cols.mean(), rows.mean()], atol=1e-4)


def test_distances_are_told_as_the_published_program_does():
    found = normalised_distances(201)
    assert (found[0], found[100], found[200]) == pytest.approx((-200 / 201, 0, 200 / 201))
    assert normalised_distances(4).tolist() == [-1, -0.5, 0, 0.5]


def test_a_distance_may_be_told_by_the_caller():
    usual = respond_published(*scene(), network(), long_side_px=0)
    same = respond_published(
        *scene(), network(), long_side_px=0, distance=normalised_distances(DEPTH)
    )
    other = respond_published(*scene(), network(), long_side_px=0, distance=np.zeros(DEPTH))
    np.testing.assert_array_equal(usual, same)
    assert (usual != other).any()


def test_pictures_get_the_size_that_the_network_was_trained_on():
    net = network()
    net.long_side_px = 84
    usual = respond_published(*scene(), net)
    np.testing.assert_array_equal(usual, respond_published(*scene(), net, long_side_px=84))
    assert not np.allclose(usual, respond_published(*scene(), net, long_side_px=0), atol=1e-4)


def test_mistakes_are_told():
    position, normal, mask, offsets, images, cameras = scene()
    with pytest.raises(ConfigError, match="1 views, expected at least 2"):
        respond_published(position, normal, mask, offsets, images[:1], cameras[:1], network())
    with pytest.raises(ShapeError, match="cameras"):
        respond_published(position, normal, mask, offsets, images, cameras[:2], network())
    with pytest.raises(ShapeError, match="normal"):
        respond_published(position, normal[:1], mask, offsets, images, cameras, network())
    with pytest.raises(ConfigError, match="num_sample is 0"):
        respond_published(*scene(), network(), num_sample=0)
