import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from lib.artefacts import BatchReader, Truth
from lib.errors import ConfigError
from lib.geometry import SurfaceTree, to_camera
from lib.render import Camera
from lib.training.scenes import (
    load_scene,
    make_scene,
    moved_smoothly,
    reduced,
    save_scene,
    scene_of_truth,
    true_distance,
)
from lib.training.store import find_sources, open_store, split_sources
from lib.uvspace.grid import chart_grid
from tests.synthetic_head import synthetic_model
from tests.training.worlds import BUMP_MM, TINY, cameras, truth, write_world

EXACT = TINY.__class__(**{**vars(TINY), "base_error_mm": 0.0})


def plane(height, flipped=False):
    """A square of 200 mm at z = height, facing +z or, flipped, -z."""
    corner = np.array(
        [[-100, -100, height], [100, -100, height], [100, 100, height], [-100, 100, height]]
    )
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    return SurfaceTree(corner, triangles[:, ::-1] if flipped else triangles)


def test_a_true_distance_has_a_sign_and_a_missed_surface_is_nan_not_0():
    position = np.zeros((1, 4, 3), np.float32)
    position[0, :, 0] = [0, 10, 20, 500]  # the last one misses the square
    normal = np.tile(np.float32([0, 0, 1]), (1, 4, 1))
    mask = np.array([[True, True, False, True]])
    for height in (2.5, -2.5, 0.0):
        found = true_distance(position, normal, mask, plane(height), 5.0)
        np.testing.assert_allclose(found, [[height, height, np.nan, np.nan]], atol=1e-6)


def test_a_surface_out_of_range_or_seen_from_behind_is_not_met():
    position, normal = np.zeros((1, 1, 3), np.float32), np.float32([[[0, 0, 1]]])
    mask = np.ones((1, 1), bool)
    assert np.isnan(true_distance(position, normal, mask, plane(6.0), 5.0))
    assert np.isnan(true_distance(position, normal, mask, plane(2.0, flipped=True), 5.0))


def test_a_scene_knows_how_far_the_truth_is(tmp_path):
    model = synthetic_model()
    scene = scene_of_truth(truth(0, "egg"), "egg", model, EXACT, np.random.default_rng(0))
    known = scene.distance_mm[scene.known]
    assert scene.known.sum() > 100
    # The relief goes away from the middle, the distance along the normal.
    assert 0.6 * BUMP_MM < np.median(known) <= BUMP_MM + 0.05
    assert not scene.known[~scene.mask].any()


def test_the_true_points_of_a_scene_have_the_same_colour_in_all_views_that_see_them():
    model = synthetic_model()
    given = truth(1, "egg")
    options = EXACT.__class__(**{**vars(EXACT), "long_side_px": 0})
    scene = scene_of_truth(given, "egg", model, options, np.random.default_rng(0))
    inner = scene.known & (scene.seen > 0.5).all(axis=0)
    assert inner.sum() > 30
    points = (scene.position + scene.normal * scene.distance_mm[..., None])[inner]
    colours = []
    for image, camera in zip(scene.images, scene.cameras):
        x, y, z = to_camera(points.astype(float), camera.world_to_camera).T
        column, row = (
            camera.focal_px * x / z + camera.centre_px[0],
            camera.focal_px * y / z + camera.centre_px[1],
        )
        colours.append(map_coordinates(image[..., 0].astype(float), [row, column], order=1))
    off = np.abs(colours[0] - colours[2])
    assert np.median(off) < 3 < np.median(np.abs(colours[0] - colours[2][::-1]))


def test_hair_before_the_head_makes_the_truth_unknown():
    given, model = truth(0, "egg"), synthetic_model()
    free = scene_of_truth(given, "egg", model, EXACT, np.random.default_rng(0))
    hidden = given.replace(depth_mm=[np.full_like(depth, np.inf) for depth in given.depth_mm])
    hidden = scene_of_truth(hidden, "egg", model, EXACT, np.random.default_rng(0))
    assert free.known.any() and not hidden.known.any()
    np.testing.assert_array_equal(hidden.mask, free.mask)


