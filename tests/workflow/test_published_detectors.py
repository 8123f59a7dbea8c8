"""Detection and landmarks with made-up weights in the published layout: rows, no crash."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from lib.artefacts import BatchReader, BatchWriter, Capture, Faces, Landmarks
from lib.errors import CaptureFailure
from lib.planning.settings import checked_settings
from scripts import detect_faces, find_landmarks
from tests.detection.test_find_faces import MODELS, capture, retinaface_weights
from tests.networks.published_detectors import points106_weights

pytestmark = pytest.mark.slow


@pytest.fixture
def photos(tmp_path):
    """A batch of three photos, one of which could not be imported."""
    photo = astronaut()
    with BatchWriter(tmp_path / "capture.h5", Capture, "import") as writer:
        writer.add("a", capture(photo))
        writer.fail("b", CaptureFailure("unreadable_image", "no photo"))
        writer.add("c", capture(np.ascontiguousarray(photo[:300, :200])))
        writer.add("d", capture(photo[:140], photo[100:, 30:]))
    return tmp_path / "capture.h5"


def run(folder, photos, fires, weights, model=""):
    torch.save(retinaface_weights(fires), folder / "retinaface.pth")
    torch.save({"state_dict": weights}, folder / "large_base_net.pth")
    given = {
        "detection": {
            "method": "retinaface",
            "faces": "best",
            "weights": str(folder / "retinaface.pth"),
        },
        "landmarks": {"method": "points106", "weights": str(folder / "large_base_net.pth")},
    }
    settings = checked_settings(given)
    files = {"capture": photos, "faces": folder / "faces.h5", "landmarks": folder / "landmarks.h5"}
    outputs = SimpleNamespace(**files, sheet=folder / "sheet.jpg")
    inputs = SimpleNamespace(**files, detector=MODELS / "x", mesh=MODELS / "x", model=model)
    for script, section in ((detect_faces, "detection"), (find_landmarks, "landmarks")):
        params = {"options": settings[section], "device": "cpu", "face_model": "makehuman"}
        script.main(inputs, outputs, SimpleNamespace(**params))
    with BatchReader(files["faces"], Faces) as faces:
        found = {row.capture: row.outcome for row in faces.outcomes}
    return found, files["landmarks"]


def test_photos_without_a_face_are_rows(tmp_path, photos):
    found, landmarks = run(tmp_path, photos, False, points106_weights())
    assert found == {"a": "no_face", "b": "unreadable_image", "c": "no_face", "d": "no_face"}
    with BatchReader(landmarks, Landmarks) as reader:
        assert {row.capture: row.outcome for row in reader.outcomes} == found


@pytest.mark.parametrize("batch", [1, 16])
def test_photos_with_faces_get_106_points_and_the_68_of_them(tmp_path, photos, monkeypatch, batch):
    for script in (detect_faces, find_landmarks):  # as on a GPU
        monkeypatch.setattr(script, "at_once", lambda device: batch)
    found, landmarks = run(tmp_path, photos, True, points106_weights())
    assert found == {"a": "ok", "b": "unreadable_image", "c": "ok", "d": "ok"}
    with BatchReader(landmarks, Landmarks) as reader:
        assert {row.capture: row.outcome for row in reader.outcomes} == found
        for _, item in reader.items():
            assert item.scheme == "ldm106" and item.points_px.shape[1:] == (106, 2)
            seen = np.array(item.view_reason) == ""
            for values in (item.points_px, item.sigma_px, item.ibug68_px, item.ibug68_sigma_px):
                assert np.isfinite(values[seen]).all() and np.isnan(values[~seen]).all()
            assert (item.sigma_px[seen] > 0).all()
            np.testing.assert_array_equal(item.ibug68_px[seen, 36], item.points_px[seen, 66])


def test_weights_that_see_no_face_are_rows_too(tmp_path, photos):
    blind = points106_weights() | {"block19.weight": torch.zeros(106, 256, 3, 3)}
    _, landmarks = run(tmp_path, photos, True, blind)
    with BatchReader(landmarks, Landmarks) as reader:
        outcomes = {row.capture: row.outcome for row in reader.outcomes}
    assert set(outcomes.values()) == {"landmarks_unsure", "unreadable_image"}
