"""A synthetic capture is made again from seed and index alone, and its truth is true."""

from dataclasses import replace

import numpy as np
import pytest

from lib.artefacts import PART_LABELS
from lib.errors import ConfigError
from lib.facemodel.skin_fields import ITA_CLASSES
from lib.geometry import SurfaceTree, project
from lib.imaging import luminance, srgb_to_linear
from lib.render import Camera, sample_texture
from lib.synthesis import draw_capture, open_studio
from lib.synthesis.cameras.view import draw_photo_view
from lib.synthesis.chance import generator
from lib.synthesis.people import draw_person
from tests.synthesis.worlds import PHOTOS, same

SKIN, CLOTH = PART_LABELS.index("skin"), PART_LABELS.index("cloth")


def camera_of(truth, view=0):
    return Camera(truth.world_to_camera[view], float(truth.focal_px[view]), truth.centre_px[view])


def surface_points(truth, view=0):
    """(n, 3) mm in the world: what the pixels with a depth show; (n,) their rows and columns."""
    depth = truth.depth_mm[view]
    rows, columns = np.nonzero(np.isfinite(depth))
    camera = camera_of(truth, view)
    pixel = np.stack([columns, rows], axis=1)
    ray = np.column_stack([(pixel - camera.centre_px) / camera.focal_px, np.ones(len(rows))])
    inside = ray * depth[rows, columns][:, None]
    pose = camera.world_to_camera
    return (inside - pose[:, 3]) @ pose[:, :3], rows, columns


def test_an_item_is_made_again_bit_by_bit_whatever_was_made_before(studio, photo):
    draw_capture(studio, PHOTOS, 1)
    again = draw_capture(studio, PHOTOS, 3)
    assert same(again.truth, photo.truth)
    assert [p.jpeg for p in again.photos] == [p.jpeg for p in photo.photos]


@pytest.mark.slow
def test_another_seed_is_another_person_in_another_picture(studio, photo):
    other = draw_capture(studio, replace(PHOTOS, seed=1), 3).truth
    assert np.abs(other.neutral_mm - photo.truth.neutral_mm).max() > 1
    assert (other.image[0] != photo.truth.image[0]).mean() > 0.5


@pytest.mark.slow
def test_captures_of_one_subject_share_the_person_and_nothing_else(studio):
    options = replace(PHOTOS, captures_per_subject=2)
    one, two = (draw_capture(studio, options, index).truth for index in (2, 3))
    assert one.subject == two.subject
    np.testing.assert_array_equal(one.neutral_mm, two.neutral_mm)
    assert not np.array_equal(one.world_to_camera, two.world_to_camera)
    assert draw_capture(studio, options, 4).truth.subject != one.subject


def test_the_truth_tells_the_persons_tone(studio, photo):
    person = draw_person(studio, PHOTOS, 3, 256, 200)
    assert photo.truth.tone_deg == np.float32(person.tone_deg)


def test_skin_tones_come_from_all_classes_in_turn(studio):
    tones = [draw_person(studio, PHOTOS, index, 256, 200).tone_deg for index in range(6)]
    for tone, (low, high) in zip(tones, ITA_CLASSES, strict=True):
        assert low <= tone <= high


def test_depth_lies_on_the_mesh_that_is_stored(rig):
    truth = rig.truth
    tree = SurfaceTree(truth.detail_mm.astype(np.float64), truth.detail_triangles)
    for view in range(3):
        points, _, _ = surface_points(truth, view)
        assert len(points) > 500
        distance = np.abs(tree.nearest(points[::7]).distance_mm)
        assert np.percentile(distance, 99) < 0.02


def test_relief_is_geometry_and_no_more_than_two_tenths_of_a_millimetre(studio, rig):
    truth = rig.truth
    height = truth.uv_displacement_mm
    assert 0.02 < np.abs(height).max() <= 0.2
    triangles = studio.model.triangles
    smooth = SurfaceTree(truth.vertices_mm.astype(np.float64), triangles)
    face = truth.detail_mm[truth.detail_face.astype(bool)]
    away = np.abs(smooth.nearest(face[::50].astype(np.float64)).distance_mm)
    assert 0.005 < np.sqrt((away**2).mean()) < 0.4


def test_relief_of_the_resting_face_is_that_without_the_expression(studio):
    options = replace(PHOTOS, expressions="frown", wrinkles=3.0)
    moved, still = (
        draw_capture(studio, replace(options, expression=factor), 3).truth for factor in (1.0, 0.0)
    )
    np.testing.assert_array_equal(moved.uv_resting_mm, still.uv_resting_mm)
    face = np.abs(still.uv_displacement_mm - still.uv_resting_mm).max()
    assert np.abs(moved.uv_displacement_mm - moved.uv_resting_mm).max() > max(5 * face, 0.05)


def test_chart_coordinates_lead_to_the_same_place_as_the_depth(rig):
    truth = rig.truth
    points, rows, columns = surface_points(truth)
    skin = truth.part[0][rows, columns] == SKIN
    uv = truth.uv[0][rows, columns]
    place = sample_texture(truth.uv_position_mm, uv)
    error = np.linalg.norm(place - points, axis=1)[skin]
    assert np.percentile(error, 95) < 0.35


