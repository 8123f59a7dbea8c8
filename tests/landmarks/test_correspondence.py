import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lib.errors import ConfigError
from lib.facemodel import face_model_file, load_face_model, read_landmark_scheme
from lib.fitting import average_person
from lib.landmarks import CorrespondenceOptions, mesh468_on_model, write_correspondence
from lib.landmarks.correspondence import triangles_sha256
from lib.landmarks.ibug import ibug_of_mesh
from lib.networks.facemesh import CHIN, FOREHEAD, NOSE_TIP
from lib.networks.mesh_mirror import MIRROR
from scripts import build_landmark_correspondence as script
from tests.landmarks.heads import small_head
from tests.networks.weights import MODELS, needs_models

LIPS, RIGHT_EYE = [0, 37, 39, 61, 17, 84, 291, 13, 14], [33, 133, 159, 145]


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def places(model):
    return model.landmarks["mesh468"].on(model.mean, model.triangles)


def test_a_written_correspondence_is_read_back(tmp_path):
    head = small_head()
    points = head.landmarks["mesh468"]
    write_correspondence(tmp_path / "x.json", head, points, CorrespondenceOptions())
    name, read = read_landmark_scheme(tmp_path / "x.json")
    assert name == "mesh468"
    np.testing.assert_array_equal(read.triangle, points.triangle)
    np.testing.assert_allclose(read.barycentric, points.barycentric, atol=6e-5)
    np.testing.assert_allclose(read.sigma_mm, points.sigma_mm, atol=6e-3)


def test_the_committed_correspondence_belongs_to_the_committed_head(model):
    path = face_model_file("makehuman").with_name("mesh468_makehuman.json")
    assert json.loads(path.read_text())["triangles_sha256"] == triangles_sha256(model)


def test_the_points_of_the_default_head_are_symmetric(places):
    mirrored = places[MIRROR] * [-1, 1, 1]
    assert np.linalg.norm(places - mirrored, axis=1).max() < 0.5


def test_lips_lie_on_the_lips_and_eyes_around_the_eyes(model, places):
    lips = model.mean[np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]])]
    assert np.linalg.norm(places[LIPS][:, None] - lips, axis=2).min(1).max() < 3
    eye = model.mean[model.parts["right_eye"]]
    assert np.linalg.norm(places[RIGHT_EYE][:, None] - eye, axis=2).min(1).max() < 4
    assert places[FOREHEAD, 1] > 40 and places[CHIN, 1] < -95
    assert places[NOSE_TIP, 2] > np.percentile(places[:, 2], 97)


def test_sigma_is_small_at_the_eyes_and_large_at_the_ears(model):
    sigma = model.landmarks["mesh468"].sigma_mm
    assert (sigma > 0.3).all() and sigma[RIGHT_EYE].max() < 3 and sigma[[127, 356]].min() > 4


@needs_models
@pytest.mark.slow
def test_a_few_renders_find_nearly_the_committed_places(model, places):
    options = CorrespondenceOptions(n_heads=60, augmentations=2, seed=1)
    points = mesh468_on_model(average_person(model), MODELS, options)  # as the script does
    gap = np.linalg.norm(points.on(model.mean, model.triangles) - places, axis=1)
    assert np.median(gap) < 1.0 and gap[LIPS + RIGHT_EYE].max() < 2.5


@needs_models
def test_too_few_renders_are_refused():
    options = CorrespondenceOptions(n_heads=1, augmentations=2, min_presence=0.0)
    with pytest.raises(ConfigError, match="of 1 renders"):
        mesh468_on_model(small_head(), MODELS, options)


@pytest.mark.slow
def test_the_script_hands_model_and_networks_to_the_library(tmp_path, monkeypatch):
    calls = {}

    def fake(model, models, options):
        calls.update(model=model.name, models=models, options=options)
        return model.landmarks["mesh468"]

    monkeypatch.setattr(script, "mesh468_on_model", fake)
    inputs = SimpleNamespace(mesh="resources/landmark_models/face_landmark.tflite")
    outputs = SimpleNamespace(
        points=tmp_path / "mesh468_makehuman.json",
        ibug68=tmp_path / "ibug68_makehuman.json",
        picture=tmp_path / "mesh468_makehuman.png",
    )
    script.main(inputs, outputs, SimpleNamespace(options={"n_heads": 7}))
    assert calls["model"] == "makehuman" and calls["options"].n_heads == 7
    assert calls["models"] == Path("resources/landmark_models")
    name, inner = read_landmark_scheme(outputs.ibug68)
    assert name == "ibug68"
    model = load_face_model("makehuman")
    places = inner.on(model.mean, model.triangles)
    wanted = ibug_of_mesh(model).weights @ model.landmarks["mesh468"].on(
        model.mean, model.triangles
    )
    assert np.linalg.norm(places - wanted, axis=1)[17:].max() < 3.0  # brought to the skin
    assert outputs.points.is_file() and outputs.picture.stat().st_size > 10_000
