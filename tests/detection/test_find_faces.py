import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lib.artefacts import Capture
from lib.detection import Detection, DetectionOptions, find_faces, load_detector
from lib.detection.options import box_of_five, roll_of_five
from lib.errors import CaptureFailure, ConfigError, MissingModelError
from lib.networks.ahead import Ahead
from tests.networks.weights import MODELS, needs_models

PHOTO = astronaut()
FACE = PHOTO[:300, 60:400]
EYES = np.array([[203, 102], [246.5, 104.3]])  # by hand, in PHOTO


def capture(*images, path="anna.jpg"):
    n = len(images)
    return Capture(
        subject="anna",
        path=(path,) * n,
        sha256=("0" * 64,) * n,
        image=images,
        original_size=np.array([image.shape[:2] for image in images], np.int32),
        working_to_original=np.ones((n, 2)),
        focal_px=np.full(n, np.nan),
        focal_source=("none",) * n,
        centre_px=np.full((n, 2), 100.0),
        world_to_camera=np.full((n, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((n, 8)),
        mask=[np.zeros((0, 0))] * n,
        view=[f"{i:02d}" for i in range(n)],
    )


class Fixed:
    """A detector that always says the same."""

    def __init__(self, *sides):
        self._sides = sides

    def detect(self, image, name=""):
        return [
            Detection(np.array([0, 0, s, s], float), 0.9, np.full((5, 2), np.nan), 0.1)
            for s in self._sides
            if image.any()
        ]


def test_the_largest_face_becomes_the_capture_itself():
    ((name, faces),) = find_faces("a", capture(PHOTO), Fixed(10, 50, 20), DetectionOptions())
    assert name == "a" and faces.photo == "a" and faces.subject == "anna"
    np.testing.assert_array_equal(faces.box_px, [[0, 0, 50, 50]])


class Sure(Fixed):
    """A small sure face beside a large doubtful one."""

    def detect(self, image, name=""):
        large, small = super().detect(image, name)
        return [large, replace(small, score=0.95)]


def test_the_surest_face_is_taken_when_asked_for():
    ((name, faces),) = find_faces("a", capture(PHOTO), Sure(50, 20), DetectionOptions(faces="best"))
    assert name == "a" and faces.score[0] == np.float32(0.95)
    np.testing.assert_array_equal(faces.box_px, [[0, 0, 20, 20]])


class Many:
    """A detector of several images: a face as wide as the image's first pixel is bright."""

    def __init__(self):
        self.batches = []

    def detect_many(self, images):
        self.batches.append(len(images))
        sides = [float(image[0, 0, 0]) for image in images]
        five = np.full((5, 2), np.nan)
        return [[Detection(np.array([0, 0, s, s]), 0.9, five, 0.0)] if s else [] for s in sides]


def test_a_network_is_given_the_photos_of_captures_ahead():
    photos = {f"c{i:02d}": capture(np.full((4, 4, 3), 10 + i, np.uint8)) for i in range(40)}
    photos["c03"] = capture(*(np.full((4, 4, 3), 90 + i, np.uint8) for i in range(3)))
    detector = Many()
    ahead = Ahead(detector.detect_many, list(photos), lambda name: photos[name].image)
    for index, (name, views) in enumerate(photos.items()):
        ((_, faces),) = find_faces(name, views, ahead, DetectionOptions())
        expected = [90, 91, 92] if name == "c03" else [10 + index]
        np.testing.assert_array_equal(faces.box_px[:, 2], expected)
    assert detector.batches == [16, 16, 10]


def test_a_capture_without_a_face_fails_in_a_batch_of_photos_too():
    photos = {name: capture(np.full((4, 4, 3), v, np.uint8)) for name, v in (("a", 0), ("b", 40))}
    ahead = Ahead(Many().detect_many, list(photos), lambda name: photos[name].image)
    with pytest.raises(CaptureFailure, match="no_face"):
        find_faces("a", photos["a"], ahead, DetectionOptions())
    ((_, faces),) = find_faces("b", photos["b"], ahead, DetectionOptions())
    assert faces.box_px[0, 2] == 40


def test_all_faces_become_captures_of_their_own_largest_first():
    found = find_faces("a", capture(PHOTO), Fixed(10, 50, 20), DetectionOptions(faces="all"))
    assert [name for name, _ in found] == ["a", "a+2", "a+3"]
    assert [faces.box_px[0, 2] for _, faces in found] == [50, 20, 10]
    assert {faces.photo for _, faces in found} == {"a"}
    assert len({faces.subject for _, faces in found}) == 3


def test_a_view_without_a_face_is_nan_and_the_capture_goes_on():
    views = capture(PHOTO, np.zeros_like(PHOTO))
    ((_, faces),) = find_faces("a", views, Fixed(30), DetectionOptions(faces="all"))
    assert np.isfinite(faces.box_px[0]).all() and np.isnan(faces.box_px[1]).all()
    assert faces.score[0] > 0 and faces.score[1] == 0
    assert faces.view_reason == ("", "no face of at least 28 px found by blaze")


def test_a_capture_without_a_face_fails_with_a_reason():
    with pytest.raises(CaptureFailure, match=r"no_face: No face of at least 28 px .*512 x 512"):
        find_faces("a", capture(PHOTO), Fixed(), DetectionOptions())


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'yolo', expected one of blaze, dlib"):
        DetectionOptions(method="yolo")


def test_roll_and_box_of_five_points_turn_with_them():
    five = np.array([[-30, -30], [30, -30], [0, 0], [-20, 30], [20, 30]], float)
    turn = np.array([[0, -1], [1, 0]])  # clockwise in the picture, whose y points down
    assert roll_of_five(five) == 0
    assert roll_of_five(five @ turn.T) == pytest.approx(np.pi / 2)
    box, turned = box_of_five(five, 0.0), box_of_five(five @ turn.T, np.pi / 2)
    np.testing.assert_allclose(box[2:] - box[:2], turned[2:] - turned[:2])


@needs_models
@pytest.mark.parametrize("faces", ["largest", "all"])
def test_blaze_finds_the_one_face_of_a_portrait(faces):
    detector = load_detector(DetectionOptions(faces=faces), MODELS)
    (face,) = detector.detect(PHOTO)
    np.testing.assert_allclose(face.points_px[:2], EYES, atol=4)
    assert face.score > 0.7 and abs(face.roll_rad) < 0.15


@needs_models
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_blaze_finds_a_face_that_lies_or_stands_on_its_head(turns):
    detector = load_detector(DetectionOptions(), MODELS)
    (upright,) = detector.detect(FACE)
    (turned,) = detector.detect(np.ascontiguousarray(np.rot90(FACE, -turns)))
    change = (turned.roll_rad - upright.roll_rad) / (np.pi / 2)
    assert (change - turns + 2) % 4 - 2 == pytest.approx(0, abs=0.05)
    assert turned.side_px == pytest.approx(upright.side_px, rel=0.06)


@needs_models
def test_blaze_finds_a_face_of_40_px_in_a_large_photo():
    small = cv2.resize(FACE, None, fx=0.33, fy=0.33, interpolation=cv2.INTER_AREA)
    canvas = np.full((600, 700, 3), 120, np.uint8)
    canvas[400 : 400 + small.shape[0], 500 : 500 + small.shape[1]] = small
    (face,) = load_detector(DetectionOptions(), MODELS).detect(canvas)
    assert 30 < face.side_px < 45
    eyes = (EYES - [60, 0] + 0.5) * 0.33 - 0.5 + [500, 400]
    np.testing.assert_allclose(face.points_px[:2], eyes, atol=2)


@needs_models
@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image * 0.08).astype(np.uint8),
        lambda image: np.clip(
            image + np.random.default_rng(0).normal(0, 50, image.shape), 0, 255
        ).astype(np.uint8),
        lambda image: image[45:185, 105:240],
    ],
    ids=["dark", "noisy", "cut tightly"],
)
def test_blaze_finds_a_face_in_a_poor_photo(change):
    assert len(load_detector(DetectionOptions(), MODELS).detect(change(FACE))) == 1


