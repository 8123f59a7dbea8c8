"""Subdivision, charts, the plane raster and the ICT reader on small shapes."""

import json

import h5py
import numpy as np
import pytest

from lib.errors import MissingModelError
from lib.facemodel.chart import border_loops, convex_chart, squircle
from lib.facemodel.converters import convert_model
from lib.facemodel.eyeballs import RADIUS, make_eyeballs
from lib.facemodel.ict import ict_model, read_ict_checkout, read_ict_development_copy
from lib.facemodel.raster import cover
from lib.facemodel.subdivision import catmull_clark
from lib.geometry import split_quads, triangle_areas, vertex_normals


def grid_quads(n):
    corner = np.arange(n * n).reshape(n, n)
    quads = [corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]]
    y, x = np.mgrid[:n, :n]
    return np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(float), np.stack(
        [q.ravel() for q in quads], 1
    )


def test_subdivision_keeps_a_flat_grid_flat_and_reproduces_linear_functions():
    points, quads = grid_quads(5)
    operator, fine = catmull_clark(len(points), quads)
    np.testing.assert_allclose(np.asarray(operator.sum(axis=1)).ravel(), 1)
    moved = operator @ points
    assert len(fine) == 4 * len(quads)
    inner = ((moved[:, :2] > 0.9) & (moved[:, :2] < 3.1)).all(axis=1)
    np.testing.assert_allclose(moved[inner, :2] * 2, np.round(moved[inner, :2] * 2), atol=1e-9)
    assert (triangle_areas(moved[:, :2], split_quads(fine)) > 0).all()


def test_subdivision_of_a_cube_gives_the_known_corner():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4],
                      [1, 5, 7, 3]])  # fmt: skip
    operator, _ = catmull_clark(8, quads)
    np.testing.assert_allclose((operator @ corners)[7], [5 / 9] * 3)


def test_a_chart_of_a_bumpy_disk_with_a_hole_has_no_flips():
    points, quads = grid_quads(15)
    points[:, 2] = 6 * np.exp(-((points[:, :2] - 7) ** 2).sum(axis=1) / 6)
    triangles = split_quads(quads)
    hole = (np.abs(points[triangles].mean(axis=1)[:, :2] - [4, 4]) < 1).all(axis=1)
    used, triangles = np.unique(triangles[~hole], return_inverse=True)
    points, triangles = points[used], triangles.reshape(-1, 3)
    border = max(border_loops(triangles), key=len)
    outline = squircle(np.arange(len(border)) / len(border))
    uv = convex_chart(points, triangles, border, outline, np.ones(len(triangles)))
    area = triangle_areas(uv, triangles)
    assert (area > 0).all()
    surface = triangle_areas(points, triangles)
    assert np.std(np.log(area / surface)) < 0.6


def test_covering_a_square_gives_each_cell_its_triangle_and_weights():
    points = np.array([[0, 0], [8, 0], [8, 8], [0, 8]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    coverage = cover(points, triangles, (8, 8))
    assert (coverage.triangle >= 0).all()
    place = coverage.blend(points, triangles)
    column, row = np.meshgrid(np.arange(8) + 0.5, 7.5 - np.arange(8))
    np.testing.assert_allclose(place, np.stack([column, row], axis=2), atol=1e-5)


def test_the_higher_triangle_is_seen():
    points = np.array([[0, 0], [8, 0], [0, 8], [0, 0], [8, 0], [0, 8]], float)
    coverage = cover(points, np.array([[0, 1, 2], [3, 4, 5]]), (8, 8), np.array([0, 0, 0, 1, 1, 1]))
    assert set(np.unique(coverage.triangle)) == {-1, 1}


def test_made_eyeballs_mirror_each_other_and_face_outward():
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    right = np.stack([-32 - 13 * np.cos(angle), 5 * np.sin(angle), 2 * np.sin(angle) ** 2], 1)
    head = np.concatenate([np.zeros((36, 3)), right, right * [-1, 1, 1]])
    balls = make_eyeballs(head)
    ours, other = balls.vertices[: balls.n_each], balls.vertices[balls.n_each :]
    np.testing.assert_allclose(other[balls.mirror_of_each] * [-1, 1, 1], ours, atol=1e-9)
    normals = vertex_normals(balls.vertices, balls.triangles)[: balls.n_each]
    centre = ours.mean(axis=0)
    np.testing.assert_allclose(normals, (ours - centre) / RADIUS, atol=0.06)
    assert (triangle_areas(balls.uv, balls.uv_triangles) > 0).all()


def test_a_folder_that_is_no_ict_checkout_says_how_to_get_one(tmp_path):
    with pytest.raises(MissingModelError, match=r"git clone https://github\.com/ICT-VGL"):
        read_ict_checkout(tmp_path)


def _write_obj(path, vertices, uv, triangles, uv_triangles):
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    lines += [
        "f " + " ".join(f"{a + 1}/{b + 1}" for a, b in zip(*row))
        for row in zip(triangles, uv_triangles)
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_an_ict_checkout_gives_the_same_model_as_the_development_copy(ict_copy, ict, tmp_path):
    copy = read_ict_development_copy(ict_copy)
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    mesh = copy.uv, copy.triangles, copy.uv_triangles
    _write_obj(folder / "generic_neutral_mesh.obj", copy.mean / 10, *mesh)
    for index in range(2):
        _write_obj(
            folder / f"identity{index:03d}.obj", (copy.mean + copy.identity[index]) / 10, *mesh
        )
    listed = [n for n in copy.expression_names if not n.startswith("cheekRaiser")]
    for name, shape in zip(copy.expression_names, copy.expression):
        _write_obj(folder / f"{name}.obj", (copy.mean + shape) / 10, *mesh)
    (folder / "vertex_indices.json").write_text(
        json.dumps({"expressions": listed, "idx_to_landmark_verts": copy.landmarks.tolist()})
    )
    model = ict_model(read_ict_checkout(tmp_path))
    assert model.expression_names == ict.expression_names
    np.testing.assert_allclose(model.mean, ict.mean, atol=1e-3)
    np.testing.assert_allclose(model.identity_basis, ict.identity_basis[:2], atol=2e-3)
    np.testing.assert_array_equal(model.triangles, ict.triangles)


@pytest.mark.slow
def test_ict_keeps_the_notice_of_its_licence(ict_copy, tmp_path):
    convert_model("ict", ict_copy, tmp_path / "ict.h5")
    with h5py.File(tmp_path / "ict.h5") as file:
        assert "Permission is hereby granted" in file.attrs["licence_text"]
        assert "USC Institute for Creative Technologies" in file.attrs["copyright"]
