import json

import numpy as np
import pytest
import trimesh
from PIL import Image

from lib.export import FILES, ExportOptions, HeadExporter
from lib.export.obj import merge_quads
from lib.facemodel import load_face_model
from lib.geometry import project, split_quads
from tests.poking import poking_px
from tests.synthetic_head import synthetic_case


def test_a_head_has_exactly_the_promised_files(exported):
    assert sorted(path.name for path in exported.iterdir()) == sorted(FILES)


def test_the_same_head_gives_the_same_bytes_whatever_came_before(exported, model, case, tmp_path):
    options = ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=32)
    other = HeadExporter(model, options)
    bigger = case.fit.replace(vertices=1.1 * case.fit.vertices)
    for name, fit in (("beth", bigger), ("anna", case.fit)):
        other.write(tmp_path, name, case.capture, case.landmarks, fit, case.texture)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes(), name


def test_no_file_tells_where_the_photo_was(exported):
    for name in FILES:
        content = (exported / name).read_bytes()
        assert b"/home" not in content and b"private" not in content, name


def test_obj_holds_the_neutral_head_in_mm_with_uv_and_quads(exported, model, case):
    text = (exported / "head.obj").read_text().splitlines()
    rows = {
        kind: [r.split()[1:] for r in text if r.startswith(kind + " ")]
        for kind in ["v", "vt", "vn", "f"]
    }
    np.testing.assert_allclose(np.array(rows["v"], float), case.fit.vertices, atol=6e-5)
    np.testing.assert_allclose(np.array(rows["vt"], float), model.uv, atol=6e-7)
    assert {len(face) for face in rows["f"]} == {4}
    faces = np.array([[c.split("/") for c in f] for f in rows["f"]], int) - 1
    assert {frozenset(f) for f in _triangles(faces[..., 0])} == {
        frozenset(t) for t in model.triangles
    }
    np.testing.assert_array_equal(faces[..., 0], faces[..., 2])
    uv_of = {tuple(sorted(t)): sorted(u) for t, u in zip(model.triangles, model.uv_triangles)}
    for corner, uv in zip(_triangles(faces[..., 0]), _triangles(faces[..., 1])):
        assert sorted(uv) == uv_of[tuple(sorted(corner))]


def test_obj_winding_is_kept(exported, model):
    loaded = trimesh.load(exported / "head.obj", process=False, maintain_order=True, force="mesh")
    first = trimesh.Trimesh(model.mean, model.triangles, process=False)
    assert np.sign(loaded.volume) == np.sign(first.volume) == 1


def test_obj_groups_are_the_regions(exported, model):
    text = (exported / "head.obj").read_text()
    groups = [line[2:] for line in text.splitlines() if line.startswith("g ")]
    assert groups == list(model.region_names)
    assert "map_Kd albedo.png" in (exported / "head.mtl").read_text()


def test_triangles_that_are_no_split_quads_stay_triangles():
    mesh = trimesh.creation.icosphere(2)
    first, fourth, is_quad = merge_quads(mesh.faces, mesh.faces)
    assert not is_quad.any()
    np.testing.assert_array_equal(first, np.arange(len(mesh.faces)))
    assert (fourth == -1).all()


def test_mixed_polygons_come_back_from_their_triangles():
    polygons = np.array([[0, 1, 2, 3], [3, 2, 4, -1], [1, 5, 6, 2], [2, 6, 7, 4]])
    triangles = split_quads(polygons)
    first, fourth, is_quad = merge_quads(triangles, triangles)
    found = np.column_stack([triangles[first], np.where(is_quad, triangles[fourth, 2], -1)])
    np.testing.assert_array_equal(found, polygons)


def test_a_quad_split_by_a_uv_seam_stays_two_triangles():
    triangles = split_quads(np.array([[0, 1, 2, 3]]))
    assert len(merge_quads(triangles, np.array([[0, 1, 2], [4, 5, 6]]))[0]) == 2


def test_ply_carries_sigma_per_vertex(exported, model, case):
    content = (exported / "head.ply").read_bytes()
    header, body = content.split(b"end_header\n", 1)
    assert b"property float sigma_mm" in header
    rows = np.frombuffer(body[: 28 * model.n_vertices], "<f4").reshape(-1, 7)
    np.testing.assert_array_equal(rows[:, :3], case.fit.vertices)
    np.testing.assert_array_equal(rows[:, 6], case.fit.vertex_sigma_mm)
    loaded = trimesh.load(exported / "head.ply", process=False)
    np.testing.assert_array_equal(loaded.faces, model.triangles)


def test_albedo_png_is_srgb_of_the_linear_texture(exported, case):
    encoded = np.asarray(Image.open(exported / "albedo.png")) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(linear, case.texture.rgb.astype(float), atol=4e-3)