def test_normals_are_unit_and_those_of_the_surface(rig):
    truth = rig.truth
    points, rows, columns = surface_points(truth)
    normal = truth.normal[0][rows, columns].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=2e-3)
    away = truth.normal[0][~np.isfinite(truth.depth_mm[0])]
    assert not away.any()
    grid = np.full((*truth.depth_mm[0].shape, 3), np.nan)
    grid[rows, columns] = points
    across, down = grid[1:-1, 2:] - grid[1:-1, :-2], grid[2:, 1:-1] - grid[:-2, 1:-1]
    measured = np.cross(down, across) @ truth.world_to_camera[0][:, :3].T
    measured /= np.linalg.norm(measured, axis=2, keepdims=True)
    smooth = (truth.part[0] == SKIN)[1:-1, 1:-1] & np.isfinite(measured).all(axis=2)
    cosine = (measured * truth.normal[0][1:-1, 1:-1])[smooth].sum(axis=1)
    assert np.median(cosine) > 0.97


def test_landmarks_project_where_they_say_and_are_seen_where_nothing_stands_before_them(rig):
    truth = rig.truth
    for scheme in ("68", "106", "134"):
        points = getattr(truth, f"landmarks{scheme}_mm").astype(np.float64)
        for view in range(3):
            camera = camera_of(truth, view)
            again = project(
                points, camera.world_to_camera, np.array(camera.focal_px), camera.centre_px
            )
            np.testing.assert_allclose(
                getattr(truth, f"landmarks{scheme}_px")[view], again, atol=1e-3
            )
    frontal = truth.landmarks68_seen[1].astype(bool)
    assert frontal[27:48].all()


@pytest.mark.slow
def test_in_profile_the_far_eye_is_not_seen(studio):
    size = (PHOTOS.height_px, PHOTOS.width_px)
    yaws = [
        draw_photo_view(size, generator(PHOTOS.seed, index, "cameras")).yaw_deg
        for index in range(100)
    ]
    index = int(np.argmax(np.abs(yaws)))
    capture = draw_capture(studio, PHOTOS, index)
    assert capture.views[0].yaw_deg == yaws[index] and abs(yaws[index]) > 80
    seen = capture.truth.landmarks68_seen[0].astype(bool)
    right, left = seen[36:42].sum(), seen[42:48].sum()
    near, far = (left, right) if yaws[index] < 0 else (right, left)
    assert far == 0 < near


def test_matte_and_mirrored_light_add_up_to_the_photo_of_a_rig(rig):
    truth = rig.truth
    for view in range(3):
        light = truth.diffuse[view].astype(np.float32) + truth.specular[view]
        seen = np.clip(light * truth.exposure[view], 0, 1)
        photo = srgb_to_linear(truth.image[view])
        inside = (seen < 0.85).all(axis=2)
        error = np.abs(luminance(seen) - luminance(photo))[inside]
        assert np.median(error) < 0.012
        assert np.percentile(error, 95) < 0.08


def test_highlights_are_where_mirrored_light_is(photo):
    truth = photo.truth
    mirrored = luminance(truth.specular[0].astype(np.float32) * truth.exposure[0])
    marked = truth.highlight[0].astype(bool)
    assert marked.any() and not marked.all()
    assert mirrored[marked].min() > mirrored[~marked].max() - 1e-3


def test_parts_are_where_their_landmarks_are(rig):
    truth = rig.truth
    marks = np.rint(truth.landmarks68_px[1]).astype(int)
    names = np.array(PART_LABELS)[truth.part[1][marks[:, 1], marks[:, 0]]]
    assert names[30] == "nose"
    assert (truth.part[1] == PART_LABELS.index("upper_lip")).sum() > 10
    for first, name in ((36, "right_eye"), (42, "left_eye")):
        middle = np.rint(truth.landmarks68_px[1][first : first + 6].mean(axis=0)).astype(int)
        assert PART_LABELS[truth.part[1][middle[1], middle[0]]] == name


def test_only_shape_that_the_model_can_take_is_called_in_its_span(studio, photo):
    assert photo.truth.span == ""
    plain = draw_capture(studio, replace(PHOTOS, free_form_mm=0.0, relief=0.0), 3).truth
    assert plain.span == "makehuman"
    model = studio.model
    np.testing.assert_allclose(
        plain.vertices_mm, model.vertices(plain.identity, plain.expression), atol=1e-3
    )


def test_things_before_the_face_hide_landmarks_and_are_labelled(studio):
    options = replace(PHOTOS, things=1.0)
    plain = draw_capture(studio, PHOTOS, 5).truth
    hidden = draw_capture(studio, options, 5).truth
    labels = set(np.unique(hidden.part[0]))
    assert labels & {PART_LABELS.index(name) for name in ("hand", "glasses", "hat")}
    assert hidden.landmarks68_seen[0].sum() < plain.landmarks68_seen[0].sum()


def test_a_rig_has_its_views_and_one_light(rig):
    assert len(rig.truth.image) == len(rig.views) == len(rig.photos) == 3
    assert rig.truth.light_distance_mm.min() > 500


def test_a_model_without_the_landmark_sets_is_refused_in_words(studio):
    landmarks = {"ibug68": studio.model.landmarks["ibug68"]}
    with pytest.raises(ConfigError, match="ldm106, ldm134"):
        open_studio(replace(studio.model, landmarks=landmarks))
