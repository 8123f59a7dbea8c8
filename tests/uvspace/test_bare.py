import numpy as np
import pytest

from lib.facemodel import load_face_model
from lib.uvspace.bare import bare_skin, skin_chart


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def test_eyes_brows_ears_and_neck_are_not_bare_but_cheeks_and_chin_are(model):
    bare = bare_skin(model)
    for part in ("right_eye", "left_eye", "right_eyebrow", "left_eyebrow"):
        assert not bare[model.parts[part]].any(), part
    off = np.setdiff1d(np.arange(model.n_vertices), model.parts["face_mask"])
    assert not bare[off].any()
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    for place in ((marks[1] + marks[31]) / 2, (marks[15] + marks[35]) / 2, marks[30]):
        nearest = np.argmin(np.linalg.norm(model.mean - place, axis=1))
        assert bare[nearest] > 0.9


def test_lips_have_relief_inside_and_none_at_their_border(model):
    bare = bare_skin(model)
    lips = np.concatenate([model.parts["upper_lip"], model.parts["lower_lip"]])
    assert bare[lips].max() > 0.8 and bare[lips].min() == 0


def test_the_chart_is_bare_only_on_its_mask(model):
    chart = skin_chart(model, 128)
    assert not chart.bare[~chart.mask].any()
    assert 0.2 < (chart.bare > 0.5).mean() < 0.6
