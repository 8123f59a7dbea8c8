"""What every head model promises, checked on each of them."""

import numpy as np
import pytest

from lib.facemodel import PARTS, FaceModel
from lib.facemodel.anthropometry import SURVEYS, distances, endpoints, model_distances
from lib.facemodel.raster import cover
from lib.geometry import triangle_areas, vertex_normals

RIGHT = [*range(8), *range(17, 22), 31, 32, *range(36, 42), 48, 49, 50, 58, 59, 60, 61, 67]
LEFT_OF = {
    **{i: 16 - i for i in range(8)},
    **{17 + i: 26 - i for i in range(5)},
    31: 35,
    36: 45,
    39: 42,
    48: 54,
    50: 52,
    59: 55,
    60: 64,
}


def marks(model: FaceModel, vertices: np.ndarray | None = None) -> np.ndarray:
    return model.landmarks["ibug68"].on(
        model.mean if vertices is None else vertices, model.triangles
    )


def expressed(model: FaceModel, *names: str) -> np.ndarray:
    weights = np.isin(model.expression_names, names).astype(np.float32)
    assert weights.sum() == len(names)
    return model.vertices(None, weights)


def test_the_mirror_map_is_an_involution_that_maps_the_mean_to_itself(model):
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(model.n_vertices))
    apart = model.mean[model.mirror] * [-1, 1, 1] - model.mean
    middle = np.median(apart, axis=0)  # of some, the middle of the eyes is not quite that of all
    assert np.abs(middle).max() < 0.25
    np.testing.assert_allclose(apart, np.broadcast_to(middle, apart.shape), atol=0.06)


def test_the_mirror_map_keeps_neighbours_neighbours(model):
    edges = {
        frozenset(edge)
        for k in range(3)
        for edge in np.stack([model.triangles[:, k], model.triangles[:, k - 1]], 1).tolist()
    }
    mirrored = {frozenset(model.mirror[list(edge)].tolist()) for edge in edges}
    # quads may be split along the other diagonal on the other side
    assert len(edges & mirrored) > 0.6 * len(edges)


def test_the_frame_is_between_the_eyes_with_the_face_to_the_front(model):
    eyes = model.landmarks["points5"].on(model.mean, model.triangles)[:2]
    assert abs(eyes.mean(axis=0)[0]) < 0.5
    assert abs(eyes.mean(axis=0)[1]) < 3
    assert eyes[0, 0] < 0 < eyes[1, 0]
    assert marks(model)[30, 2] == marks(model)[:, 2].max()
    assert marks(model)[8, 1] < marks(model)[57, 1] < marks(model)[33, 1] < marks(model)[27, 1]


def test_landmarks_of_the_right_side_are_at_negative_x_and_mirror_the_left_ones(model):
    points = marks(model)
    assert (points[RIGHT, 0] < 0).all()
    for right, left in LEFT_OF.items():
        np.testing.assert_allclose(points[right] * [-1, 1, 1], points[left], atol=0.3)


def test_landmark_weights_are_convex_and_sigmas_positive(model):
    assert {"ibug68", "points5"} <= set(model.landmarks)
    for points in model.landmarks.values():
        np.testing.assert_allclose(points.barycentric.sum(axis=1), 1, atol=1e-4)
        assert points.barycentric.min() >= -1e-6
        assert (points.sigma_mm > 0).all()
        assert points.triangle.max() < len(model.triangles)


@pytest.mark.parametrize(
    ("part", "indices"),
    [
        ("right_eyebrow", range(18, 21)),
        ("left_eyebrow", range(23, 26)),
        ("nose", (28, 29, 30)),
        ("upper_lip", (50, 51, 52)),
        ("lower_lip", (56, 57, 58)),
        ("right_eye", range(36, 42)),
        ("left_eye", range(42, 48)),
    ],
)
def test_landmarks_lie_on_their_parts(model, part, indices):
    place = model.mean[model.parts[part]]
    for index in indices:
        assert np.linalg.norm(place - marks(model)[index], axis=1).min() < 4.0, index


def test_the_eight_parts_share_no_vertex_and_are_of_both_sides(model):
    owner = np.zeros(model.n_vertices, int)
    for name in PARTS:
        assert len(model.parts[name]) > 20, name
        owner[model.parts[name]] += 1
    assert owner.max() == 1
    for right, left in (("right_eye", "left_eye"), ("right_eyebrow", "left_eyebrow")):
        ratio = len(model.parts[right]) / len(model.parts[left])
        assert 0.95 < ratio < 1.05
    assert set(model.parts["skin"]) <= set(model.parts["face_mask"])


def test_jaw_contour_lines_run_from_front_to_back_and_pass_their_landmark(named_model):
    assert len(named_model.contour) == 17
    for index, line in enumerate(named_model.contour):
        place = named_model.mean[line]
        assert len(line) >= 8
        assert place[0, 2] > place[-1, 2] + 15, index
        assert np.linalg.norm(place - marks(named_model)[index], axis=1).min() < 9, index
        steps = np.linalg.norm(np.diff(place, axis=0), axis=1)
        assert steps.max() < 25, index


def test_no_triangle_of_the_atlas_is_flipped_or_outside(model):
    assert (triangle_areas(model.uv.astype(float), model.uv_triangles) > 0).all()
    assert model.uv.min() >= 0
    assert model.uv.max() <= 1
    assert model.uv_triangles.shape == model.triangles.shape


