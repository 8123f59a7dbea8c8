"""Readers of benchmark folders, on tiny folders of the same layout."""

import json

import numpy as np
import pytest

from lib.metrics.importers import (
    DatasetError,
    read_300w,
    read_facescape_benchmark,
    read_facescape_captures,
    read_fair,
    read_h3ds,
    read_mesh,
    read_now,
    read_realy,
    read_shiq,
)

SEVEN = np.arange(21.0).reshape(7, 3)
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def put_array(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def picked_points(count=7):
    rows = [
        f'<point x="{x}" y="{y}" z="{z}" active="1" name="{i}"/>'
        for i, (x, y, z) in enumerate(np.arange(3.0 * count).reshape(count, 3))
    ]
    return "<!DOCTYPE PickedPoints>\n<PickedPoints>" + "\n".join(rows) + "</PickedPoints>"


# NoW


@pytest.fixture
def now(tmp_path):
    put(tmp_path / "list.txt", "S1/selfie/a.jpg\n./S1/multiview_neutral/b.jpg\n")
    put(tmp_path / "scans/S1/scan.obj", TRIANGLE)
    put(tmp_path / "marks/S1/scan.pp", picked_points(8))
    put(tmp_path / "ours/S1/selfie/a.obj", TRIANGLE)
    put_array(tmp_path / "ours/S1/selfie/a.npy", SEVEN)
    return [tmp_path / name for name in ("list.txt", "scans", "marks", "ours")]


def test_now_gives_images_in_the_lists_order_and_says_which_are_missing(now):
    first, second = read_now(*now)
    assert (first.subject, first.challenge, first.name) == ("S1", "selfie", "a")
    np.testing.assert_array_equal(first.points, SEVEN)
    np.testing.assert_array_equal(first.scan_points, SEVEN)
    assert first.scan.name == "scan.obj"
    assert (second.challenge, second.prediction, second.points) == ("multiview_neutral", None, None)


def test_now_takes_points_from_text_too(now):
    np.savetxt(now[3] / "S1/selfie/a.txt", SEVEN)
    (now[3] / "S1/selfie/a.npy").unlink()
    np.testing.assert_array_equal(next(read_now(*now)).points, SEVEN)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: put(p[0], "a.jpg\n"), "expected subject/challenge/image"),
        (lambda p: put(p[0], "\n"), "nothing to score"),
        (lambda p: put(p[0], "S2/selfie/a.jpg"), r"no \*.obj, expected the scan of S2"),
        (lambda p: put(p[2] / "S1/scan.pp", picked_points(3)), "3 points, expected 7"),
        (lambda p: put(p[2] / "S1/scan.pp", "<a"), "no MeshLab file"),
        (lambda p: put_array(p[3] / "S1/selfie/a.npy", SEVEN[:5]), "5 points, expected 7"),
        (lambda p: put_array(p[3] / "S1/selfie/a.npy", SEVEN[:, :2]), "shape"),
    ],
)
def test_now_says_what_is_wrong(now, spoil, message):
    spoil(now)
    with pytest.raises(DatasetError, match=message):
        list(read_now(*now))


# REALY


@pytest.fixture
def realy(tmp_path):
    points = "".join(f"v {i} 0 0\n" for i in range(85))
    for subject in (1, 2):
        put(tmp_path / f"data/REALY_HIFI3D_keypoints/{subject}.obj", points)
        for region in ("nose", "mouth", "forehead", "cheek"):
            put(tmp_path / f"data/REALY_scan_region/{subject}/{region}.obj", TRIANGLE)
    put(tmp_path / "data/metrical_scale.txt", "100.0\n110.5\n")
    for name in ("2_1", "1"):
        put(tmp_path / f"ours/{name}.obj", TRIANGLE)
    return tmp_path / "data", tmp_path / "ours"


def test_realy_gives_each_prediction_with_its_subject(realy):
    first, second = read_realy(*realy)
    assert (first.subject, second.subject, second.name) == (1, 2, "2_1")
    assert second.mm_per_unit == 110.5
    assert first.landmarks.shape == (68, 3)
    assert set(first.regions) == {"nose", "mouth", "forehead", "cheek"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d, o: put(o / "9.obj"), "subject 9, expected 1 to 2"),
        (lambda d, o: put(o / "anna.obj"), "expected a number"),
        (lambda d, o: (d / "REALY_scan_region/1/nose.obj").unlink(), "the nose of subject 1"),
        (lambda d, o: put(d / "REALY_HIFI3D_keypoints/1.obj", TRIANGLE), "are 3, expected 85"),
        (lambda d, o: put(d / "metrical_scale.txt", "a\n"), "no table of 1 columns"),
    ],
)
def test_realy_says_what_is_wrong(realy, spoil, message):
    spoil(*realy)
    with pytest.raises(DatasetError, match=message):
        list(read_realy(*realy))