@needs_models
def test_blaze_finds_no_face_in_noise_or_a_wall():
    detector = load_detector(DetectionOptions(), MODELS)
    noise = np.random.default_rng(0).integers(0, 255, (100, 130, 3), np.uint8)
    assert detector.detect(noise) == [] and detector.detect(np.full_like(noise, 128)) == []


@needs_models
def test_a_one_pixel_photo_has_no_face():
    assert load_detector(DetectionOptions(), MODELS).detect(np.zeros((1, 1, 3), np.uint8)) == []


@pytest.mark.parametrize("method", ["dlib", "haar"])
def test_detectors_inside_packages_find_the_portrait(method):
    face = load_detector(DetectionOptions(method=method), MODELS).detect(PHOTO)[0]
    centre = (face.box_px[:2] + face.box_px[2:]) / 2
    assert np.linalg.norm(centre - [221, 130]) < 25 and 70 < face.side_px < 140


def test_points_in_a_file_become_a_face(tmp_path):
    five = [[198, 111], [245, 110], [222, 135], [203, 158], [240, 157]]
    (tmp_path / "anna.json").write_text(json.dumps({"points": five}))
    options = DetectionOptions(method="files", folder=str(tmp_path))
    ((_, faces),) = find_faces("a", capture(PHOTO), load_detector(options, MODELS), options)
    np.testing.assert_allclose(faces.points_px[0], five)
    x0, y0, x1, y1 = faces.box_px[0]
    assert x0 < 198 and x1 > 245 and y0 < 111 and y1 > 158


def test_points_in_a_file_count_in_px_of_the_original(tmp_path):
    five = np.array([[396, 222], [490, 220], [444, 270], [406, 316], [480, 314]])
    np.savetxt(tmp_path / "anna.txt", five)
    options = DetectionOptions(method="files", folder=str(tmp_path))
    photo = replace(capture(PHOTO), working_to_original=np.array([[2.0, 2.0]]))
    ((_, faces),) = find_faces("a", photo, load_detector(options, MODELS), options)
    np.testing.assert_allclose(faces.points_px[0], (five + 0.5) / 2 - 0.5)
    box, centre = faces.box_px[0], (five.mean(0) + 0.5) / 2 - 0.5
    assert np.linalg.norm((box[:2] + box[2:]) / 2 - centre) < 10 and 80 < box[2] - box[0] < 110


