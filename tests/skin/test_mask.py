"""The skin mask finds painted skin of every colour and nothing else."""

import numpy as np
import pytest

from lib.artefacts import Capture, Faces, Landmarks
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import load_face_model
from lib.geometry import project, to_camera
from lib.geometry.pose import rotation_from_vector
from lib.skin import SkinOptions, mask_skin, published_probability
from lib.skin.region import BROW, FACE, FEATURE, FOREHEAD, HEAD, SCALP, label_pixels
from lib.skin.smooth import apply_lines, guided_lines

SIZE = (300, 260)
TONES = {  # sRGB of skin, hair, background
    "fair": ((224, 186, 164), (90, 60, 40), (120, 130, 140)),
    "dark": ((78, 52, 42), (24, 22, 22), (200, 205, 210)),
    "blue light": ((70, 90, 190), (25, 30, 60), (40, 80, 150)),
    "grey": ((170, 170, 170), (60, 60, 60), (110, 110, 110)),
}


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def camera_of(turn, size=SIZE, distance=750.0):
    rotation = rotation_from_vector(np.array(turn)) @ np.diag([1.0, -1.0, -1.0])
    pose = np.column_stack([rotation, [0.0, 20.0, distance]])
    return pose, np.array(2.6 * size[0]), np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])


def painted(model, tone, turn=(0, 0, 0), size=SIZE, distance=750.0):
    """A shaded, noisy picture of the mean head in flat colours; its labels and landmarks."""
    skin, hair, background = (np.array(c, float) for c in TONES[tone])
    pose, focal, centre = camera_of(turn, size, distance)
    points = project(model.mean.astype(float), pose, focal, centre)
    depth = to_camera(model.mean.astype(float), pose)[:, 2]
    labels = label_pixels(model, points, depth, size)
    colours = np.tile(background, (7, 1))
    colours[[FACE, FOREHEAD, HEAD]] = skin
    colours[[SCALP, BROW]] = hair
    colours[FEATURE] = 0.6 * skin + [40, 0, 10]
    shade = np.linspace(0.75, 1.1, size[1])[:, None]
    noise = np.random.default_rng(0).normal(0, 4, (*size, 3))
    image = np.clip(colours[labels] * shade + noise, 0, 255).astype(np.uint8)
    ibug = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(float)
    return image, labels, project(ibug, pose, focal, centre)


