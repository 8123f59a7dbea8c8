"""Photos of made-up people: reproducible, and true to what they claim."""

import numpy as np
import pytest

from lib.facemodel import load_face_model
from lib.geometry import project, vertex_normals
from lib.imaging import srgb_to_linear
from lib.render import Camera, irradiance, render_buffers, visible
from lib.synthesis import Environment, Shot, ShotOptions, draw_person, draw_shot, render_photo
from lib.synthesis.light import light_on_vertices

OPTIONS = ShotOptions(size=(160, 160))


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def person(model):
    return draw_person(model, 0, 1, texture_px=256)


@pytest.fixture(scope="module")
def photo(model, person):
    return render_photo(model, person, draw_shot(model, 0, 3, OPTIONS, yaw_deg=20.0))


def test_a_photo_is_made_again_from_seed_and_index_alone(model, person, photo):
    draw_shot(model, 0, 2, OPTIONS)  # another item between does not matter
    again = render_photo(model, person, draw_shot(model, 0, 3, OPTIONS, yaw_deg=20.0))
    np.testing.assert_array_equal(again.image, photo.image)
    other = render_photo(model, person, draw_shot(model, 1, 3, OPTIONS, yaw_deg=20.0))
    assert (other.image != photo.image).mean() > 0.5


def test_the_truth_projects_onto_the_face(model, photo):
    truth = photo.truth
    camera = truth.camera
    again = project(
        truth.landmarks_mm, camera.world_to_camera, np.array(camera.focal_px), camera.centre_px
    )
    np.testing.assert_allclose(truth.landmarks_px, again)
    x, y = np.rint(truth.landmarks_px[[27, 28, 29, 51, 57]]).astype(int).T
    assert truth.face[y, x].all()
    assert 0.05 < truth.face.mean() < 0.5


def test_a_turned_head_shows_more_of_its_right_cheek_when_it_looks_to_its_left(model, photo):
    x = photo.truth.landmarks_px[:, 0]
    nose = x[30]
    assert abs(x[36] - nose) > 1.2 * abs(x[45] - nose)


def test_eyes_and_brows_are_there(model, photo):
    linear = srgb_to_linear(photo.image)
    marks = photo.truth.landmarks_px

    def at(points):
        x, y = np.rint(points).astype(int).T
        return linear[y, x].mean()

    cheek = at((marks[[31]] + marks[[1]]) / 2)
    assert at(marks[18:21]) < 0.8 * cheek
    assert at(marks[36:42].mean(axis=0, keepdims=True)) < 0.8 * cheek  # iris


def test_dark_skin_is_darker_than_light_skin(model):
    cheeks = model.parts["skin_smooth"]
    uv = model.uv[model.uv_triangles[np.isin(model.triangles, cheeks).all(axis=1)][:, 0]]
    tones = []
    for index in (0, 5):
        texture = draw_person(model, 0, index, texture_px=128).texture
        rows = np.clip(((1 - uv[:, 1]) * len(texture)).astype(int), 0, len(texture) - 1)
        columns = np.clip((uv[:, 0] * len(texture)).astype(int), 0, len(texture) - 1)
        tones.append(np.median(texture[rows, columns]))
    assert tones[1] < 0.4 * tones[0]


def test_light_from_one_side_leaves_the_other_dark(model):
    side = np.array([[1.0, 0, 0]])
    lamp = Environment(side, np.ones((1, 3)))
    arriving, _, arrives = light_on_vertices(model.mean, model.triangles, lamp, 1)
    marks = model.landmarks["ibug68"]
    lit = marks.on(arriving, model.triangles)[[0, 16], 0]
    assert lit[0] == 0
    assert lit[1] > 0.5
    assert set(np.unique(arrives)) == {0.0, 1.0}


def test_harmonics_of_an_environment_shade_like_its_lights():
    chance = np.random.default_rng(0)
    directions = chance.standard_normal((40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    colours = chance.uniform(0, 0.1, (40, 3))
    normals = directions[:10]
    exact = np.maximum(normals @ directions.T, 0) @ colours
    found = irradiance(normals, Environment(directions, colours).harmonics())
    np.testing.assert_allclose(found, exact, atol=0.12 * exact.mean())


def test_cameras_keep_to_their_ranges(model):
    for index in range(30):
        shot = draw_shot(model, 5, index, ShotOptions(yaw_deg=40))
        eye = -shot.camera.world_to_camera[:, :3].T @ shot.camera.world_to_camera[:, 3]
        distance = np.linalg.norm(eye - [0, -30, 0])
        assert 390 < distance < 2700
        yaw = np.degrees(np.arctan2(-shot.camera.world_to_camera[2, 0], 1))
        assert abs(shot.yaw_deg) <= 40
        assert abs(yaw) < 45
        assert (shot.expression >= 0).all()
        assert (shot.expression <= 1).all()


def test_hair_covers_the_crown_and_leaves_the_face_free(model, person):
    shell = person.hair.on(model.mean, model.triangles)
    bare = len(model.triangles)
    both = np.concatenate([model.mean, shell])
    triangles = np.concatenate([model.triangles, person.hair.triangles + len(shell)])
    pose = np.column_stack([np.diag([1.0, -1, -1]), [0, 0, 900.0]])
    front = Camera(pose, 900.0, np.array([127.5, 127.5]))
    ids = render_buffers(both, triangles, *front, (256, 256)).triangle_id
    rows = np.flatnonzero((ids >= bare).any(axis=1))
    brows = project(
        model.mean[model.parts["left_eyebrow"]], pose, np.array(900.0), np.array([127.5, 127.5])
    )
    middle = ids[: int(brows[:, 1].min()), 120:136]
    assert (middle[rows.min() + 2 : rows.min() + 8] >= bare).mean() > 0.9
    face = model.parts["skin_smooth"]
    buffers = render_buffers(both, triangles, *front, (256, 256))
    normals = vertex_normals(model.mean, model.triangles)
    facing = face[normals[face, 2] > 0.5]
    below = facing[model.mean[facing, 1] < model.mean[model.parts["left_eyebrow"], 1].max()]
    assert visible(model.mean[below], normals[below], buffers, front, 1.5).mean() > 0.97


def test_a_shot_with_a_neutral_face_poses_the_neutral_vertices(model, person):
    shot = draw_shot(model, 0, 9, ShotOptions(size=(96, 96), expression=0.0))
    assert isinstance(shot, Shot)
    truth = render_photo(model, person, shot).truth
    np.testing.assert_array_equal(truth.posed, truth.neutral)