def test_camera_projects_the_model_onto_the_original_photo(exported, case):
    camera = json.loads((exported / "camera.json").read_text())["views"][0]
    points = json.loads((exported / "landmarks.json").read_text())["ibug68"]
    pose, k = np.array(camera["world_to_camera"]), np.array(camera["K"])
    shown = project(np.array(points["model_mm"]), pose, k[0, 0], k[:2, 2])
    np.testing.assert_allclose(shown, points["fitted_px"], atol=0.02)
    working = np.array(points["fitted_px"]) / 2 - 0.25  # the original is twice as large
    np.testing.assert_allclose(working, case.fit.landmarks_px[0], atol=0.01)
    assert (camera["width"], camera["height"]) == (400, 480)


def test_a_missing_landmark_is_null(exported):
    points = json.loads((exported / "landmarks.json").read_text())
    assert points["ibug68"]["image_px"][5] == [None, None]
    assert points["ibug68"]["sigma_px"][0] == pytest.approx(2.0)
    assert len(points["mesh468"]["image_px"]) == len(points["mesh468"]["sigma_px"]) == 40


def test_coefficients_are_named_and_carry_sigma(exported, model, case):
    table = json.loads((exported / "coefficients.json").read_text())
    assert table["identity"]["sigma"] == [0.5] * model.n_identity
    assert table["views"][0]["expression"]["jawOpen"] == {"value": 0.25, "sigma": 0.1}
    assert table["views"][0]["focal_px"] == {"value": 1000.0, "sigma": 100.0, "source": "none"}
    assert table["views"][0]["reprojection_percent"] == pytest.approx(2.0)
    assert np.shape(table["views"][0]["light"]) == (9, 3)


def test_what_a_network_does_not_tell_is_null_and_no_attribute(model, exporter, tmp_path):
    case = synthetic_case(model)
    unknown = {
        name: np.full_like(getattr(case.fit, name), np.nan)
        for name in ("identity_covariance", "expression_sigma", "focal_sigma", "vertex_sigma_mm")
    }
    fit = case.fit.replace(**unknown)
    exporter.write(tmp_path, "anna", case.capture, case.landmarks, fit, case.texture)
    table = json.loads((tmp_path / "coefficients.json").read_text())
    assert table["identity"]["sigma"] == [None] * model.n_identity
    assert table["views"][0]["expression"]["jawOpen"] == {"value": 0.25, "sigma": None}
    assert table["views"][0]["focal_px"]["sigma"] is None
    assert table["vertex_sigma_mm"]["median_face"] is None
    glb = (tmp_path / "head.glb").read_bytes()
    assert b"_SIGMA_MM" not in glb and b"POSITION" in glb


def test_every_view_of_a_capture_is_in_the_tables(model, exporter, tmp_path):
    case = synthetic_case(model, n_views=2)
    exporter.write(tmp_path, "anna", case.capture, case.landmarks, case.fit, case.texture)
    for name in ("camera", "landmarks", "coefficients"):
        assert len(json.loads((tmp_path / f"{name}.json").read_text())["views"]) == 2, name


def test_overlay_shows_photo_head_and_shape_beside_each_other(exported):
    picture = np.asarray(Image.open(exported / "overlay.png")).astype(int)
    photo, textured, clay = np.split(picture, 3, axis=1)
    middle = picture.shape[0] // 2, photo.shape[1] // 2
    assert np.ptp(photo[middle]) == 0  # the photo is grey
    assert textured[middle][0] > textured[middle][2] + 20  # skin is red
    assert np.abs(clay[middle] - photo[middle]).max() > 20
    np.testing.assert_array_equal(textured[0, 0], photo[0, 0])


def test_turntable_has_five_views(exported):
    assert Image.open(exported / "turntable.png").size == (5 * 60, 60)


def _triangles(quads):
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def test_no_exported_mouth_comes_through_the_skin(tmp_path):
    model = load_face_model("makehuman")
    case = synthetic_case(model)
    mesh = model.triangles, np.arange(len(model.triangles))
    people = 2 * np.random.default_rng(0).standard_normal((30, model.n_identity))
    heads = (model.vertices(person.astype(np.float32)) for person in people)
    fit = case.fit.replace(vertices=next(head for head in heads if poking_px(model, head, *mesh)))
    options = ExportOptions(overlay_side_px=60, turntable_px=20, glb_texture_px=32)
    HeadExporter(model, options).write(
        tmp_path, "anna", case.capture, case.landmarks, fit, case.texture
    )
    body = (tmp_path / "head.ply").read_bytes().split(b"end_header\n")[1]
    written = np.frombuffer(body[: 28 * model.n_vertices], "<f4").reshape(-1, 7)[:, :3]
    assert poking_px(model, np.ascontiguousarray(written), *mesh) == 0