def test_a_base_moves_smoothly_by_what_is_asked():
    vertices = np.random.default_rng(0).uniform(-80, 80, (400, 3))
    moved = moved_smoothly(vertices, np.random.default_rng(1), 2.0)
    shift = moved - vertices
    assert np.sqrt((shift**2).sum(1).mean()) == pytest.approx(2.0, rel=1e-4)
    close = moved_smoothly(np.vstack([vertices, vertices + 0.5]), np.random.default_rng(1), 2.0)
    close -= np.vstack([vertices, vertices + 0.5])
    assert np.abs(close[:400] - close[400:]).max() < 0.2
    np.testing.assert_array_equal(
        moved_smoothly(vertices, np.random.default_rng(1), 0.0), vertices.astype(np.float32)
    )


def test_a_reduced_picture_keeps_where_things_are():
    camera = Camera(np.eye(3, 4), 100.0, np.array([40.0, 30.0]))
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:24, 48:52] = 255
    small, other = reduced(image, camera, 20)
    assert small.shape == (15, 20, 3)
    row, column = np.argwhere(small[..., 0] == 255)[0]
    ray = (np.array([49.5, 21.5]) - camera.centre_px) / camera.focal_px
    np.testing.assert_allclose(other.focal_px * ray + other.centre_px, [column, row])
    assert reduced(image, camera, 0)[1] is camera


def test_a_single_photo_is_refused_with_what_to_draw_instead():
    model = synthetic_model()
    grid = chart_grid(model, model.mean, 16)
    with pytest.raises(ConfigError, match=r"has 1 view.*synthesis\.kind: octet"):
        make_scene("x", "x", [np.zeros((8, 8, 3), np.uint8)], cameras()[:1], grid, plane(0.0), TINY)


def test_a_scene_comes_back_from_its_file(tmp_path):
    scene = scene_of_truth(
        truth(0, "egg"), "egg", synthetic_model(), TINY, np.random.default_rng(0)
    )
    save_scene(tmp_path / "scene.npz", scene)
    found = load_scene(tmp_path / "scene.npz")
    for name, value in vars(scene).items():
        if name in ("images", "cameras"):
            for one, other in zip(getattr(found, name), value, strict=True):
                parts = zip(one, other) if name == "cameras" else [(one, other)]
                assert all(np.array_equal(a, b) for a, b in parts)
        else:
            np.testing.assert_array_equal(getattr(found, name), value)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"), 3)


def test_scenes_are_prepared_once_and_alike_in_any_order(world, tmp_path):
    sources = find_sources([str(world)])
    first, second = (open_store(sources, tmp_path / name, TINY) for name in "ab")
    first.prepare()
    for rank in (1, 0):
        second.prepare(rank, 2)
    for index in range(3):
        one, other = first[index], second[index]
        np.testing.assert_array_equal(one.distance_mm, other.distance_mm)
        np.testing.assert_array_equal(one.position, other.position)
    stamp = first.path(0).stat().st_mtime_ns
    first.prepare()
    assert first.path(0).stat().st_mtime_ns == stamp
    assert not np.array_equal(first[0].position, first[1].position)


def test_other_settings_of_preparing_have_files_of_their_own(world, tmp_path):
    sources = find_sources([str(world)])
    places = {
        open_store(sources, tmp_path, TINY.__class__(**{**vars(TINY), **change})).folder
        for change in ({}, {"uv_size": 16}, {"seed": 1}, {"epochs": 9}, {"interval_mm": 0.5})
    }
    assert len(places) == 4  # epochs leave the files valid


def test_nobody_is_in_training_and_validation(world):
    sources = find_sources([str(world)])
    assert [source.subject for source in sources] == ["person_0", "person_1", "person_2"]
    twice = [*sources, *sources]
    train, kept = split_sources(twice, 0.3, 0)
    assert sorted(train + kept) == list(range(6))
    assert not {twice[i].subject for i in train} & {twice[i].subject for i in kept}
    assert len(kept) == 2
    with pytest.raises(ConfigError, match="1 subject, expected at least 2"):
        split_sources(sources[:1], 0.3, 0)


def test_data_that_cannot_be_used_are_named(world, tmp_path):
    with pytest.raises(ConfigError, match="occur twice"):
        find_sources([str(world), str(world)])
    with pytest.raises(ConfigError, match="names nothing"):
        find_sources([])
    with pytest.raises(ConfigError, match=r"photo\.jpg, expected a shard"):
        find_sources(["photo.jpg"])


def test_the_world_of_these_tests_is_a_truth(world):
    with BatchReader(world, Truth) as shard:
        assert len(shard.captures) == 3