# FaceScape


def test_facescape_gives_the_benchmarks_items(tmp_path):
    put(tmp_path / "wild_gt_mesh/000.obj", TRIANGLE)
    put(tmp_path / "lab_gt_mesh/03.obj", TRIANGLE)
    camera = [np.diag([9.0, 9, 1]).tolist(), np.eye(4)[:3].tolist()]
    path = put(tmp_path / "lab_cam/03_1_10.json", json.dumps(camera))
    (wild,) = read_facescape_benchmark(tmp_path, "wild")
    assert (wild.name, wild.camera, wild.mm_per_unit) == ("000", None, None)
    (lab,) = read_facescape_benchmark(tmp_path, "lab")
    assert (lab.name, lab.truth.name, lab.mm_per_unit) == ("03_1_10", "03.obj", 62.85)
    assert lab.world_to_camera.shape == (3, 4)
    put(path, json.dumps([[1], [2]]))
    with pytest.raises(DatasetError, match=r"expected \(3, 3\)"):
        list(read_facescape_benchmark(tmp_path, "lab"))


def test_facescape_captures_leave_invalid_views_out(tmp_path):
    content = {}
    for view in (0, 1, 10):
        content |= {f"{view}_K": np.eye(4).tolist(), f"{view}_Rt": np.eye(4)[:3].tolist()}
        content |= {f"{view}_distortion": [0.1, 0, 0, 0, 0], f"{view}_valid": view != 1}
        put(tmp_path / f"images/12/1_neutral/{view}.jpg")
    path = put(tmp_path / "images/12/1_neutral/params.json", json.dumps(content))
    put(tmp_path / "scans/12/1_neutral.ply")
    (capture,) = read_facescape_captures(tmp_path / "images", tmp_path / "scans")
    assert (capture.subject, capture.expression) == ("12", "1_neutral")
    assert [image.name for image in capture.images] == ["0.jpg", "10.jpg"]
    assert capture.camera.shape == (2, 3, 3)
    assert capture.scan.name == "1_neutral.ply"
    del content["0_Rt"]
    put(path, json.dumps(content))
    with pytest.raises(DatasetError, match="0_Rt"):
        list(read_facescape_captures(tmp_path / "images", tmp_path / "scans"))


# H3DS


@pytest.fixture
def h3ds(tmp_path):
    scene = tmp_path / "1b2a"
    put(scene / "full_head.obj", TRIANGLE)
    for view in range(2):
        put(scene / f"image/img_{view:04}.jpg")
        put(scene / f"mask/mask_{view:04}.png")
    put(scene / "landmarks.txt", "nose_tip 2\nleft_eye 0\n")
    put(scene / "regions/face.txt", "0\n2\n")
    camera = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    pose = np.column_stack([turn, [1.0, 2, 700]])
    world = np.vstack([camera @ pose, [0, 0, 0, 1]])
    np.savez(scene / "cameras.npz", world_mat_0=world, world_mat_1=-2 * world)
    return scene, camera, pose


def test_h3ds_gives_heads_with_cameras_taken_apart(h3ds):
    scene, camera, pose = h3ds
    (found,) = read_h3ds(scene.parent)
    assert (found.name, len(found.images), len(found.masks)) == ("1b2a", 2, 2)
    np.testing.assert_allclose(found.camera, [camera, camera], atol=1e-9)
    np.testing.assert_allclose(found.world_to_camera, [pose, pose], atol=1e-9)
    assert found.landmarks == {"nose_tip": 2, "left_eye": 0}
    np.testing.assert_array_equal(found.regions["face"], [0, 2])
    assert set(found.regions) == {"face"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: (s / "mask/mask_0001.png").unlink(), "the mask of img_0001.jpg"),
        (lambda s: put(s / "landmarks.txt", "nose"), "not `name vertex`"),
        (lambda s: np.savez(s / "cameras.npz", world_mat_0=np.eye(4)), "world_mat_1"),
        (lambda s: put(s / "regions/face.txt", "x"), "no vertex index"),
    ],
)
def test_h3ds_says_what_is_wrong(h3ds, spoil, message):
    spoil(h3ds[0])
    with pytest.raises(DatasetError, match=message):
        list(read_h3ds(h3ds[0].parent))


