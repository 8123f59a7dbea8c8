"""Clothes, glasses, hands and hats: they fit the head that wears them."""

import os
from pathlib import Path

import numpy as np
import pytest

from lib.facemodel import load_face_model
from lib.facemodel.chart import border_loops
from lib.facemodel.ict import ict_model, read_ict_development_copy
from lib.geometry import SurfaceTree
from lib.synthesis.chance import generator
from lib.synthesis.props import clothes
from lib.synthesis.props.glasses import draw_glasses
from lib.synthesis.props.hands import POSES, draw_hand
from lib.synthesis.props.headwear import KINDS, draw_hat
from lib.synthesis.props.prop import make_prop
from lib.synthesis.props.shoulders import draw_shoulders
from lib.synthesis.props.sites import head_sites

SKIN_RGB = np.array([0.45, 0.28, 0.2])
QUICK_POSES = ("mouth", "phone")
OUTFITS = (
    clothes.tee, clothes.v_neck, clothes.collared, clothes.hoodie,
    clothes.turtleneck, clothes.jacket, clothes.top,
)  # fmt: skip


@pytest.fixture(scope="module", params=["makehuman", pytest.param("ict", marks=pytest.mark.slow)])
def model(request):
    if request.param == "makehuman":
        return load_face_model("makehuman")
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        pytest.skip("needs the development copy of ICT-FaceKit: set VISAGRAPH_DATA")
    return ict_model(read_ict_development_copy(Path(data) / "models/ict_facekit_skin.h5"))


@pytest.fixture(scope="module")
def sites(model):
    return head_sites(model)


def person(model, index):
    chance = generator(7, index, "person")
    return model.vertices((0.8 * chance.standard_normal(model.n_identity)).astype(np.float32))


def volume_cm3(prop):
    a, b, c = (prop.vertices[prop.triangles[:, k]].astype(float) for k in range(3))
    return float(np.einsum("nc,nc->", a, np.cross(b, c)) / 6e3)


def from_the_front(head, sites, points, towards=1.0):
    """(n,) mm from the camera's side to the first thing on the way to points, rays along -z."""
    tree = SurfaceTree(head, sites.skin)
    start = points + [0, 0, 400.0]
    return tree.along(start, np.broadcast_to([0, 0, -towards], start.shape)).distance_mm


def test_the_rim_is_the_border_of_the_neck_and_runs_from_the_front_to_the_left(model, sites):
    loops = border_loops(sites.skin)
    lowest = min(loops, key=lambda loop: model.mean[loop, 1].mean())
    assert set(sites.rim) == set(lowest.tolist()) and len(sites.rim) == len(lowest)
    x, _, z = model.mean[sites.rim].T
    quarter = len(x) // 4
    assert z[0] > z.mean() and x[quarter] > 40


def test_the_neck_goes_on_without_gap_or_bend(model, sites):
    for index in range(3):
        head = person(model, index)
        skin = draw_shoulders(model, head, SKIN_RGB, generator(1, index, "props"), sites)[0]
        assert skin.label == "skin"
        columns = len(sites.rim)
        np.testing.assert_allclose(skin.vertices[columns : 2 * columns], head[sites.rim], atol=1e-3)
        first = skin.vertices[2 * columns : 3 * columns] - head[sites.rim]
        inner = np.einsum("kmc,km->kc", head[sites.above_rim], sites.above_weight)
        last = head[sites.rim] - inner
        cosine = (first * last).sum(axis=1) / np.linalg.norm(first, axis=1)
        bend = np.median(cosine / np.linalg.norm(last, axis=1))
        assert bend > (0.95 if model.name == "makehuman" else 0.85)  # ICT ends on the shoulders


