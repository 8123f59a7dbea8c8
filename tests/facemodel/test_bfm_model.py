"""BFM 2009 of Deep3DFaceRecon and 3DDFA_V3: published coefficients give published vertices."""

import dataclasses
import os
import pickle

import numpy as np
import pytest
import scipy.io

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import (
    PARTS,
    SurfacePoints,
    contour33,
    load_face_model,
    read_extra,
    read_face_model,
    visible_contour,
    write_landmark_scheme,
)
from lib.facemodel.__main__ import main
from lib.facemodel.atlas import bordered_chart
from lib.facemodel.bfm import bfm_model, read_deep3d, read_face_model_npy
from lib.facemodel.bfm.deep3d import PREPARED
from lib.facemodel.chart import border_loops
from lib.facemodel.object_frame import object_origin
from lib.geometry import project, triangle_areas
from tests.facemodel.bfm_files import (
    chart,
    eight_parts,
    parallel_lines,
    write_face_model_npy,
    write_folder,
    write_prepared,
)
from tests.fitting.conftest import CENTRE, FOCAL, pose

ROUNDING = 5e-7  # dm: a few units in the last place of float32


def published(model, vertices):
    """Deep3DFaceRecon's object frame: decimetres, origin at the mean of the mean shape."""
    origin = model.mean.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(object_origin(model), origin, atol=1e-9)
    return (vertices - origin) / 100


@pytest.fixture
def coefficients(bfm09):
    rng = np.random.default_rng(7)
    return rng.normal(size=bfm09.n_identity), rng.normal(size=bfm09.n_expression)


@pytest.mark.parametrize("name", ["bfm09", "bfm3ddfa"])
def test_published_coefficients_give_the_published_shape(request, name, small_basel, coefficients):
    model = request.getfixturevalue(name)
    ours = published(model, model.vertices(*coefficients))
    np.testing.assert_allclose(ours, small_basel.shape(*coefficients), atol=ROUNDING)


@pytest.mark.parametrize("name", ["bfm09", "bfm3ddfa"])
def test_vertices_and_triangles_are_the_published_ones_in_their_order(request, name, small_basel):
    model, face = request.getfixturevalue(name), small_basel.face
    assert model.n_vertices == len(face.mean)
    np.testing.assert_array_equal(model.triangles, face.triangles)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    np.testing.assert_allclose(marks, model.mean[face.ibug68], atol=1e-4)
    assert model.expression_prior == "normal"
    assert model.free_expressions.all()


def test_colours_are_the_published_ones_encoded(bfm09, small_basel):
    face = small_basel.face
    assert bfm09.albedo_encoding == "srgb"
    np.testing.assert_allclose(bfm09.albedo_mean, face.albedo_mean, atol=1e-6)
    np.testing.assert_allclose(bfm09.albedo_basis, face.albedo, atol=1e-6)


def test_the_prepared_file_gives_the_same_arrays_as_the_published_ones(small_basel, tmp_path):
    from_files = read_deep3d(write_folder(tmp_path / "BFM", small_basel))
    prepared = read_deep3d(write_prepared(tmp_path / PREPARED, small_basel))
    for field in ("mean", "identity", "expression"):
        one, other = getattr(from_files, field), getattr(prepared, field)
        np.testing.assert_allclose(one, other, atol=1e-7, err_msg=field)
    for field in ("albedo_mean", "albedo"):
        one, other = getattr(from_files, field), getattr(prepared, field)
        np.testing.assert_allclose(one, other, atol=1e-4, err_msg=field)
    np.testing.assert_array_equal(from_files.triangles, prepared.triangles)


def test_masks_of_the_losses_are_kept(bfm09, small_basel, tmp_path):
    np.testing.assert_array_equal(bfm09.parts["front_mask"], small_basel.front)
    np.testing.assert_array_equal(bfm09.parts["skin_mask"], np.flatnonzero(small_basel.skin))
    output = tmp_path / "bfm09.h5"
    main(["convert-bfm09", str(write_folder(tmp_path / "BFM", small_basel)), "--output",
          str(output)])  # fmt: skip
    found = read_extra(output, "front_triangles")
    np.testing.assert_array_equal(found, small_basel.front_triangles)
    of_mesh = {tuple(sorted(t)) for t in load_face_model(str(output)).triangles.tolist()}
    assert {tuple(sorted(t)) for t in small_basel.front[found].tolist()} <= of_mesh
    with pytest.raises(ConfigError, match=r"keeps no 'parallel' .*it has: front_triangles"):
        read_extra(output, "parallel")


