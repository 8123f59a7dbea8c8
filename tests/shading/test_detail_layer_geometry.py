"""Poses, camera, light, chart and unwrapping of the detail layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.facemodel import load_face_model, read_face_model, write_face_model
from lib.facemodel.cylinder import CylinderChart, smoothed_mask, unrolled
from lib.geometry import orthographic, project
from lib.geometry.orthographic import camera_of_scaled_pose, landmark_square, square_crop
from lib.render import irradiance
from lib.render.plain_light import linear_of_plain, plain_of_linear
from lib.render.plain_light import plain_shading as plain_shading_array
from lib.shading.detail_layer.chart import DetailChart, cylinder_chart
from lib.shading.detail_layer.geometry import (
    dense_mesh,
    pose_matrix,
    to_camera,
    to_image,
    turned_normals,
    vertex_normals,
)
from lib.shading.detail_layer.light import plain_basis, plain_shading
from lib.shading.detail_layer.unwrap import composed, draw, on_chart, sampled, seen_vertices

POSE = (0.1, -0.2, 0.3, 5.0, -3.0, 0.1)
GOLDEN = [
    [1.552146, 0.480135, 0.329345, 5],
    [-0.518864, 1.566087, 0.162201, -3],
    [-0.264155, -0.254950, 1.616595, -20],
]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def head():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def chart(head):
    return DetailChart.of_model(head, CPU)


def directions(n=200, seed=0):
    normals = np.random.default_rng(seed).normal(size=(n, 3))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_the_pose_matrix_has_the_golden_numbers():
    pose = torch.tensor([POSE], dtype=torch.float64)
    np.testing.assert_allclose(pose_matrix(pose)[0], GOLDEN, atol=1e-6)
    np.testing.assert_allclose(orthographic.pose_matrix(np.array(POSE)), GOLDEN, atol=1e-6)


def test_the_camera_has_the_golden_numbers():
    matrix = pose_matrix(torch.tensor([POSE], dtype=torch.float64))
    camera = to_camera(torch.tensor([[[10.0, 20, 30]]], dtype=torch.float64), matrix)
    np.testing.assert_allclose(camera[0, 0], [40.004526, 27.999105, 20.757298], atol=1e-6)
    np.testing.assert_allclose(to_image(camera)[0, 0], [190.004526, 122.000895], atol=1e-6)


def test_poses_and_points_have_gradients_that_differences_confirm():
    pose = torch.tensor([POSE, POSE[::-1]], dtype=torch.float64) * 0.3
    points = torch.tensor(directions(4), dtype=torch.float64)[None]
    pose.requires_grad_(), points.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: to_camera(b, pose_matrix(a)), (pose, points))


def test_a_far_pinhole_sees_what_the_orthographic_camera_sees(head):
    crop = square_crop((900, 700), (120, 200), 450)
    origin = np.array([0, 33.0, 84.5])
    pose = np.array(POSE)
    world_to_camera, focal, centre = camera_of_scaled_pose(pose, -origin, crop)
    marks = head.landmarks["ibug68"].on(head.mean, head.triangles).astype(np.float64)
    matrix = orthographic.pose_matrix(pose)
    camera = (marks + origin) @ matrix[:, :3].T + matrix[:, 3]
    wanted = orthographic.image_points(camera) * 450 / 300 + [120, 200] - 0.5
    seen = project(marks[None], world_to_camera[None], np.array([focal]), centre[None])[0]
    assert np.abs(seen - wanted).max() < 1.5  # of 450 px: ears are 80 mm behind the eyes
    assert np.abs(seen - wanted)[17:].max() < 0.5
    np.testing.assert_allclose(np.linalg.det(world_to_camera[:, :3]), 1)


def test_squares_are_those_of_the_published_formula():
    points = np.array([[100.0, 50], [180, 90], [140, 150]])
    corner, side = landmark_square(points)  # half = max(0.8 * 80, 0.6 * 100) = 64, y = 90
    assert (corner, side) == ((76, 26), 128)
    crop = square_crop((300, 400), corner, side)
    np.testing.assert_allclose(crop.to_crop(np.array([75.5, 25.5])), [-0.5, -0.5])
    np.testing.assert_allclose(crop.to_crop(np.array([203.5, 153.5])), [299.5, 299.5])
    with pytest.raises(ValueError, match="not all known"):
        landmark_square(np.full((68, 2), np.nan))


def test_light_has_the_published_bands_in_their_order():
    found = plain_basis(torch.tensor([[0.48, 0.6, 0.64]], dtype=torch.float64))[0]
    expected = [0.282095, 0.312704, 0.234528, 0.293160, 0.072165, 0.335626, 0.419533,
                -0.070798, 0.314650]  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_light_begins_with_ambient_and_front():
    normals = torch.tensor(directions(), dtype=torch.float64)[None]
    shading = plain_shading(normals, torch.zeros(1, 27, dtype=torch.float64))
    expected = 0.3 * (0.2820948 + 0.4886025 * normals[..., 2:])
    torch.testing.assert_close(shading, expected.expand_as(shading), atol=1e-6, rtol=0)


def test_light_on_tensors_is_that_on_arrays():
    light = np.random.default_rng(1).normal(size=27)
    normals = directions()
    found = plain_shading(torch.tensor(normals)[None], torch.tensor(light)[None])[0]
    np.testing.assert_allclose(found, plain_shading_array(normals, light), atol=1e-12)


def test_converted_light_shades_as_the_published_one_does():
    chance = np.random.default_rng(2)
    light = np.zeros((3, 9))
    light[:, :4] = [2.2, 0.6, 0, 0] + 0.3 * chance.normal(size=(3, 4))
    rotation = orthographic.rotation_of_angles(np.array(POSE[:3])).T
    converted = linear_of_plain(light.ravel(), rotation)
    normals = directions(500)
    normals = normals[normals[:, 2] > 0.2]
    wanted = plain_shading_array(normals, light.ravel())
    found = irradiance(normals @ rotation.T, converted).clip(0) ** (1 / 2.2)
    assert np.abs(found - wanted).mean() / wanted.mean() < 0.03
    back = plain_of_linear(converted, rotation).astype(np.float64)
    again = plain_shading_array(normals, back)
    assert np.abs(again - wanted).mean() / wanted.mean() < 0.03


def test_dense_triangles_are_those_of_full_blocks():
    chance = np.random.default_rng(3)
    region = chance.random((9, 11)) < 0.7
    mesh = dense_mesh(region)
    number = {tuple(texel): k for k, texel in enumerate(np.argwhere(region))}
    expected = set()
    for row in range(8):
        for column in range(10):
            block = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
            if all(corner in number for corner in block):
                a, b, c, d = (number[corner] for corner in block)
                expected |= {(a, c, b), (a, d, c)}
    assert {tuple(t) for t in mesh.triangles.tolist()} == expected
    np.testing.assert_array_equal(mesh.vertex[tuple(mesh.texel.T)], np.arange(len(mesh.texel)))


def test_the_dense_mesh_of_a_head_shows_its_outside(head, chart):
    points = chart.unrolled(torch.tensor(head.mean)[None])[0].numpy()
    dense = points[tuple(chart.dense.texel.T)]
    corners = dense[chart.dense.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (across[:, 2] > 0).mean() > 0.97


def test_unrolled_points_lie_at_the_texel_of_the_formula(head, chart):
    points = chart.unrolled(torch.tensor(head.mean)[None] + chart.origin_mm)[0].numpy()
    rows, columns = chart.dense.texel.T
    found = unrolled(points[rows, columns])
    off = found - (chart.dense.texel + 0.5)
    assert np.abs(np.median(off, axis=0)).max() < 0.05
    assert np.quantile(np.abs(off), 0.99) < 0.5


def test_texels_are_cut_towards_zero_as_published():
    points = np.array([[10.0, 5.0, 100.0], [-30.0, -20.0, 90.0]])
    expected = [
        [int(-2.2 * y + 220), int(160 * np.arctan(x / abs(z) * np.sign(z)) + 256)]
        for x, y, z in points
    ]
    np.testing.assert_array_equal(unrolled(points, whole=True), expected)


def test_eyes_nose_and_brows_are_not_moved(head, chart):
    movable = chart.movable.numpy()
    assert movable.min() == 0
    assert movable[head.parts["right_eye"]].max() == 0
    assert movable[head.parts["nose"]].mean() < 0.2
    assert movable[head.parts["left_eyebrow"]].mean() < 0.5
    assert (movable[head.parts["skin"]] == 1).mean() > 0.7


def test_a_smoothed_mask_is_the_mean_of_neighbours():
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    found = smoothed_mask(np.array([1.0, 0, 0, 0]), triangles, rounds=1)
    np.testing.assert_allclose(found, [0, 1 / 2, 1 / 3, 1 / 2])


def scene(head, chart):
    points = torch.tensor(head.mean)[None] + chart.origin_mm
    albedo = torch.tensor(255 * head.albedo()[None])
    pose = torch.tensor([[0.05, 0.2, 0.0, 0.0, -10.0, 0.0]])
    light = torch.zeros(1, 27)
    light[:, ::9] = 2.5
    return points, albedo, chart.masks, chart.triangles, pose, light


def test_a_drawn_vertex_lies_at_its_image_point(head, chart):
    """The pixel of a seen vertex shows about its place."""
    points, albedo, _, triangles, pose, light = scene(head, chart)
    drawn = draw(points, albedo, points, triangles, pose, light)
    seen = seen_vertices(drawn, triangles)[0] & (chart.face > 0)
    here = sampled(drawn.masks, drawn.camera)[0, seen]
    off = (here - points[0, seen]).norm(dim=1)
    assert float(off.median()) < 0.6  # a pixel is 0.67 mm
    away = torch.zeros(len(head.mean), dtype=torch.bool)
    away[triangles.long().unique()] = True
    away &= drawn.normals[0, :, 2] < -0.3
    assert int(away.sum()) > 100
    assert float(seen_vertices(drawn, triangles)[0][away].float().mean()) < 0.05


def test_a_perfect_coarse_fit_leaves_no_difference(head, chart):
    drawn = draw(*scene(head, chart))
    photo = drawn.colour
    coarse = composed(drawn.colour, photo, drawn.masks[..., :1])
    maps = [chart.unrolled(sampled(picture, drawn.camera)) for picture in (photo, coarse)]
    assert float(maps[0].max()) > 50
    assert float((maps[0] - maps[1]).abs().max()) < 1e-3


def test_the_photo_shows_where_there_is_no_face(head, chart):
    drawn = draw(*scene(head, chart))
    photo = torch.full_like(drawn.colour, 77.0)
    coarse = composed(drawn.colour, photo, drawn.masks[..., :1])
    off = drawn.masks[..., 0] == 0
    assert bool((coarse[off] == 77).all())
    assert not bool((coarse[~off] == 77).all())


def test_normals_are_sums_over_triangles_by_area():
    points = torch.tensor([[[0.0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1]]])
    triangles = torch.tensor([[0, 1, 2], [0, 2, 3]])
    found = vertex_normals(points, triangles)[0, 0]
    torch.testing.assert_close(found, torch.tensor([1.0, 0, 2]) / 5**0.5)


def test_normals_turn_with_the_pose():
    matrix = pose_matrix(torch.tensor([POSE]))
    normals = torch.tensor(directions(), dtype=torch.float32)[None]
    turned = turned_normals(normals, matrix)
    torch.testing.assert_close(turned.norm(dim=-1), torch.ones(1, 200))
    expected = normals @ (matrix[0, :, :3] / matrix[0, 0, :3].norm()).T
    torch.testing.assert_close(turned, expected)


def test_a_model_file_keeps_its_own_chart(head, tmp_path):
    chance = np.random.default_rng(4)
    made = cylinder_chart(head)
    own = CylinderChart(
        origin_mm=np.array([1.0, 2, 3]),
        texel=np.trunc(made.texel),
        drawn=chance.random(len(head.triangles)) < 0.9,
        region=made.region,
        face=made.face,
        without_eyes=made.without_eyes,
        without_nose=made.without_nose,
        without_brows=made.without_brows,
    )
    small = replace(
        head,
        identity_basis=head.identity_basis[:1],
        expression_basis=head.expression_basis[:1],
        expression_names=head.expression_names[:1],
        free_expressions=head.free_expressions[:1],
        albedo_basis=head.albedo_basis[:1],
        cylinder=own,
    )
    write_face_model(tmp_path / "own.h5", small)
    found = cylinder_chart(read_face_model(tmp_path / "own.h5"))
    for name in own.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(own, name), err_msg=name)
    assert head.cylinder is None


def test_coarse_meshes_are_looked_up_at_texels_and_published_ones_at_vertices(head, chart):
    drawn = draw(*scene(head, chart))
    step = (torch.arange(300) // 3 % 2).float()
    checks = (step[:, None] - step[None]).abs()[None, ..., None]  # 2 mm on the face
    cheek = chart.unrolled(drawn.camera)[0]
    seen = chart.mask & (cheek[..., 0].abs() < 60) & (cheek[..., 1].abs() < 60)
    found = on_chart(chart, checks, drawn.camera)[0, ..., 0]
    place = to_image(cheek[seen]).long()
    expected = checks[0, place[:, 1], place[:, 0], 0]
    assert float((found[seen].round() == expected).float().mean()) > 0.9
    published = on_chart(replace(chart, by_vertex=True), checks, drawn.camera)
    torch.testing.assert_close(published, chart.unrolled(sampled(checks, drawn.camera)))
    assert float((published[0, ..., 0][seen].round() == expected).float().mean()) < 0.8
