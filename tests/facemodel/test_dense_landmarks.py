"""The sets of 106 and 134 points, and the contour that a view shows."""

from dataclasses import replace

import numpy as np
import pytest

from lib.facemodel import (
    LINES106,
    LINES134,
    FaceModel,
    contour33,
    landmarks106,
    visible_contour,
)
from lib.facemodel.dense_landmarks import (
    CLOSED,
    EYE_CENTRES106,
    OPPOSITE106,
    OPPOSITE134,
    PUPILS106,
    dense_landmarks,
)
from lib.geometry import vertex_normals
from lib.render import Camera, landmarks_seen, render_buffers

SCHEMES = {"ldm106": (LINES106, OPPOSITE106), "ldm134": (LINES134, OPPOSITE134)}
FOCAL_PX, SIZE = 900.0, 384


@pytest.fixture
def model(named_model: FaceModel) -> FaceModel:
    """Heads with an underside of the jaw, lids that shut and eyes that turn."""
    return named_model


def on_mean(model: FaceModel, scheme: str) -> np.ndarray:
    return model.landmarks[scheme].on(model.mean, model.triangles).astype(float)


def expressed(model: FaceModel, *names: str) -> np.ndarray:
    weights = np.isin(model.expression_names, names).astype(np.float32)
    assert weights.sum() == len(names)
    return model.vertices(None, weights)


def camera(yaw_deg: float, roll_deg: float = 0.0, distance_mm: float = 1000.0) -> Camera:
    """In front of a head that turned by `yaw_deg` to its left, rolled in the picture."""
    yaw, roll = np.radians([yaw_deg, roll_deg])
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    rotation = tilt @ np.diag([1.0, -1.0, -1.0]) @ turn
    pose = np.column_stack([rotation, [0, 0, distance_mm] - rotation @ [0, -40, -20]])
    return Camera(pose, FOCAL_PX, np.array([(SIZE - 1) / 2, (SIZE - 1) / 2]))


def depth_image(model: FaceModel, vertices: np.ndarray, view: Camera) -> np.ndarray:
    return render_buffers(vertices, model.triangles, *view, size=(SIZE, SIZE)).depth_mm


def test_the_lines_and_single_points_of_each_set_are_all_of_its_indices_once():
    used = [i for line in LINES106.values() for i in line] + [*EYE_CENTRES106, *PUPILS106]
    assert sorted(used) == list(range(106))
    assert sorted(i for line in LINES134.values() for i in line) == list(range(134))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_swapping_sides_mirrors_the_points(model, scheme):
    points, opposite = on_mean(model, scheme), SCHEMES[scheme][1]
    assert len(points) == len(opposite)
    np.testing.assert_array_equal(opposite[opposite], np.arange(len(opposite)))
    np.testing.assert_allclose(points[opposite] * [-1, 1, 1], points, atol=0.35)
    assert (points[opposite == np.arange(len(opposite)), 0] ** 2 < 0.1).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_right_lines_are_at_negative_x(model, scheme):
    points = on_mean(model, scheme)
    for name, line in SCHEMES[scheme][0].items():
        if name.startswith("right"):
            assert (points[list(line), 0] < 0).all(), name


@pytest.mark.parametrize(
    ("index106", "index68", "limit_mm"),
    [
        (66, 36, 0.3), (70, 39, 0.3), (75, 42, 0.3), (79, 45, 0.3),  # corners of the eyes
        (84, 48, 0.3), (90, 54, 0.3),  # and of the mouth
        (16, 8, 0.3), (0, 0, 0.3), (32, 16, 0.3), (8, 4, 0.3),  # chin and jaw
        (54, 30, 3.5), (51, 27, 5.0), (60, 33, 4.5),  # nose
        (87, 51, 1.5), (98, 62, 3.0), (102, 66, 1.5),  # lips
    ],
)  # fmt: skip
def test_points_of_the_same_name_agree_with_ibug(model, index106, index68, limit_mm):
    away = on_mean(model, "ldm106")[index106] - on_mean(model, "ibug68")[index68]
    assert np.linalg.norm(away) < limit_mm


