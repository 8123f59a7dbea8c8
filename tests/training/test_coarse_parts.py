"""Building blocks of train_coarse: augmentation, the face as tensors, losses, recognition."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lib.artefacts.samples import CoarseSample
from lib.facemodel import PARTS, load_face_model
from lib.facemodel.object_frame import object_origin
from lib.geometry import vertex_normals
from lib.geometry.aligned_crop import align_face, standard_five
from lib.geometry.crop_camera import image_up, posed, rotation_of_angles, to_object
from lib.imaging.colour import srgb_to_linear
from lib.networks.regressor import Code
from lib.render.encoded_light import encoded_basis, encoded_shading
from lib.training.coarse import CoarseOptions
from lib.training.coarse.augment import (
    MIRRORED68,
    changed_image,
    changed_labels,
    changed_points,
    draw_change,
    no_change,
)
from lib.training.coarse.face import _basis, picture, rotation, trained_face
from lib.training.coarse.losses import (
    landmark_loss,
    light_loss,
    photometric_loss,
    reflectance_loss,
    regularisation_loss,
    shape_loss,
)
from lib.training.coarse.parts import crop_targets, part_loss
from lib.training.coarse.recognition import (
    FIVE_PX,
    gradient_histogram,
    matrices_of,
    perceptual_distance,
    recognition_matrix,
    warped,
)
from lib.training.coarse.rendered import (
    Population,
    aligned_code,
    random_code,
    rendered_sample,
)
from lib.training.coarse.schedules import coarse_rate

OPTIONS = CoarseOptions()


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def face(model):
    return trained_face(model)


def code_of(model, n=1, seed=0, **changes):
    chance = np.random.default_rng(seed)

    def tensor(values):
        return torch.tensor(values, dtype=torch.float32)

    return Code(
        **{
            "identity": tensor(chance.normal(0, 0.5, (n, model.n_identity))),
            "expression": tensor(chance.uniform(0, 0.2, (n, model.n_expression))),
            "albedo": tensor(chance.normal(0, 0.2, (n, model.n_albedo))),
            "angles": tensor(chance.normal(0, 0.15, (n, 3))),
            "light": tensor(chance.normal(0, 0.02, (n, 27))),
            "translation": tensor(chance.normal(0, 0.1, (n, 3))),
        }
        | changes
    )


def changes(count=20, **options):
    chance = np.random.default_rng(1)
    return [draw_change(replace(OPTIONS, **options), 224, chance) for _ in range(count)]


def test_points_seen_in_a_mirror_twice_are_the_same():
    np.testing.assert_array_equal(MIRRORED68[MIRRORED68], np.arange(68))
    assert MIRRORED68[[0, 8, 17, 30, 36, 48, 60]].tolist() == [16, 8, 26, 30, 45, 54, 64]


def test_pixels_go_where_their_points_go():
    rows, columns = np.mgrid[:224, :224]
    for change in changes(8):
        spot = np.array([120.0, 96.0])
        image = 255 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / 40)
        moved = changed_image(image.astype(np.uint8), change).astype(float)
        found = np.array([(columns * moved).sum(), (rows * moved).sum()]) / moved.sum()
        np.testing.assert_allclose(
            found, spot @ change.matrix[:, :2].T + change.matrix[:, 2], atol=0.1
        )


def test_changes_stay_within_their_limits():
    drawn = changes(200)
    linear = np.stack([change.matrix[:, :2] for change in drawn])
    flipped = np.array([change.flip for change in drawn])
    assert 60 < flipped.sum() < 140
    np.testing.assert_array_equal(np.linalg.det(linear) < 0, flipped)
    scale = np.sqrt(np.abs(np.linalg.det(linear)))
    assert scale.min() > 0.9 and scale.max() < 1.1 and np.ptp(scale) > 0.15
    middle = np.stack([c.matrix[:, :2] @ [111.5, 111.5] + c.matrix[:, 2] for c in drawn])
    assert 8 < np.abs(middle - 111.5).max() < 11.0 * 1.1
    still = changes(1, shift_px=0.0, scale=0.0, rotation_deg=0.0, flip=False)[0]
    np.testing.assert_allclose(still.matrix, no_change().matrix, atol=1e-12)


def test_a_mirror_exchanges_sides_of_points_and_parts():
    flipped = changes(1, shift_px=0.0, scale=0.0, rotation_deg=0.0, flip=True)
    change = next(
        c for c in flipped + changes(20, shift_px=0.0, scale=0.0, rotation_deg=0.0) if c.flip
    )
    points = np.random.default_rng(2).uniform(0, 223, (68, 2))
    moved = changed_points(points, change)
    np.testing.assert_allclose(moved[0], [223 - points[16, 0], points[16, 1]])
    labels = np.zeros((224, 224), np.uint8)
    labels[10:20, 30:50] = 1 + PARTS.index("right_eye")
    mirrored = changed_labels(labels, change)
    assert (mirrored[12:18, 180:190] == 1 + PARTS.index("left_eye")).all()
    assert (mirrored == 1 + PARTS.index("right_eye")).sum() == 0


def test_colours_change_only_when_asked():
    image = np.full((224, 224, 3), 100, np.uint8)
    still = changes(1, shift_px=0.0, scale=0.0, rotation_deg=0.0, flip=False)[0]
    assert (changed_image(image, still) == image).all()
    bright = changes(1, shift_px=0.0, scale=0.0, rotation_deg=0.0, flip=False, colour=0.4)[0]
    assert (changed_image(image, bright) != image).any()


def test_tensors_pose_and_project_as_arrays_do(model, face):
    code = code_of(model, 3)
    np.testing.assert_allclose(rotation(code.angles), rotation_of_angles(code.angles), atol=1e-6)
    seen = picture(face, code, 32)
    for row in range(3):
        vertices = model.vertices(code.identity[row].numpy(), code.expression[row].numpy())
        marks = model.landmarks["ibug68"].on(vertices, model.triangles)
        world = posed(
            to_object(marks, object_origin(model))[None],
            code.angles[row : row + 1].double().numpy(),
            code.translation[row : row + 1].double().numpy(),
        )
        np.testing.assert_allclose(seen.landmarks_up[row], image_up(world)[0], atol=2e-2)


def test_a_picture_lies_where_its_vertices_do(model, face):
    """Half a pixel left and below of points with y up, as published."""
    seen = picture(face, code_of(model, 1), 224)
    rows, columns = np.nonzero(seen.mask[0].numpy())
    used = torch.unique(face.triangles)
    places = image_up(seen.world[0, used].numpy()) * [1, -1] + [-0.5, 223.5]
    assert abs(columns.min() - places[:, 0].min()) < 1.5
    assert abs(columns.max() - places[:, 0].max()) < 1.5
    assert abs(rows.min() - places[:, 1].min()) < 1.5
    assert abs(rows.max() - places[:, 1].max()) < 1.5


def test_colour_is_albedo_times_the_published_shading(model, face):
    code = code_of(model, 1, albedo=torch.zeros(1, model.n_albedo))
    shape = face.shape(code.identity, code.expression)
    normals = (face.normals(shape) @ rotation(code.angles))[0].numpy()
    expected = face.albedo_mean.numpy() * encoded_shading(normals, code.light[0].numpy())
    seen = picture(face, code, 96)
    inside = seen.colour[seen.mask].numpy()
    assert expected.min() - 1e-3 <= inside.min() and inside.max() <= expected.max() + 1e-3
    np.testing.assert_allclose(
        srgb_to_linear(face.albedo_mean.numpy()),
        np.clip(model.albedo_mean[face.vertex.numpy()], 1e-3, 1),
        atol=1e-4,
    )


def test_tensors_are_lit_by_the_published_bands():
    normals = np.random.default_rng(4).normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    found = _basis(torch.tensor(normals)[None])[0]
    np.testing.assert_allclose(found, encoded_basis(normals), atol=1e-12)


def test_normals_count_every_triangle_alike_and_turn_with_the_head(model, face):
    """One large and one small triangle at a right angle: the normal lies between them."""
    corner = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.01]]])
    small = replace(face, triangles=torch.tensor([[0, 1, 2], [0, 2, 3]]))
    found = small.normals(corner)[0, 0]
    torch.testing.assert_close(found, torch.tensor([1.0, 0, 1]) / 2**0.5)
    nose = face.landmarks(face.mean[None])[0, 30]
    nearest = (face.mean - nose).norm(dim=1).argmin()
    assert face.normals(face.mean[None])[0, nearest, 2] > 0.5  # out of the face


def test_the_defaults_are_the_published_training():
    """Options of train.py of Deep3DFaceRecon_pytorch, by what they are called here."""
    published = {
        "backbone": "resnet50", "epochs": 20, "batch": 32, "learning_rate": 1e-4,
        "schedule": "step", "decay_epochs": 10, "shift_px": 10, "scale": 0.1, "rotation_deg": 10,
        "flip": True, "perceptual": 0.2, "photometric": 1.92, "landmark": 1.6e-3,
        "regularisation": 3e-4, "identity": 1.0, "expression": 0.8, "albedo": 1.7e-2,
        "light": 10, "reflectance": 5, "parts": 0, "truth": 0, "colour": 0,
        "input_px": 224, "render_px": 224, "save_every": 1, "pictures_every": 1000,
    }  # fmt: skip
    assert {name: getattr(CoarseOptions(), name) for name in published} == published


def test_the_colour_of_a_pixel_has_derivatives_by_the_whole_code(model, face):
    code = code_of(model, 1)
    for name in ("identity", "expression", "albedo", "angles", "light", "translation"):
        value = getattr(code, name).clone().requires_grad_()
        seen = picture(face, replace(code, **{name: value}), 48)
        (seen.colour[seen.mask] * torch.linspace(0, 1, 3)).sum().backward()
        assert torch.isfinite(value.grad).all() and (value.grad != 0).any(), name


def test_the_landmark_loss_counts_nose_and_inner_lips_twenty_times():
    wanted = torch.zeros(2, 68, 2)
    found = wanted.clone()
    found[0, 5] = torch.tensor([3.0, 4.0])
    assert float(landmark_loss(found, wanted)) == pytest.approx(25 / (68 * 2))
    found = wanted.clone()
    found[1, 30] = torch.tensor([3.0, 4.0])
    assert float(landmark_loss(found, wanted)) == pytest.approx(20 * 25 / (68 * 2))
    known = torch.ones(2, 68, dtype=torch.bool)
    known[1, 30] = False
    assert float(landmark_loss(found, wanted, known)) == 0


def test_the_photometric_loss_is_a_mean_over_its_mask():
    one, other = torch.zeros(1, 4, 4, 3), torch.full((1, 4, 4, 3), 0.5)
    mask = torch.zeros(1, 4, 4)
    mask[0, 0, :2] = torch.tensor([1.0, 0.5])
    assert float(photometric_loss(one, other, mask)) == pytest.approx(0.75**0.5, abs=1e-5)


def test_the_other_losses_have_their_published_values(model):
    code = code_of(model, 2)
    expected = (
        (code.identity**2).sum() + 0.8 * (code.expression**2).sum() + 0.017 * (code.albedo**2).sum()
    ) / 2
    torch.testing.assert_close(regularisation_loss(code, OPTIONS), expected)
    grey = torch.rand(2, 1, 9).repeat(1, 3, 1).view(2, 27)
    assert float(light_loss(grey)) == pytest.approx(0, abs=1e-12)
    tinted = grey.clone()
    tinted[0, 0] += 0.3  # red of the first band: off the mean by 0.2, the others by 0.1
    assert float(light_loss(tinted)) == pytest.approx((0.04 + 2 * 0.01) / 54, rel=1e-4)
    texture = torch.zeros(1, 3, 3)
    texture[0, 0] = 0.6
    skin = torch.tensor([1.0, 1.0, 0.0])
    assert float(reflectance_loss(texture, skin)) == pytest.approx(2 * 3 * 0.09 / 2)
    found, wanted = torch.zeros(2, 4, 3), torch.full((2, 4, 3), 2.0)
    known = torch.tensor([True, False])
    assert float(shape_loss(found, wanted, known)) == pytest.approx(12.0)
    assert float(shape_loss(found, wanted, ~known | known)) == pytest.approx(12.0)
    assert float(shape_loss(found, wanted, known & ~known)) == 0


def test_the_recognition_matrix_has_its_published_numbers():
    five = np.array([(73, 89), (131, 87), (85, 123), (76, 150), (135, 146)], float)
    expected = [[0.588670, -0.029279, 0.643373], [0.029279, 0.588670, -1.078884]]
    np.testing.assert_allclose(recognition_matrix(five), expected, atol=1e-6)
    np.testing.assert_array_equal(recognition_matrix(np.full((5, 2), 3.0)), np.eye(2, 3))


def test_a_warp_puts_pixels_where_its_matrix_does():
    image = np.zeros((224, 224), np.float32)
    cv2.circle(image, (90, 120), 6, 1.0, -1)
    matrix = recognition_matrix(FIVE_PX * 1.8 + [14, 9])
    found = warped(torch.tensor(image)[None, None], torch.tensor(matrix).float()[None])[0, 0]
    v, u = np.mgrid[:112, :112]
    place = np.array([(u * found.numpy()).sum(), (v * found.numpy()).sum()]) / float(found.sum())
    np.testing.assert_allclose(place, matrix[:, :2] @ [90, 120] + matrix[:, 2], atol=0.1)


def test_the_stand_in_knows_equal_pictures_from_others(model, face):
    seen = picture(face, code_of(model, 2), 112)
    images = seen.colour.permute(0, 3, 1, 2).detach()
    matrices = matrices_of(seen.landmarks_up / 2, 112)
    same = perceptual_distance(gradient_histogram, images, images, matrices, matrices)
    other = perceptual_distance(gradient_histogram, images, images.flip(0), matrices, matrices)
    assert float(same) == pytest.approx(0, abs=1e-5) and float(other) > 0.005
    moved = images.clone().requires_grad_()
    perceptual_distance(gradient_histogram, moved, images.flip(0), matrices, matrices).backward()
    assert torch.isfinite(moved.grad).all() and (moved.grad != 0).any()


def test_the_part_distance_is_least_where_the_parts_are(model, face):
    code = code_of(model, 1, angles=torch.zeros(1, 3))
    seen = picture(face, code, 224)
    labels = np.zeros((224, 224), np.uint8)
    places = image_up(seen.world[0].detach().numpy()) * [1, -1] + [0, 223]
    for row, part in enumerate(PARTS):
        inside = np.isin(face.vertex.numpy(), model.parts[part]) & seen.facing[0].numpy()
        for x, y in np.rint(places[inside]).astype(int):
            cv2.circle(labels, (int(x), int(y)), 2, row + 1, -1)
    targets = crop_targets(labels)
    assert targets.present.all()
    there = part_loss(face, seen, targets)
    for shift in ([0.08, 0, 0], [-0.08, 0, 0], [0, 0.08, 0], [0, -0.08, 0]):
        shifted = replace(code, translation=code.translation + torch.tensor([shift]))
        away = part_loss(face, picture(face, shifted, 224), targets)
        assert float(there) < 0.6 * float(away)
    unknown = crop_targets(np.full((224, 224), 255, np.uint8))
    assert not unknown.present.any() and float(part_loss(face, seen, unknown)) == 0


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("step", [1, 1, 0.2, 0.2]),
        ("linear", [1, 0.55, 0.5, 0]),
        ("cosine", [1, 0.5782, 0.5, 0]),
    ],
)
def test_learning_rates_follow_their_schedule(schedule, expected):
    options = CoarseOptions(schedule=schedule, learning_rate=1.0)
    found = [coarse_rate(options, share, []) for share in (0, 0.45, 0.5, 1)]
    np.testing.assert_allclose(found[:3], expected[:3], atol=1e-3)
    if schedule != "step":
        assert found[3] == pytest.approx(expected[3], abs=1e-9)


def test_a_plateau_lowers_the_rate_after_five_validations_without_gain():
    options = CoarseOptions(schedule="plateau", learning_rate=1.0)
    rows = [{"split": "validation", "loss": 1.0 - 0.1 * k} for k in range(4)]
    assert coarse_rate(options, 0.5, rows) == 1
    stuck = [{"split": "validation", "loss": 0.7}] * 6
    assert coarse_rate(options, 0.5, [*rows, *stuck[:5]]) == 1
    assert coarse_rate(options, 0.5, [*rows, *stuck]) == pytest.approx(0.2)


def surroundings():
    return CoarseSample(
        subject="anna",
        image=np.full((224, 224, 3), 90, np.uint8),
        skin=np.zeros((224, 224), np.uint8),
        landmarks_px=np.full((68, 2), np.nan),
        part=np.zeros((224, 224), np.uint8),
        neutral_mm=np.zeros((0, 3)),
        posed_mm=np.zeros((0, 3)),
    )


def test_a_drawn_face_is_aligned_and_knows_its_truth(model, face):
    people = Population.of(model)
    for seed in range(5):
        sample = rendered_sample(face, people, surroundings(), np.random.default_rng(seed))
        crop = align_face(standard_five(sample.landmarks_px.astype(float)), (224, 224))
        assert crop.scale == pytest.approx(1, abs=0.03)
        middle = crop.to_crop(np.array([111.5, 111.5]))
        np.testing.assert_allclose(middle, [111.5, 111.5], atol=2.0)
        far = np.abs(sample.image[-8:, :8].astype(int) - 90).mean()
        x, y = np.rint(sample.landmarks_px[30]).astype(int)
        assert sample.skin[y, x] == 255 and far < 10
        assert sample.neutral_mm.shape == (len(face.vertex), 3)


def test_the_truth_of_a_drawn_face_is_that_of_its_code(model, face):
    chance = np.random.default_rng(3)
    code = aligned_code(face, random_code(Population.of(model), chance))
    vertices = model.vertices(code.identity[0].numpy())[face.vertex.numpy()]
    drawn = rendered_sample(face, Population.of(model), surroundings(), np.random.default_rng(3))
    np.testing.assert_allclose(drawn.neutral_mm, vertices - object_origin(model), atol=1e-2)


def test_normals_count_every_triangle_alike(model, face):
    shape = face.shape(torch.zeros(1, model.n_identity), torch.zeros(1, model.n_expression))
    triangles = face.triangles.numpy()
    expected = vertex_normals(shape[0].double().numpy(), triangles, by_area=False)
    used = np.unique(triangles)
    found = face.normals(shape)[0].numpy()
    np.testing.assert_allclose(found[used], expected[used], atol=1e-3)
    weighted = vertex_normals(shape[0].double().numpy(), triangles)
    assert np.abs(weighted - expected)[used].max() > 0.05