def artefacts(images, points):
    n = len(images)
    capture = Capture(
        subject="s",
        path=("a",) * n,
        sha256=("",) * n,
        image=tuple(images),
        original_size=np.array([image.shape[:2] for image in images]),
        working_to_original=np.ones((n, 2)),
        focal_px=np.full(n, np.nan),
        focal_source=("none",) * n,
        centre_px=np.array([[(i.shape[1] - 1) / 2, (i.shape[0] - 1) / 2] for i in images]),
        world_to_camera=np.full((n, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((n, 8)),
        mask=[np.zeros((0, 0))] * n,
        view=[f"{i:02d}" for i in range(n)],
    )
    five = np.full((n, 5, 2), np.nan)
    faces = Faces("a", "s", np.zeros((n, 4)), np.ones(n), five, np.zeros(n))
    points = np.array(points)
    sigma = np.full((n, 68), 1.0)
    landmarks = Landmarks(
        scheme="ibug68",
        points_px=points,
        sigma_px=sigma,
        depth_px=np.full((n, 68), np.nan),
        ibug68_px=points,
        ibug68_sigma_px=sigma,
        presence=np.ones(n),
    )
    return capture, faces, landmarks


def overlap(mask, truth):
    found = mask > 127
    return (found & truth).sum() / (found | truth).sum()


def skin_of(labels):
    return np.isin(labels, (FACE, FOREHEAD, HEAD))


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("turn", [(0, 0, 0), (0.1, 0.6, 0.5)])
def test_painted_skin_of_any_tone_is_found(model, tone, turn):
    image, labels, points = painted(model, tone, turn)
    mask = mask_skin(model, *artefacts([image], [points]), SkinOptions()).probability[0]
    assert overlap(mask, skin_of(labels)) > 0.97
    assert mask[labels == FEATURE].mean() < 20
    assert mask[labels == BROW].mean() < 30
    assert mask[labels == 0].mean() < 4


@pytest.mark.parametrize("size", [(70, 60), (900, 780)])
def test_small_and_large_photos_give_the_same_mask(model, size):
    image, labels, points = painted(model, "fair", size=size)
    mask = mask_skin(model, *artefacts([image], [points]), SkinOptions()).probability[0]
    assert overlap(mask, skin_of(labels)) > 0.8


def test_hair_across_the_cheek_is_not_skin(model):
    image, labels, points = painted(model, "fair")
    eye, jaw = points[36:42].mean(0), points[4]
    strand = np.zeros(SIZE, bool)
    x = round((eye[0] + jaw[0]) / 2)
    strand[round(eye[1] + 8) : round(jaw[1]), x - 7 : x + 7] = True
    image = image.copy()
    image[strand & (labels == FACE)] = TONES["fair"][1]
    mask = mask_skin(model, *artefacts([image], [points]), SkinOptions()).probability[0]
    assert mask[strand & (labels == FACE)].mean() < 40
    assert mask[~strand & (labels == FACE)].mean() > 200


def test_the_same_photo_gives_the_same_bytes(model):
    image, _, points = painted(model, "dark", (0, 0.3, 0))
    inputs = artefacts([image], [points])
    first, second = (mask_skin(model, *inputs, SkinOptions()).probability[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_face_that_leaves_the_photo_is_still_masked(model):
    image, labels, points = painted(model, "fair")
    cut = slice(None), slice(120, None)
    inputs = artefacts([np.ascontiguousarray(image[cut])], [points - [120, 0]])
    mask = mask_skin(model, *inputs, SkinOptions()).probability[0]
    assert overlap(mask, skin_of(labels[cut])) > 0.8


def test_a_view_without_landmarks_is_empty_and_a_capture_without_any_fails(model):
    image, labels, points = painted(model, "fair")
    nothing = np.full((68, 2), np.nan)
    inputs = artefacts([image, image], [points, nothing])
    seen, unseen = mask_skin(model, *inputs, SkinOptions()).probability
    assert overlap(seen, skin_of(labels)) > 0.85
    assert not unseen.any()
    with pytest.raises(CaptureFailure, match="No five landmarks of scheme 'ibug68'") as caught:
        mask_skin(model, *artefacts([image], [nothing]), SkinOptions())
    assert caught.value.outcome == "no_pose"


def test_the_published_method_is_the_published_mixture(model):
    image, _, points = painted(model, "fair")
    inputs = artefacts([image], [points])
    mask = mask_skin(model, *inputs, SkinOptions(method="published")).probability[0]
    np.testing.assert_array_equal(mask, np.round(255 * published_probability(image)))
    with pytest.raises(ConfigError, match=r"skin\.method is 'magic'"):
        SkinOptions(method="magic")


def test_guided_smoothing_keeps_edges_of_the_guide_and_smooths_noise():
    draw = np.random.default_rng(0)
    step = (np.arange(80) >= 40).astype(np.float32)[None].repeat(60, 0)
    guide = np.stack([step, 1 - step, 0.5 * step], -1)
    noisy = step + draw.normal(0, 0.3, step.shape).astype(np.float32)
    smooth = apply_lines(guided_lines(guide, noisy, 6, 1e-3), guide)
    assert np.abs(smooth - step).max() < 0.12


@pytest.mark.parametrize("method", ["refined", "published"])
def test_a_view_without_a_face_has_no_skin_and_the_others_have(model, method):
    image, _, points = painted(model, "fair")
    capture, faces, landmarks = artefacts([image, image], [points, points])
    boxes = faces.box_px.copy()
    boxes[1] = np.nan
    missing = landmarks.points_px.copy()
    missing[1] = np.nan
    landmarks = landmarks.replace(points_px=missing, ibug68_px=missing)
    options = SkinOptions(method=method)
    found = mask_skin(model, capture, faces.replace(box_px=boxes), landmarks, options).probability
    assert found[0].max() > 200 and not found[1].any()
    with pytest.raises(CaptureFailure, match="no_pose"):
        mask_skin(model, capture, faces.replace(box_px=boxes * np.nan), landmarks, options)


def test_what_the_users_mask_leaves_out_is_no_skin(model):
    image, _, points = painted(model, "fair")
    capture, faces, landmarks = artefacts([image], [points])
    free = mask_skin(model, capture, faces, landmarks, SkinOptions()).probability[0]
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[:, image.shape[1] // 2 :] = 255
    capture = capture.replace(mask=(mask,))
    found = mask_skin(model, capture, faces, landmarks, SkinOptions()).probability[0]
    np.testing.assert_array_equal(found, np.where(mask > 0, free, 0))
    assert free[mask == 0].max() > 200
