"""Model files: round trips, landmark schemes beside them, and what is refused."""

import dataclasses

import h5py
import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import (
    SurfacePoints,
    load_face_model,
    read_face_model,
    read_landmark_scheme,
    write_face_model,
    write_landmark_scheme,
)
from lib.facemodel.model import FaceModel
from lib.imaging import srgb_to_linear


@pytest.fixture(scope="module")
def tiny() -> FaceModel:
    rng = np.random.default_rng(0)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    mean = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]], np.float32)
    point = SurfacePoints(
        np.array([1], np.int32), np.full((1, 3), 1 / 3, np.float32), np.ones(1, np.float32)
    )
    return FaceModel(
        name="tiny",
        mean=mean,
        identity_basis=rng.normal(size=(3, 4, 3)).astype(np.float32),
        expression_basis=rng.normal(size=(2, 4, 3)).astype(np.float32),
        expression_names=("jawOpen", "mouthClose"),
        free_expressions=np.array([True, False]),
        triangles=triangles,
        triangle_region=np.array([0, 1], np.int32),
        region_names=("skin", "mouth"),
        mirror=np.array([1, 0, 3, 2], np.int32),
        uv=(mean[:, :2] / 20 + 0.5).astype(np.float32),
        uv_triangles=triangles,
        albedo_mean=np.full((4, 3), 0.5, np.float32),
        albedo_basis=rng.normal(size=(2, 4, 3)).astype(np.float32),
        landmarks={"ibug68": point},
        contour=(np.array([0, 1], np.int32), np.array([2], np.int32)),
        parts={"nose": np.array([2], np.int32)},
        licence="MIT",
        source="a test",
    )


def assert_same(one: FaceModel, other: FaceModel) -> None:
    for field in dataclasses.fields(FaceModel):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "landmarks":
            assert a.keys() == b.keys()
            for key in a:
                np.testing.assert_array_equal(a[key].triangle, b[key].triangle)
                np.testing.assert_array_equal(a[key].barycentric, b[key].barycentric)
        elif field.name == "parts":
            assert a.keys() == b.keys()
            assert all(np.array_equal(a[key], b[key]) for key in a)
        elif field.name == "contour":
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            assert a == b, field.name


def test_a_model_comes_back_from_its_file_unchanged(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    assert_same(read_face_model(tmp_path / "tiny.h5"), tiny)


@pytest.mark.parametrize("prior", ["weight", "normal"])
@pytest.mark.parametrize("encoding", ["linear", "srgb"])
def test_what_coefficients_and_colours_mean_comes_back_from_the_file(
    tiny, tmp_path, prior, encoding
):
    changed = dataclasses.replace(tiny, expression_prior=prior, albedo_encoding=encoding)
    write_face_model(tmp_path / "tiny.h5", changed)
    assert_same(read_face_model(tmp_path / "tiny.h5"), changed)


def test_a_prior_of_expressions_that_nobody_knows_is_refused(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    with h5py.File(tmp_path / "tiny.h5", "r+") as file:
        file["shape/expression"].attrs["prior"] = "uniform"
    with pytest.raises(ConfigError, match=r"prior 'uniform', expected weight in 0\.\.1 or normal"):
        read_face_model(tmp_path / "tiny.h5")


def test_encoded_albedo_comes_out_as_linear_light(tiny):
    encoded = dataclasses.replace(tiny, albedo_encoding="srgb")
    coefficients = np.array([0.1, -0.2], np.float32)
    np.testing.assert_allclose(
        encoded.albedo(coefficients), srgb_to_linear(tiny.albedo(coefficients)), atol=1e-6
    )


@pytest.mark.parametrize("encoding", ["linear", "srgb"])
def test_linear_albedo_is_the_tangent_of_albedo_at_its_mean(tiny, encoding):
    model = dataclasses.replace(tiny, albedo_encoding=encoding)
    mean, basis = model.linear_albedo()
    np.testing.assert_array_equal(mean, model.albedo())
    for k in range(model.n_albedo):
        step = np.zeros(model.n_albedo, np.float32)
        step[k] = 1e-2
        change = (model.albedo(step) - model.albedo(-step)) / 2e-2
        np.testing.assert_allclose(basis[k], change, atol=2e-3 * abs(basis[k]).max())


def test_writing_twice_gives_the_same_bytes(tiny, tmp_path):
    for name in ("a.h5", "b.h5"):
        write_face_model(tmp_path / name, tiny)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_default_model_survives_a_round_trip(makehuman, tmp_path):
    few = dataclasses.replace(
        makehuman,
        identity_basis=makehuman.identity_basis[:2],
        expression_basis=makehuman.expression_basis[:2],
        expression_names=makehuman.expression_names[:2],
        free_expressions=makehuman.free_expressions[:2],
        albedo_basis=makehuman.albedo_basis[:2],
    )
    write_face_model(tmp_path / "few.h5", few)
    assert_same(read_face_model(tmp_path / "few.h5"), few)


def test_a_landmark_scheme_beside_the_model_is_read_with_it(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    scheme = SurfacePoints(
        np.array([0, 1]), np.array([[1, 0, 0], [0.25, 0.25, 0.5]]), np.array([1.0, 2.5])
    )
    write_landmark_scheme(tmp_path / "mesh468_tiny.json", "mesh468", scheme)
    found = read_face_model(tmp_path / "tiny.h5").landmarks
    assert set(found) == {"ibug68", "mesh468"}
    np.testing.assert_allclose(found["mesh468"].barycentric, scheme.barycentric)
    np.testing.assert_allclose(found["mesh468"].sigma_mm, scheme.sigma_mm)


def test_a_landmark_scheme_can_be_added_to_a_model_file(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    write_landmark_scheme(tmp_path / "tiny.h5", "points106", tiny.landmarks["ibug68"])
    write_landmark_scheme(tmp_path / "tiny.h5", "points106", tiny.landmarks["ibug68"])
    assert "points106" in read_face_model(tmp_path / "tiny.h5").landmarks


def test_a_scheme_without_sigma_gets_the_default(tmp_path):
    path = tmp_path / "x_tiny.json"
    path.write_text('{"scheme": "x", "points": [{"triangle": 0, "barycentric": [1, 0, 0]}]}')
    assert read_landmark_scheme(path)[1].sigma_mm.tolist() == [2.0]


def test_a_scheme_for_another_mesh_is_refused(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    other = SurfacePoints(np.array([99]), np.ones((1, 3)) / 3, np.ones(1))
    write_landmark_scheme(tmp_path / "x_tiny.json", "x", other)
    with pytest.raises(ConfigError, match="names triangle 99, but the model tiny has 2"):
        read_face_model(tmp_path / "tiny.h5")


@pytest.mark.parametrize("name", ["bfm09", "nowhere/model.h5"])
def test_a_missing_model_says_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # whoever runs this may have the model
    with pytest.raises(MissingModelError, match=r"Use `makehuman`.*docs/face_models\.md"):
        load_face_model(name)


def test_an_older_layout_is_refused(tiny, tmp_path):
    write_face_model(tmp_path / "tiny.h5", tiny)
    with h5py.File(tmp_path / "tiny.h5", "r+") as file:
        file.attrs["version"] = 1
    with pytest.raises(ConfigError, match="facemodel version 1, expected facemodel version 2"):
        read_face_model(tmp_path / "tiny.h5")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "noise.h5"
    path.write_bytes(b"noise")
    with pytest.raises(ConfigError, match="cannot be read as a face model"):
        read_face_model(path)