def test_charts_of_the_atlas_do_not_overlap(model):
    size = 512
    points = model.uv.astype(float) * size
    seen = cover(points, model.uv_triangles, (size, size)).triangle
    seen_again = cover(points, model.uv_triangles[::-1], (size, size)).triangle
    other = np.where(seen_again >= 0, len(model.triangles) - 1 - seen_again, -1)
    share_corner = [
        bool(set(model.uv_triangles[a]) & set(model.uv_triangles[b]))
        for a, b in zip(seen[seen != other], other[seen != other])
    ]
    assert all(share_corner)


def test_uv_corners_belong_to_their_vertices(model):
    owner = np.full(len(model.uv), -1)
    owner[model.uv_triangles.ravel()] = model.triangles.ravel()
    np.testing.assert_array_equal(owner[model.uv_triangles], model.triangles)


def test_skin_normals_point_outward(model):
    rows = model.region("skin")
    normals = vertex_normals(model.mean.astype(float), model.triangles[rows])
    skin = model.parts["skin"]  # a few lie on the insides of lids and lips
    outward = model.mean[skin] - [0, -20, -80]
    assert ((normals[skin] * outward).sum(axis=1) > 0).mean() > 0.9


def test_distances_of_the_mean_are_human(whole_model):
    mean, sigma = model_distances(whole_model)
    wanted = np.array([survey.mean for survey in SURVEYS])
    spread = np.array([survey.sigma for survey in SURVEYS])
    assert (np.abs(mean - wanted) < 2.2 * spread).all()
    assert (sigma > 0.4 * spread).all()
    assert (sigma < 1.8 * spread).all()
    outer_corners = np.linalg.norm(marks(whole_model)[36] - marks(whole_model)[45])
    assert 86 < outer_corners < 92


def test_random_people_stay_within_anthropometric_limits(whole_model):
    rng = np.random.default_rng(0)
    ends = endpoints(
        whole_model.mean,
        whole_model.triangles,
        whole_model.landmarks,
        whole_model.parts["face_mask"],
    )
    outside = []
    for _ in range(40):
        person = whole_model.vertices(rng.normal(size=whole_model.n_identity))
        found = distances(ends @ person)
        limits = np.array([(s.mean - 5 * s.sigma, s.mean + 5 * s.sigma) for s in SURVEYS])
        outside.append((found < limits[:, 0]) | (found > limits[:, 1]))
    assert np.mean(outside) < 0.005


def test_the_identity_basis_keeps_its_scale_and_order(whole_model):
    size = np.sqrt((whole_model.identity_basis**2).sum(axis=(1, 2)))
    assert size[0] == size[:5].max()
    assert size[:10].min() > size[-10:].max()
    face = whole_model.identity_basis[:, whole_model.parts["face_mask"]]
    rms = np.sqrt((face**2).sum(axis=2).mean(axis=1))
    assert 3.0 < np.sqrt((rms**2).sum()) < 9.0


def test_jaw_open_lowers_the_chin_and_parts_the_lips(named_model):
    neutral, opened = marks(named_model), marks(named_model, expressed(named_model, "jawOpen"))
    assert (opened - neutral)[8, 1] < -5
    gap = (opened[62, 1] - opened[66, 1]) - (neutral[62, 1] - neutral[66, 1])
    assert gap > 12


@pytest.mark.parametrize(
    ("side", "upper", "lower"), [("Right", (37, 38), (41, 40)), ("Left", (43, 44), (47, 46))]
)
def test_a_blink_closes_the_lids_of_its_side_alone(named_model, side, upper, lower):
    def gap(points: np.ndarray, above: tuple[int, ...], below: tuple[int, ...]) -> float:
        return float(np.mean(points[list(above), 1] - points[list(below), 1]))

    shut = marks(named_model, expressed(named_model, f"eyeBlink{side}"))
    other = ((43, 44), (47, 46)) if side == "Right" else ((37, 38), (41, 40))
    assert gap(marks(named_model), upper, lower) > 7
    assert abs(gap(shut, upper, lower)) < 1.5
    assert abs(gap(shut, *other) - gap(marks(named_model), *other)) < 0.5


def test_a_smile_raises_and_widens_the_mouth_corners(named_model):
    change = marks(
        named_model, expressed(named_model, "mouthSmileLeft", "mouthSmileRight")
    ) - marks(named_model)
    assert (change[[48, 54], 1] > 2).all()
    assert change[48, 0] < -1
    assert change[54, 0] > 1


def test_raising_the_brows_raises_them(named_model):
    raised = expressed(named_model, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    change = marks(named_model, raised) - marks(named_model)
    assert (change[17:27, 1] > 0.5).all()


def test_correctives_are_not_free(named_model):
    free = dict(zip(named_model.expression_names, named_model.free_expressions))
    assert not free["mouthClose"]
    assert free["jawOpen"]
    assert free["eyeBlinkLeft"]


def test_likely_albedo_coefficients_give_skin_colours(model):
    rng = np.random.default_rng(3)
    smooth = model.parts["skin_smooth"]
    for _ in range(30):
        colour = model.albedo(rng.normal(size=model.n_albedo))[smooth]
        red, green, blue = np.median(colour, axis=0)
        assert red > green > blue
        assert 0.05 < red < 0.85


def test_licence_and_source_are_named(model):
    assert model.licence.startswith(
        ("CC0-1.0", "MIT", "FaceScape licence", "Basel Face Model licence", "FLAME licence")
    )
    assert len(model.source) > 20