def test_the_chart_of_a_face_without_one_is_upright_and_keeps_its_sides(bfm09):
    marks = bfm09.landmarks["ibug68"]
    corner = bfm09.uv_triangles[marks.triangle, marks.barycentric.argmax(axis=1)]
    place = bfm09.uv[corner]
    assert place[8, 1] < place[57, 1] < place[33, 1] < place[27, 1] < place[[19, 24], 1].min()
    assert (place[[0, 36, 48], 0] < 0.45).all()
    assert (place[[16, 45, 54], 0] > 0.55).all()
    np.testing.assert_allclose(place[36, 1], place[45, 1], atol=0.02)
    assert triangle_areas(bfm09.uv.astype(float), bfm09.uv_triangles).sum() > 0.9


def test_a_mesh_without_a_border_gets_no_chart():
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    closed = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    with pytest.raises(ConfigError, match="1 pieces and 0 borders"):
        bordered_chart(corners, closed)


def test_the_eyes_are_triangles_of_the_surface(bfm09):
    marks = bfm09.landmarks["ibug68"].on(bfm09.mean, bfm09.triangles)
    for name, lids in (("eye_right", marks[36:42]), ("eye_left", marks[42:48])):
        inside = bfm09.mean[np.unique(bfm09.triangles[bfm09.region(name)])]
        assert len(inside) > 15
        np.testing.assert_allclose(inside.mean(axis=0)[:2], lids.mean(axis=0)[:2], atol=2.5)
    assert len(border_loops(bfm09.triangles)) == 2  # of the face and of the mouth


def test_parts_chart_and_dense_landmarks_of_3ddfa_are_the_published_ones(
    bfm3ddfa, bfm3ddfa_file, small_basel
):
    parts, triangles = eight_parts(small_basel), small_basel.face.triangles
    for name in PARTS:
        np.testing.assert_array_equal(bfm3ddfa.parts[name], np.unique(parts[name]))
        rows = read_extra(bfm3ddfa_file, f"annotation_triangles/{name}")
        wanted = np.flatnonzero(np.isin(triangles, parts[name]).all(axis=1))
        np.testing.assert_array_equal(rows, wanted)
    for scheme in ("ldm106", "ldm134"):
        found = bfm3ddfa.landmarks[scheme].on(bfm3ddfa.mean, bfm3ddfa.triangles)
        listed = bfm3ddfa.mean[getattr(small_basel.face, scheme)]
        np.testing.assert_allclose(found, listed, atol=1e-4)
    place = np.zeros((bfm3ddfa.n_vertices, 2))
    place[bfm3ddfa.triangles] = bfm3ddfa.uv[bfm3ddfa.uv_triangles]
    np.testing.assert_allclose(place, chart(small_basel), atol=1e-6)


def test_a_mean_that_is_not_recentred_gives_the_same_model(small_basel, tmp_path):
    sources = [
        read_face_model_npy(write_face_model_npy(tmp_path / f"{name}.npy", small_basel, name))
        for name in (True, False)
    ]
    one, other = (bfm_model(source, "bfm3ddfa") for source in sources)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-4)


@pytest.mark.parametrize("yaw", [-40, 0, 30])
def test_the_visible_contour_is_the_outermost_of_the_published_lines(bfm3ddfa, small_basel, yaw):
    camera = pose(yaw)
    x = project(bfm3ddfa.mean[None], camera[None], np.array([FOCAL]), CENTRE[None])[0, :, 0]
    lines, owner = parallel_lines(small_basel), np.full(bfm3ddfa.n_vertices, -1)
    for index, line in enumerate(lines):
        owner[line] = index
    wanted = [
        small_basel.face.ldm106[16]
        if index == 16
        else np.where(owner == index, x if index < 16 else -x, np.inf).argmin()
        for index in range(33)
    ]
    found = visible_contour(bfm3ddfa, bfm3ddfa.mean, camera, upright="side")
    np.testing.assert_array_equal(found, wanted)


def test_lines_of_the_model_share_no_vertex(bfm3ddfa):
    lines = contour33(bfm3ddfa)
    every = np.concatenate([line for index, line in enumerate(lines) if index != 16])
    assert len(np.unique(every)) == len(every)


def test_missing_files_are_named_with_where_to_get_them(small_basel, tmp_path):
    folder = write_folder(tmp_path / "BFM", small_basel)
    (folder / "Exp_Pca.bin").unlink()
    (folder / "std_exp.txt").unlink()
    with pytest.raises(MissingModelError, match=r"no Exp_Pca\.bin, std_exp\.txt\..*Basel"):
        read_deep3d(folder)
    with pytest.raises(MissingModelError, match=r"nothing\.mat is not there"):
        read_deep3d(tmp_path / "nothing.mat")