def test_a_photo_without_a_file_says_which_file_is_missing(tmp_path):
    options = DetectionOptions(method="files", folder=str(tmp_path))
    with pytest.raises(CaptureFailure, match=r"No points or box for anna\.jpg"):
        find_faces("a", capture(PHOTO), load_detector(options, MODELS), options)


def test_a_missing_onnx_file_is_told_with_the_alternative():
    with pytest.raises(MissingModelError, match="method: blaze"):
        load_detector(DetectionOptions(method="onnx", onnx_file="no.onnx"), MODELS)


def test_a_file_that_is_not_yunet_is_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    options = DetectionOptions(method="onnx", onnx_file=str(tmp_path / "x.onnx"))
    with pytest.raises(ConfigError, match="cannot be read as YuNet"):
        load_detector(options, MODELS)


def test_68_points_give_the_five_of_the_published_crop(tmp_path):
    points = np.random.default_rng(0).uniform(0, 99, (68, 2)).round(2)
    np.savetxt(tmp_path / "anna.txt", points, delimiter="\t", fmt="%.2f")
    options = DetectionOptions(method="files", folder=str(tmp_path))
    (face,) = load_detector(options, MODELS).detect(PHOTO, "anna.jpg")
    eyes = [(points[36] + points[39]) / 2, (points[42] + points[45]) / 2]
    np.testing.assert_allclose(face.points_px, [*eyes, *points[[30, 48, 54]]], rtol=1e-6)


def retinaface_weights(fires):
    """RetinaFace that holds every prior of 256 px for a face, or none."""
    torch = pytest.importorskip("torch")
    from lib.networks.retinaface import RetinaFace

    torch.manual_seed(0)
    state = RetinaFace().state_dict()
    for level in range(3):
        for head in ("ClassHead", "BboxHead", "LandmarkHead"):
            state[f"{head}.{level}.conv1x1.weight"][:] = 0
            state[f"{head}.{level}.conv1x1.bias"][:] = 0
        bias = torch.tensor([2.0, -2.0, 2.0, -2.0])
        state[f"ClassHead.{level}.conv1x1.bias"][:] = bias
    if fires:
        state["ClassHead.2.conv1x1.bias"][:2] = torch.tensor([-2.0, 2.0])
        five = torch.tensor([[-2.0, -2.0], [2.0, -2.0], [0.0, 0.0], [-1.0, 2.0], [1.0, 2.0]])
        state["LandmarkHead.2.conv1x1.bias"][:10] = five.flatten()
    return state


@pytest.mark.parametrize("fires", [True, False])
def test_retinaface_gives_faces_or_none_with_weights_of_the_published_layout(tmp_path, fires):
    torch = pytest.importorskip("torch")
    torch.save(retinaface_weights(fires), tmp_path / "retinaface.pth")
    options = DetectionOptions(method="retinaface", weights=str(tmp_path / "retinaface.pth"))
    faces = load_detector(options, MODELS).detect(PHOTO)
    assert bool(faces) == fires
    for face in faces:
        centre = (face.box_px[:2] + face.box_px[2:]) / 2
        expected = centre + 25.6 * np.array([[-2, -2], [2, -2], [0, 0], [-1, 2], [1, 2]])
        np.testing.assert_allclose(face.points_px, expected, atol=1e-3)
        assert face.side_px == 256 and face.roll_rad == pytest.approx(0, abs=1e-6)


def test_weights_of_retinaface_that_are_not_named_are_asked_for():
    with pytest.raises(MissingModelError, match=r"detection\.weights is not set.*_old_torch\.pth"):
        load_detector(DetectionOptions(method="retinaface"), MODELS)


def test_mtcnn_runs_its_cascade_with_weights_of_the_published_layout(tmp_path):
    torch = pytest.importorskip("torch")
    from lib.networks.mtcnn import OutputNet, ProposalNet, RefineNet

    torch.manual_seed(0)
    sure = {"pnet": "conv4_1", "rnet": "dense5_1", "onet": "dense6_1"}
    for name, network in zip(sure, (ProposalNet(), RefineNet(), OutputNet())):
        for parameter in network.parameters():
            parameter.data *= 0.02  # offsets near zero, every window called a face
        getattr(network, sure[name]).bias.data[:] = torch.tensor([0.0, 3.0])
        torch.save(network.state_dict(), tmp_path / f"{name}.pt")
    options = DetectionOptions(method="mtcnn", min_face_px=40)
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)
    faces = load_detector(options, tmp_path).detect(image)
    assert faces and all(face.points_px.shape == (5, 2) for face in faces)
    for face in faces:  # with zero offsets the points lie at the corner of each window
        np.testing.assert_allclose(face.points_px, np.tile(face.box_px[:2] - 1, (5, 1)), atol=3)