@pytest.mark.parametrize("outfit", OUTFITS, ids=lambda f: f.__name__)
def test_nothing_shows_between_head_and_clothes(model, sites, outfit, monkeypatch):
    """Rays from around meet front sides first: nobody sees into the body."""
    monkeypatch.setattr("lib.synthesis.props.shoulders.draw_outfit", outfit)
    head = person(model, 1)
    props = draw_shoulders(model, head, SKIN_RGB, generator(2, 0, "props"), sites)
    parts = [(head, sites.skin), *((p.vertices, p.triangles) for p in props)]
    first = np.cumsum([0, *(len(v) for v, _ in parts)])
    vertices = np.concatenate([v for v, _ in parts]).astype(float)
    triangles = np.concatenate([t + n for (_, t), n in zip(parts, first)])
    tree = SurfaceTree(vertices, triangles)
    targets = head[sites.rim].astype(float)
    for way in (
        [0, 0, 1],
        [1, 0, 0.2],
        [-1, 0.1, 0],
        [0, -0.7, 0.7],
        [0.5, 0.6, 0.6],
        [0, 0.4, -1],
    ):
        way = np.array(way) / np.linalg.norm(way)
        start = targets + 900 * way + generator(3, 0, "jitter").normal(0, 9, targets.shape)
        hits = tree.along(start, np.broadcast_to(-way, start.shape))
        met = hits.triangles >= 0
        corner = vertices[triangles[hits.triangles[met]]]
        facing = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) @ way
        assert (facing < 0).mean() < 0.02


def test_the_body_is_as_wide_as_people_and_reaches_down(model, sites):
    for index in range(4):
        head = person(model, index)
        props = draw_shoulders(model, head, SKIN_RGB, generator(4, index, "props"), sites)
        points = np.concatenate([p.vertices for p in props])
        chin = model.landmarks["ibug68"].on(head, model.triangles)[8, 1]
        assert 170 < np.abs(points[:, 0]).max() < 290
        assert points[:, 1].min() < chin - 300
        assert 6000 < len(points) < 40000


@pytest.mark.parametrize("sunglasses", [False, True])
def test_glasses_touch_the_face_and_do_not_enter_it(model, sites, sunglasses):
    for index in range(5):
        head = person(model, index)
        props = draw_glasses(model, head, generator(5, index, "props"), sunglasses, sites)
        tree = SurfaceTree(head, sites.skin)
        points = np.concatenate([p.vertices for p in props]).astype(float)
        distance = tree.nearest(points, signed=True).distance_mm
        in_front = points[:, 2] > model.landmarks["ibug68"].on(head, model.triangles)[36, 2] - 20
        assert distance[in_front].min() > -0.05
        assert distance[in_front].min() < 6.0
        assert distance.min() > -2.5  # the temples press on the ears


def test_lenses_cover_the_eyes(model, sites):
    for index in range(5):
        head = person(model, index)
        frame, lenses = draw_glasses(model, head, generator(5, index, "props"), True, sites)
        assert (frame.label, lenses.label) == ("glasses", "lens")
        eyes = model.landmarks["ibug68"].on(head, model.triangles)[36:48].astype(float)
        way = np.broadcast_to([0.0, 0, 1], eyes.shape)
        hits = SurfaceTree(lenses.vertices, lenses.triangles).along(eyes, way)
        assert np.isfinite(hits.distance_mm).all()
        assert (hits.distance_mm < 45).all()
        assert lenses.transmission.max() < 0.65


def test_glasses_follow_the_shape_of_the_head(model, sites):
    near, far = model.mean.copy(), model.mean.copy()
    far = far * np.array([1.12, 1.0, 1.0], np.float32) + np.array([0, 6, 9], np.float32)
    placed = [draw_glasses(model, h, generator(6, 0, "p"), False, sites) for h in (near, far)]
    moved = placed[1][1].vertices.mean(axis=0) - placed[0][1].vertices.mean(axis=0)
    assert 4 < moved[1] < 8 and 5 < moved[2] < 14
    wide = [np.ptp(lenses.vertices[:, 0]) for _, lenses in placed]
    assert wide[1] > wide[0] + 4


