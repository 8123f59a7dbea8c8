"""Fine relief: bounded, along the skin lines, folded by what squeezes it."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from lib.facemodel import read_face_model, write_face_model
from lib.facemodel.ict import ict_model, read_ict_development_copy
from lib.geometry import vertex_normals
from lib.synthesis.skin.complexion import draw_complexion
from lib.synthesis.skin.ground import CANVAS, skin_ground
from lib.synthesis.skin.relief import cavity_shade, draw_relief, normals_with_relief
from lib.synthesis.skin.splats import add_splats
from lib.synthesis.skin.strain import compression, probes


@pytest.fixture(scope="module")
def model(studio):
    return studio.model


@pytest.fixture(scope="module")
def grounds(studio):
    return {side: studio.ground(side) for side in (256, 512)}


@pytest.fixture(scope="module")
def ground(grounds):
    return grounds[256]


@pytest.fixture(scope="module")
def relief(ground):
    return draw_relief(ground, 45, chance(0))


def chance(seed):
    return np.random.default_rng(seed)


def posed(model, *names):
    weights = np.array([name.startswith(names) for name in model.expression_names], np.float32)
    return model.vertices(None, weights)


def test_height_is_within_its_limit_and_raises_nothing_on_the_whole(model, ground):
    for age, pose in ((20, ()), (80, ("mouthSmile", "eyeSquint", "browInnerUp"))):
        height = draw_relief(ground, age, chance(1)).height_mm(model.mean, posed(model, *pose))
        assert height.dtype == np.float32
        assert np.abs(height).max() <= 0.2
        assert abs(height[ground.chart.inside].mean()) < 0.003
        assert height.std() > 0.003
        assert not height[~ground.chart.inside].any()


def test_relief_ends_at_the_border_of_the_skin(model, grounds):
    ground = grounds[512]
    height = draw_relief(ground, 80, chance(1)).height_mm(model.mean, posed(model, "mouthPucker"))
    inside = ground.chart.inside
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    border = inside & (cv2.erode(inside.astype(np.uint8), cross) == 0)
    assert np.abs(height[border]).max() == 0
    assert np.abs(height).max() > 0.08


def test_the_same_chance_gives_the_same_bytes_and_another_does_not(model, ground, relief):
    pose = posed(model, "mouthSmile")
    again = draw_relief(ground, 45, chance(0)).height_mm(model.mean, pose)
    assert relief.height_mm(model.mean, pose).tobytes() == again.tobytes()
    other = draw_relief(ground, 45, chance(1)).height_mm(model.mean, pose)
    assert np.corrcoef(other.ravel(), again.ravel())[0, 1] < 0.2


def test_a_person_at_two_sizes_has_one_relief(model, grounds):
    small, large = (
        draw_relief(grounds[side], 70, chance(2)).height_mm(model.mean, posed(model, "mouthSmile"))
        for side in (256, 512)
    )
    inside = cv2.erode(grounds[256].chart.inside.astype(np.uint8), np.ones((9, 9))) > 0
    large = cv2.resize(large, (256, 256), interpolation=cv2.INTER_AREA)
    pair = [cv2.GaussianBlur(image, (0, 0), 2.0)[inside] for image in (small, large)]
    assert np.corrcoef(*pair)[0, 1] > 0.9


def test_pores_lie_along_the_skin_lines(ground, relief):
    pores = relief.pores
    rows = chance(3).choice(len(pores), 2000, replace=False)
    lines = ground.frames_at(pores.place[rows]).reshape(-1, 2, 2)
    own = pores.to_mm[rows].reshape(-1, 2, 2)
    turn = own @ np.linalg.inv(lines)  # rotation from the line's axes to the pore's
    angle = np.arctan2(turn[:, 0, 1], turn[:, 0, 0])
    stretch = np.log(pores.along_mm[rows] / pores.across_mm[rows])
    order = (stretch * np.cos(2 * angle)).sum() / stretch.sum()
    assert order > 0.75  # 1 = all along, 0 = any direction
    assert (stretch >= 0).all()


def test_a_pore_in_the_picture_is_longer_along_its_line(ground, relief):
    pores = relief.pores
    long = pores.along_mm > 1.5 * pores.across_mm
    wide = int(np.argmax(pores.along_mm * long))
    one = type(pores)(*(getattr(pores, n)[wide : wide + 1] for n in pores.__dataclass_fields__))
    image = np.zeros((8192, 8192), np.float32)
    add_splats(image, one, CANVAS)
    row, column = np.nonzero(image)
    weight = image[row, column] / image.sum()
    place = np.stack([column, row]) - np.array([[weight @ column], [weight @ row]])
    mm = one.to_mm.reshape(2, 2) @ place * CANVAS / 8192
    sigma = np.sqrt((mm**2 * weight).sum(axis=1))
    assert sigma[0] / sigma[1] == pytest.approx(one.along_mm[0] / one.across_mm[0], rel=0.15)


def squeezed(model, axis, share):
    """The head made shorter along one axis of the world, all of it alike."""
    scale = np.ones(3)
    scale[axis] = 1 - share
    return (model.mean * scale).astype(np.float32)


def gradient_energy(ground, height):
    """Mean squared slope along x and along y of the head, on the middle of the forehead."""
    chart = ground.chart
    down, right = np.gradient(height)
    where = ground.full(ground.features.forehead) > 0.6
    step = np.stack([chart.along_u[..., :2], chart.along_v[..., :2]], axis=-2)[where]
    slope = np.linalg.solve(step, np.stack([right, down], axis=-1)[where][..., None])[..., 0]
    return (slope**2).mean(axis=0)


def test_furrows_form_across_the_squeeze_and_only_under_one(model, grounds):
    ground = grounds[512]
    relief = draw_relief(ground, 45, chance(0))
    still = relief.height_mm(model.mean, model.mean)
    np.testing.assert_array_equal(
        still, relief.height_mm(squeezed(model, 1, 0.2), squeezed(model, 1, 0.2))
    )
    for axis in (0, 1):
        folded = relief.height_mm(model.mean, squeezed(model, axis, 0.25))
        energy = gradient_energy(ground, folded - still)
        assert energy[axis] > 3 * energy[1 - axis]
    moved = (model.mean @ np.linalg.qr(chance(4).normal(size=(3, 3)))[0]).astype(np.float32)
    np.testing.assert_allclose(relief.height_mm(model.mean, moved + 5), still, atol=1e-4)


@pytest.mark.parametrize(
    ("pose", "kind"),
    [
        (("browInnerUp", "browOuterUp"), "forehead"),
        (("browDown",), "frown"),
        (("mouthSmile", "eyeSquint", "cheekSquint"), "crow"),
        (("mouthSmile",), "nasolabial"),
        (("mouthPucker",), "upper_lip"),
    ],
)
def test_expressions_fold_the_skin_where_people_do(model, ground, pose, kind):
    relief = draw_relief(ground, 30, chance(5))
    change = relief.height_mm(model.mean, posed(model, *pose)) - relief.height_mm(
        model.mean, model.mean
    )
    here = np.zeros((CANVAS, CANVAS), np.uint8)
    for line in ground.lines:
        if line.kind == kind:
            cv2.polylines(here, [np.rint(line.place).astype(np.int32)], False, 1, 5)
    near = cv2.resize(here, (256, 256)) > 0
    assert np.abs(change[near]).mean() > 4 * np.abs(change[ground.chart.inside]).mean()


def test_compression_is_the_share_of_length_lost(model, ground):
    place = ground.scatter((0.01 * ground.features.bare).astype(np.float32), chance(6))
    probe = probes(ground.canvas, place, ground.frames_at(place))
    across, along = compression(probe, model.mean, 0.8 * model.mean, model.triangles)
    np.testing.assert_allclose(across, 0.2, atol=1e-4)
    np.testing.assert_allclose(along, 0.2, atol=1e-4)


def test_old_faces_are_more_wrinkled(model, ground):
    def wrinkled(age):
        relief = draw_relief(ground, age, chance(7))
        return np.abs(relief.height_mm(model.mean, model.mean) - relief.still).mean()

    young, middle, old = (wrinkled(age) for age in (20, 50, 78))
    assert old > 1.5 * middle > 3 * young


def test_deeper_wrinkles_are_wider_and_leave_pores_alone(model, grounds):
    ground = grounds[512]
    relief = draw_relief(ground, 70, chance(7))
    pose = posed(model, "browInnerUp")
    plain, deep, none = (relief.height_mm(model.mean, pose, k) for k in (1.0, 3.0, 0.0))
    assert plain.tobytes() == relief.height_mm(model.mean, pose).tobytes()
    assert 0.2 < np.abs(deep).max() <= 0.6
    furrows = cv2.erode((none - plain > 0.02).astype(np.uint8), np.ones((3, 3))) > 0
    assert 2.2 < (none - deep)[furrows].mean() / (none - plain)[furrows].mean() < 3.6
    area = [(none - height > 0.5 * (none - height).max()).sum() for height in (plain, deep)]
    assert area[1] > 1.2 * area[0]
    away = cv2.dilate((np.abs(none - deep) > 1e-3).astype(np.uint8), np.ones((3, 3))) == 0
    away &= ground.chart.inside
    assert away.sum() > 2000
    assert np.abs(deep - none)[away].max() < 0.02
    still = relief.still[away]
    assert np.corrcoef(deep[away], still)[0, 1] > 0.95


def test_flat_relief_keeps_the_normals_and_a_slope_tilts_them(model, ground):
    chart = ground.chart
    smooth = chart.on(vertex_normals(model.mean, model.triangles))
    smooth /= np.maximum(np.linalg.norm(smooth, axis=2, keepdims=True), 1e-9)
    flat = normals_with_relief(ground, model.mean, np.zeros((256, 256), np.float32))
    np.testing.assert_allclose(flat, smooth * chart.inside[..., None], atol=1e-5)
    raised = chart.position[..., 1] * np.float32(0.1)  # rises by 0.1 per mm upwards
    tilted = normals_with_relief(ground, model.mean, raised)
    where = ground.full(ground.features.forehead) > 0.8
    steep = np.tan(np.arcsin(np.clip(flat[where, 1], -1, 1)) - np.arcsin(tilted[where, 1]))
    np.testing.assert_allclose(steep, 0.1, atol=0.03)


def test_furrows_are_shaded_and_bumps_are_not(ground):
    height = np.zeros((256, 256), np.float32)
    height[100], height[150] = -0.1, 0.1
    shade = cavity_shade(ground, height)
    assert shade[100].max() < 0.95
    assert (shade[150] == 1).all()


@pytest.mark.slow
def test_ict_heads_have_skin_too(tmp_path):
    folder = os.environ.get("VISAGRAPH_DATA")
    if not folder:
        pytest.skip("VISAGRAPH_DATA is not set: no development copy of ICT-FaceKit")
    write_face_model(
        tmp_path / "ict.h5",
        ict_model(read_ict_development_copy(Path(folder) / "models" / "ict_facekit_skin.h5")),
    )
    model = read_face_model(tmp_path / "ict.h5")
    ground = skin_ground(model, 256)
    relief = draw_relief(ground, 60, chance(8))
    pose = posed(model, "mouthSmile", "browInnerUp")
    change = relief.height_mm(model.mean, pose) - relief.height_mm(model.mean, model.mean)
    assert 0.02 < np.abs(change).max() <= 0.4
    albedo = draw_complexion(ground, 50, 60, chance(8)).albedo
    inside = ground.chart.inside
    lip_mm = ground.full(ground.features.lip_mm)
    lips, skin = (albedo[inside & where].mean(axis=0) for where in (lip_mm > 2, lip_mm < -5))
    assert lips[0] / lips[1] > 1.08 * skin[0] / skin[1]
