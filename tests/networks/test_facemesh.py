from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lib.networks.blazeface import BlazeFace, overlap
from lib.networks.crop import CropFrame
from lib.networks.facemesh import FaceMesh, frame_of_box, frame_of_points, roll_of_points
from lib.networks.mesh_mirror import MIRROR
from tests.networks.weights import MODELS, needs_models

PHOTO = astronaut()[:300, 60:400]
WHOLE = CropFrame((169.5, 149.5), 340.0, 0.0, 128)


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh(MODELS)


@pytest.fixture(scope="module")
def face():
    return BlazeFace(MODELS)(PHOTO, WHOLE, 0.5)


def test_mirroring_twice_gives_every_mesh_point_back():
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(468))
    assert (np.arange(468) == MIRROR).sum() == 28


def test_overlap_of_equal_half_and_separate_boxes_is_one_a_third_and_zero():
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], float)
    np.testing.assert_allclose(overlap(boxes[0], boxes), [1, 1 / 3, 0])


@needs_models
def test_the_detector_sees_the_one_face_with_the_eyes_in_order(face):
    assert len(face) == 1 and face.score[0] > 0.8
    right_eye, left_eye, nose, mouth = face.points_px[0][:4]
    assert right_eye[0] < nose[0] < left_eye[0] and right_eye[1] < nose[1] < mouth[1]


@needs_models
def test_the_mesh_of_a_mirrored_crop_is_the_same_face(mesh, face):
    frame = frame_of_points(mesh(PHOTO, frame_of_box(face.box_px[0], 0.0)).points_px)
    plain = mesh(PHOTO, frame)
    mirrored = mesh(PHOTO, replace(frame, mirrored=True))
    gap = np.linalg.norm(plain.points_px - mirrored.points_px, axis=1)
    assert plain.presence > 0.99 and gap.mean() < 0.02 * frame.side_px


@needs_models
def test_the_mesh_turns_with_the_photo(mesh, face):
    upright = mesh(PHOTO, frame_of_box(face.box_px[0], 0.0))
    turned_photo = cv2.rotate(PHOTO, cv2.ROTATE_90_CLOCKWISE)
    height = PHOTO.shape[0]
    turn = lambda p: np.stack([height - 1 - p[:, 1], p[:, 0]], 1)  # noqa: E731
    frame = frame_of_points(upright.points_px)
    x, y = turn(np.array([frame.centre_px]))[0]
    turned_frame = replace(frame, centre_px=(x, y), roll_rad=frame.roll_rad + np.pi / 2)
    turned = mesh(turned_photo, turned_frame)
    expected = mesh(PHOTO, frame)
    np.testing.assert_allclose(turned.points_px, turn(expected.points_px), atol=1.0)
    assert abs(roll_of_points(turned.points_px) - roll_of_points(expected.points_px)) == (
        pytest.approx(np.pi / 2, abs=0.03)
    )


@needs_models
def test_a_wall_is_no_face(mesh):
    wall = np.full((200, 200, 3), 140, np.uint8)
    assert mesh(wall, CropFrame((99.5, 99.5), 150.0, 0.0, 192)).presence < 0.5


@needs_models
def test_the_number_of_threads_changes_nothing(mesh, face):
    frame = frame_of_box(face.box_px[0], 0.1)
    threads = cv2.getNumThreads()
    results = []
    for count in (1, 2):
        cv2.setNumThreads(count)
        results.append(mesh(PHOTO, frame).points_px)
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*results)