@pytest.mark.parametrize(
    "pose", [pytest.param(p, marks=() if p in QUICK_POSES else pytest.mark.slow) for p in POSES]
)
def test_a_hand_lies_in_front_of_the_face_and_not_in_it(model, sites, pose):
    marks_of = {"mouth": [51, 57, 62], "eye": None, "cheek": None}
    for index in range(2):
        head = person(model, index)
        props = draw_hand(model, head, SKIN_RGB, generator(8, index, "props"), sites, pose)
        hand = props[0]
        assert hand.label == "hand"
        tree = SurfaceTree(head, sites.skin)
        distance = tree.nearest(hand.vertices.astype(float), signed=True).distance_mm
        assert distance.min() > -3.0
        if pose in ("mouth", "eye", "cheek", "chin"):
            assert distance.min() < 6.0
        marks = model.landmarks["ibug68"].on(head, model.triangles).astype(float)
        if marks_of.get(pose):
            points = marks[marks_of[pose]]
            hits = SurfaceTree(hand.vertices, hand.triangles).along(
                points, np.broadcast_to([0.0, 0, 1], points.shape)
            )
            assert np.isfinite(hits.distance_mm).mean() > 0.6


def test_left_and_right_hands_are_drawn_and_both_are_closed(model, sites):
    sides = set()
    for index in range(6):
        hand = draw_hand(model, model.mean, SKIN_RGB, generator(9, index, "props"), sites, "cheek")[
            0
        ]
        sides.add(bool(hand.vertices[:, 0].mean() > 0))
        assert border_loops(hand.triangles) == []
        assert 200 < volume_cm3(hand) < 900
    assert sides == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_hats_lie_on_the_head_and_cover_its_scalp(model, sites, kind):
    for index in range(2):
        head = person(model, index)
        hat = draw_hat(model, head, generator(10, index, "props"), sites, kind)[0]
        assert hat.label == "hat" and volume_cm3(hat) > 0
        assert hat.covers.shape == (model.n_vertices,)
        marks = model.landmarks["ibug68"].on(head, model.triangles).astype(float)
        covered = head[hat.covers]
        eyes = np.unique(model.triangles[~model.region("skin")])
        assert not hat.covers[eyes].any()
        face = (marks[27, 2] - 25 < covered[:, 2]) & (covered[:, 1] < marks[17:27, 1].max())
        inside = face & (np.abs(covered[:, 0]) < 45) & (covered[:, 1] > marks[8, 1])
        assert inside.mean() < 0.005
        if kind != "headband":
            crown = sites.skin_vertices[np.argmax(head[sites.skin_vertices, 1])]
            assert hat.covers[crown]


def test_the_same_chance_draws_the_same_bytes(model, sites):
    head = person(model, 0)
    for draw in (
        lambda chance: draw_shoulders(model, head, SKIN_RGB, chance),
        lambda chance: draw_glasses(model, head, chance, False, sites),
        lambda chance: draw_hand(model, head, SKIN_RGB, chance, sites),
        lambda chance: draw_hat(model, head, chance, sites),
    ):
        one, two, other = (draw(generator(s, 0, "props")) for s in (11, 11, 12))
        for a, b in zip(one, two, strict=True):
            for name in ("vertices", "triangles", "albedo", "transmission", "covers"):
                assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
        assert one[0].vertices.tobytes() != other[0].vertices.tobytes()


def test_drawing_changes_neither_model_nor_head(model, sites):
    head = person(model, 0)
    before = head.tobytes(), model.mean.tobytes()
    draw_shoulders(model, head, SKIN_RGB, generator(1, 0, "p"), sites)
    draw_hand(model, head, SKIN_RGB, generator(1, 0, "p"), sites)
    assert (head.tobytes(), model.mean.tobytes()) == before


def test_a_prop_refuses_arrays_that_do_not_belong_together():
    prop = make_prop(np.zeros((3, 3)), np.array([[0, 1, 2]]), 0.5, "cloth", 0.8, 0.03)
    with pytest.raises(ValueError, match=r"albedo has shape \(2, 3\)"):
        type(prop)(**{**vars(prop), "albedo": np.zeros((2, 3))})
    with pytest.raises(ValueError, match="label is 'shoe'"):
        make_prop(np.zeros((3, 3)), np.array([[0, 1, 2]]), 0.5, "shoe", 0.8, 0.03)