# 300-W


def test_300w_counts_pixels_from_zero_and_leaves_mirrored_copies_out(tmp_path):
    text = "version: 1\nn_points:  2\n{\n1.0 2.0\n31.5 40\n}\n"
    for name in ("ibug/image_1", "helen/testset/30_1", "ibug/image_1_mirror"):
        put(tmp_path / f"{name}.pts", text)
    put(tmp_path / "ibug/image_1.jpg")
    put(tmp_path / "helen/testset/30_1.PNG")
    first, second = read_300w(tmp_path)
    assert (first.name, first.subset) == ("helen/testset/30_1", "helen/testset")
    assert second.image.name == "image_1.jpg"
    np.testing.assert_array_equal(second.points_px, [[0, 1], [30.5, 39]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n_points: 3\n{1 2}", "has 1 points, expected its n_points"),
        ("{1 2 3}", "no pairs of numbers"),
        ("1 2", "no points in braces"),
    ],
)
def test_300w_says_what_is_wrong(tmp_path, text, message):
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.pts", text)
    with pytest.raises(DatasetError, match=message):
        list(read_300w(tmp_path))


def test_points_without_a_photo_are_told(tmp_path):
    put(tmp_path / "a.pts", "{1 2}")
    with pytest.raises(DatasetError, match="has no photo beside it"):
        list(read_300w(tmp_path))


# SHIQ, FAIR


def test_shiq_gives_photos_with_their_truth(tmp_path):
    for name in ("7_A", "7_D", "7_T", "3_A", "3_D", "3_T", "3_S"):
        put(tmp_path / f"{name}.png")
    first, second = read_shiq(tmp_path)
    assert (first.name, second.name, second.specular) == ("3", "7", None)
    assert first.specular.name == "3_S.png"
    (tmp_path / "7_T.png").unlink()
    with pytest.raises(DatasetError, match="the highlight mask of 7"):
        list(read_shiq(tmp_path))


def test_fair_gives_faces_with_their_scene(tmp_path):
    place = tmp_path / "validation_set"
    put(place / "validation_crop_files.txt", "./F/crops/scene_1/0.png\n./F/crops/scene_1/1.png\n")
    put(place / "full_image/scene_1.png")
    for face in "01":
        put(place / f"crops/scene_1/{face}.png")
        put_array(place / f"crop-lmks/scene_1/{face}.npy", np.ones((68, 3)))
    first, second = read_fair(tmp_path, "validation")
    assert (first.scene, second.face, first.albedo) == ("scene_1", "1", None)
    assert first.points().shape == (68, 2)
    assert first.image == second.image
    put(tmp_path / "truth/scene_1/0.png")
    with pytest.raises(DatasetError, match="expected its albedo"):
        list(read_fair(tmp_path, "validation", tmp_path / "truth"))


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_now(path / "list", path / "a", path / "b", path / "c"),
        lambda path: read_realy(path / "a", path / "b"),
        lambda path: read_facescape_benchmark(path / "a", "wild"),
        lambda path: read_facescape_captures(path / "a", path / "b"),
        lambda path: read_h3ds(path / "a"),
        lambda path: read_300w(path / "a"),
        lambda path: read_shiq(path / "a"),
        lambda path: read_fair(path / "a", "test"),
    ],
    ids=["now", "realy", "facescape", "captures", "h3ds", "300w", "shiq", "fair"],
)
def test_a_folder_that_is_not_there_is_told(tmp_path, read):
    with pytest.raises(DatasetError, match="is no folder, expected"):
        list(read(tmp_path))


# Meshes


def test_a_mesh_keeps_the_order_of_its_vertices(tmp_path):
    text = "v 5 0 0\nv 0 1 0\nv 0 0 1\nv 5 0 0\nvt 0 0\nf 1/1 2/1 3/1\nf 4/1 3/1 2/1\n"
    mesh = read_mesh(put(tmp_path / "a.obj", text))
    np.testing.assert_array_equal(mesh.vertices, [[5, 0, 0], [0, 1, 0], [0, 0, 1], [5, 0, 0]])
    np.testing.assert_array_equal(mesh.triangles, [[0, 1, 2], [3, 2, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [("v 1 2 3\n", "triangles|cannot be read"), ("f a b c", "triangles|cannot be read")],
)
def test_a_file_without_a_surface_is_told(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        read_mesh(put(tmp_path / "a.obj", text))