def test_the_dense_set_passes_through_the_points_of_the_other(model):
    ours, other = on_mean(model, "ldm134"), on_mean(model, "ldm106")
    for name, step in (("right_eye", 3), ("left_eye", 3), ("right_brow_upper", 2)):
        dense, sparse = list(LINES134[name])[::step], list(LINES106[name])
        np.testing.assert_allclose(ours[dense], other[sparse], atol=0.2)
    np.testing.assert_allclose(ours[[82, 89, 96, 103]], other[[84, 87, 90, 93]], atol=0.2)
    np.testing.assert_allclose(ours[[110, 116, 122, 128]], other[[96, 98, 100, 102]], atol=0.2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_points_follow_each_other_evenly_along_their_line(model, scheme):
    points = on_mean(model, scheme)
    for name, line in SCHEMES[scheme][0].items():
        if name.startswith("nose_outline") or (scheme == "ldm106" and "lips" in name):
            continue  # placed by names, not by length
        order = [*line, line[0]] if name in CLOSED else list(line)
        axes = 2 if name == "contour" else 3  # the jaw is evenly spread in a front view
        steps = np.linalg.norm(np.diff(points[order, :axes], axis=0), axis=1)
        halves = [steps[: len(steps) // 2], steps[len(steps) // 2 :]]
        for half in halves if name in CLOSED else [steps]:
            limit = 2.0 if name == "contour" else 1.75
            assert half.max() < limit * half.min(), name


def test_closed_lines_run_over_the_top_first_and_from_the_right_of_the_picture_side(model):
    for scheme, (lines, _) in SCHEMES.items():
        points = on_mean(model, scheme)
        for name in CLOSED:
            ring = points[list(lines[name])]
            half = len(ring) // 2
            assert ring[0, 0] == ring[:, 0].min(), name
            assert ring[half, 0] == ring[:, 0].max(), name
            assert (np.diff(ring[: half + 1, 0]) > 0).all(), name
            assert (np.diff(ring[half:, 0]) < 0).all(), name
            assert ring[1:half, 1].mean() > ring[half + 1 :, 1].mean(), name


def test_the_contour_goes_down_to_the_chin_and_up_again(model):
    contour = on_mean(model, "ldm106")[:33]
    assert (np.diff(contour[:, 0]) > -1.0).all()
    assert (np.diff(contour[:17, 1]) < 0).all()
    assert (np.diff(contour[16:, 1]) > 0).all()


def test_points_lie_on_their_parts(model):
    dense = on_mean(model, "ldm134")
    skin = model.mean
    for part, lines in {
        "right_eyebrow": ("right_brow_upper", "right_brow_lower"),
        "left_eyebrow": ("left_brow_upper", "left_brow_lower"),
        "right_eye": ("right_eye",),
        "left_eye": ("left_eye",),
    }.items():
        place = skin[model.parts[part]]
        for index in (i for line in lines for i in LINES134[line]):
            assert np.linalg.norm(place - dense[index], axis=1).min() < 4.0, (part, index)
    lips = {name: skin[model.parts[name]] for name in ("upper_lip", "lower_lip")}
    for index in range(83, 96):
        assert np.linalg.norm(lips["upper_lip"] - dense[index], axis=1).min() < 3.0, index
    for index in range(97, 110):
        assert np.linalg.norm(lips["lower_lip"] - dense[index], axis=1).min() < 3.0, index


def test_inner_lip_points_part_with_the_lips(model):
    opened = model.landmarks["ldm134"].on(expressed(model, "jawOpen"), model.triangles)
    upper, lower = opened[112:121], opened[132:123:-1]
    assert (upper[:, 1] - lower[:, 1] > 4).all()
    assert upper[4, 1] - lower[4, 1] > 12


def test_lid_points_meet_in_a_blink(model):
    shut = expressed(model, "eyeBlinkLeft", "eyeBlinkRight")
    points = model.landmarks["ldm134"].on(shut, model.triangles)
    neutral = on_mean(model, "ldm134")
    for first in (34, 58):
        upper, lower = np.arange(first + 1, first + 12), np.arange(first + 23, first + 12, -1)
        gap = np.abs(points[upper, 1] - points[lower, 1]).mean()
        assert gap < 0.3 * np.abs(neutral[upper, 1] - neutral[lower, 1]).mean()


def test_in_front_of_a_camera_everything_but_the_outline_is_seen(model):
    view = camera(0)
    depth = depth_image(model, model.mean, view)
    for scheme in SCHEMES:
        seen = landmarks_seen(on_mean(model, scheme), view, depth)
        assert seen[33 if scheme == "ldm106" else 0 :].all(), np.flatnonzero(~seen)


def test_in_a_profile_the_far_eye_is_hidden_and_the_near_one_seen(model):
    view = camera(80)  # turned to its left: the right side is near
    seen = landmarks_seen(on_mean(model, "ldm134"), view, depth_image(model, model.mean, view))
    assert not seen[list(LINES134["left_eye"])].any()
    assert seen[[34, 35, 36, 57, 56]].all()


def test_pupils_and_eye_centres_are_hidden_by_shut_lids(model):
    shut = expressed(model, "eyeBlinkLeft", "eyeBlinkRight")
    view = camera(0)
    seen = landmarks_seen(landmarks106(model, shut), view, depth_image(model, shut, view))
    assert not seen[list(PUPILS106)].any()


def test_eye_centres_stay_amid_the_lids_when_the_gaze_turns(model):
    at_rest = on_mean(model, "ldm106")
    np.testing.assert_allclose(
        landmarks106(model, model.mean)[list(EYE_CENTRES106)],
        at_rest[list(EYE_CENTRES106)],
        atol=1.5,
    )
    aside = expressed(model, "eyeLookInRight", "eyeLookOutLeft")
    turned = landmarks106(model, aside)
    lids = turned[66:74].mean(axis=0)
    assert np.linalg.norm((turned[74] - lids)[:2]) < 1.0
    if model.name == "makehuman":  # whose eyeballs turn with the expression
        assert turned[104, 0] - at_rest[104, 0] > 4


def test_contour_candidates_are_33_lines_without_a_common_vertex(model):
    lines = contour33(model)
    assert len(lines) == 33
    assert min(len(line) for line in lines) > 0
    assert len(lines[16]) == 1
    vertices = np.concatenate(lines)
    assert len(np.unique(vertices)) == len(vertices)


def test_a_frontal_view_shows_the_fixed_contour(model):
    found = model.mean[visible_contour(model, model.mean, camera(0).world_to_camera)]
    away = np.linalg.norm(found - on_mean(model, "ldm106")[:33], axis=1)
    assert away.max() < 7
    assert np.median(away) < 3


@pytest.mark.parametrize(("yaw_deg", "far"), [(45, range(20, 33)), (-45, range(13))])
def test_on_the_far_side_the_contour_is_the_silhouette(model, yaw_deg, far):
    view = camera(yaw_deg)
    chosen = visible_contour(model, model.mean, view.world_to_camera)[list(far)]
    normals = vertex_normals(model.mean.astype(float), model.triangles[model.region("skin")])
    eye = -view.world_to_camera[:, :3].T @ view.world_to_camera[:, 3]
    ray = eye - model.mean[chosen]
    cosine = (normals[chosen] * ray).sum(axis=1) / np.linalg.norm(ray, axis=1)
    assert np.median(np.abs(cosine)) < 0.2
    assert np.abs(cosine).max() < 0.5


def test_in_a_profile_the_far_contour_is_the_foremost_candidate(model):
    lines = contour33(model)
    chosen = visible_contour(model, model.mean, camera(90).world_to_camera, lines)
    for index in range(17, 33):
        assert model.mean[chosen[index], 2] > model.mean[lines[index], 2].max() - 3, index


def test_the_near_contour_is_the_edge_of_the_jaw(model):
    found = model.mean[visible_contour(model, model.mean, camera(45).world_to_camera)]
    away = np.linalg.norm(found - on_mean(model, "ldm106")[:33], axis=1)
    assert away[:12].max() < 8


@pytest.mark.parametrize("yaw_deg", [0, 40, 90])
def test_the_contour_of_a_view_does_not_depend_on_its_roll(model, yaw_deg):
    upright = visible_contour(model, model.mean, camera(yaw_deg).world_to_camera)
    rolled = visible_contour(model, model.mean, camera(yaw_deg, 35).world_to_camera)
    np.testing.assert_array_equal(rolled, upright)


def test_the_sets_come_out_the_same_again(makehuman):
    again = dense_landmarks(makehuman)
    for scheme in SCHEMES:
        np.testing.assert_array_equal(again[scheme].triangle, makehuman.landmarks[scheme].triangle)
        np.testing.assert_array_equal(
            again[scheme].barycentric, makehuman.landmarks[scheme].barycentric
        )


def test_a_model_without_what_the_rules_start_from_has_no_dense_sets(makehuman):
    bare = replace(makehuman, landmarks={"ibug68": makehuman.landmarks["ibug68"]})
    assert dense_landmarks(bare) == {}
    closed = replace(makehuman, triangle_region=np.zeros_like(makehuman.triangle_region))
    assert dense_landmarks(closed) == {}


def test_points_outside_the_picture_or_behind_the_camera_are_not_seen():
    view = Camera(np.hstack([np.eye(3), np.zeros((3, 1))]), 100.0, np.array([9.5, 9.5]))
    depth = np.full((20, 20), np.inf, np.float32)
    points = np.array([[0, 0, 500], [0, 0, -500], [60, 0, 500], [49, 0, 500], [0, -60, 500.0]])
    assert landmarks_seen(points, view, depth).tolist() == [True, False, False, True, False]


def test_an_occluder_hides_what_lies_more_than_the_tolerance_behind_it():
    view = Camera(np.hstack([np.eye(3), np.zeros((3, 1))]), 100.0, np.array([9.5, 9.5]))
    depth = np.full((20, 20), 500.0, np.float32)
    points = np.array([[0, 0, 499.0], [0, 0, 500.9], [0, 0, 501.1]])
    assert landmarks_seen(points, view, depth).tolist() == [True, True, False]
    assert landmarks_seen(points, view, depth, tolerance_mm=2.0).all()
    depth[:, 10:] = 400  # the edge of something nearer, less than a pixel from the points
    assert landmarks_seen(points, view, depth).tolist() == [True, True, False]
    depth[:] = 400
    assert not landmarks_seen(points, view, depth).any()