def test_expressions_of_another_mesh_are_refused(small_basel, tmp_path):
    folder = write_folder(tmp_path / "BFM", small_basel)
    content = (folder / "Exp_Pca.bin").read_bytes()
    (folder / "Exp_Pca.bin").write_bytes(content[:-12])
    with pytest.raises(ConfigError, match=r"says 12 components and has \d+ bytes, expected \d+"):
        read_deep3d(folder)


def test_arrays_of_other_sizes_are_refused(small_basel, tmp_path):
    prepared = write_prepared(tmp_path / PREPARED, small_basel)
    arrays = scipy.io.loadmat(prepared)
    arrays = {name: values for name, values in arrays.items() if not name.startswith("__")}
    scipy.io.savemat(prepared, arrays | {"exBase": arrays["exBase"][:-3]})
    with pytest.raises(ConfigError, match=r"expression has shape .* expected \(modes, \d+, 3\)"):
        read_deep3d(prepared)
    scipy.io.savemat(prepared, {name: arrays[name] for name in ("tri", "meanshape")})
    with pytest.raises(ConfigError, match="has no meantex, idBase, exBase, texBase"):
        read_deep3d(prepared)


def test_what_is_no_matlab_file_is_refused(tmp_path):
    (tmp_path / PREPARED).write_bytes(b"not a mat file" * 30)
    with pytest.raises(ConfigError, match="cannot be read as a MATLAB 5 file"):
        read_deep3d(tmp_path / PREPARED)


def test_code_in_face_model_npy_is_refused_and_does_not_run(small_basel, tmp_path):
    done = tmp_path / "done"

    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {done}",)

    path = write_face_model_npy(tmp_path / "face_model.npy", small_basel, parallel=Touch())
    with pytest.raises(ConfigError, match="it asks for posix"):
        read_face_model_npy(path)
    assert not done.exists()


def test_a_dictionary_without_its_arrays_is_refused(small_basel, tmp_path):
    path = write_face_model_npy(tmp_path / "face_model.npy", small_basel, ldm134=None)
    with pytest.raises(ConfigError, match=r"has no ldm134; it has u, id, exp"):
        read_face_model_npy(path)
    lines = parallel_lines(small_basel)[:20]
    path = write_face_model_npy(tmp_path / "face_model.npy", small_basel, parallel=lines)
    with pytest.raises(ConfigError, match="parallel has 20 lists, expected 33"):
        read_face_model_npy(path)
    (tmp_path / "x.npy").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ConfigError, match="no NumPy array"):
        read_face_model_npy(tmp_path / "x.npy")


def test_a_crop_of_another_size_is_told(small_basel, tmp_path, caplog):
    source = read_deep3d(write_prepared(tmp_path / PREPARED, small_basel))
    bfm_model(source, "bfm09")
    assert "not the 35709 of the published crop" in caplog.text


def test_indices_beyond_the_mesh_are_refused(small_basel, tmp_path):
    source = read_deep3d(write_prepared(tmp_path / PREPARED, small_basel))
    with pytest.raises(ConfigError, match=r"names vertices \d+ to \d+, but has 0 to \d+"):
        dataclasses.replace(source, triangles=source.triangles + 10)


def test_published_landmarks_are_not_replaced_by_a_file_beside_the_model(
    bfm3ddfa, bfm3ddfa_file, tmp_path
):
    copy = tmp_path / "bfm3ddfa.h5"
    copy.write_bytes(bfm3ddfa_file.read_bytes())
    points = bfm3ddfa.landmarks["ibug68"]
    moved = SurfacePoints(points.triangle[::-1], points.barycentric[::-1], points.sigma_mm)
    for scheme in ("ibug68", "mesh468"):
        write_landmark_scheme(tmp_path / f"{scheme}_bfm3ddfa.json", scheme, moved)
    found = read_face_model(copy).landmarks
    np.testing.assert_array_equal(found["ibug68"].triangle, points.triangle)
    np.testing.assert_array_equal(found["mesh468"].triangle, moved.triangle)


def test_landmarks_found_on_another_mesh_of_that_name_are_told(
    small_basel, bfm3ddfa, tmp_path, capsys
):
    source = write_face_model_npy(tmp_path / "face_model.npy", small_basel)
    output = tmp_path / "bfm3ddfa.h5"
    command = ["convert-bfm3ddfa", str(source), "--output", str(output)]
    main(command)
    beside = tmp_path / "mesh468_bfm3ddfa.json"
    write_landmark_scheme(beside, "mesh468", bfm3ddfa.landmarks["ibug68"])
    main(command)
    assert "delete it" not in capsys.readouterr().out
    triangles = np.roll(small_basel.face.triangles, 5, axis=0)
    write_face_model_npy(source, small_basel, tri=triangles)
    main(command)
    assert "mesh468_bfm3ddfa.json was found on another mesh: delete it" in capsys.readouterr().out
