"""Sets of strong expressions do to faces what their names say."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lib.errors import ConfigError
from lib.planning.synthesis import shard_settings, world_name
from lib.synthesis import draw_capture
from lib.synthesis.chance import generator, mixed
from lib.synthesis.shape.expression_sets import SETS, draw_from_set, set_of
from lib.synthesis.shape.expressions import draw_expression
from tests.synthesis.worlds import TINY

FACES = 40
LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))


def marks(studio, name):
    """(FACES, 68, 3) mm landmarks of the average person's faces of a set."""
    model, found = studio.model, []
    for row in range(FACES):
        weights = draw_from_set(name, model, generator(3, row, "expression"))
        vertices = model.vertices(studio.centre) + mixed(weights, model.expression_basis)
        found.append(model.landmarks["ibug68"].on(vertices, model.triangles))
    return np.array(found)


def gaps(found, pairs):
    """(FACES, pairs) mm."""
    return np.stack([np.linalg.norm(found[:, a] - found[:, b], axis=1) for a, b in pairs], axis=1)


@pytest.mark.parametrize("name", ["closed_eyes", "mouth_open_closed_eyes"])
def test_eyes_are_shut_but_for_a_wink(studio, name):
    lids = gaps(marks(studio, name), LIDS)
    right, left = lids[:, :2].mean(axis=1), lids[:, 2:].mean(axis=1)
    usual = np.median(gaps(marks(studio, "usual"), LIDS))
    assert (np.minimum(right, left) < 0.4 * usual).all()
    assert (np.maximum(right, left) < 0.4 * usual).mean() > 0.7


@pytest.mark.parametrize("name", ["mouth_open", "mouth_open_closed_eyes"])
def test_mouths_are_open(studio, name):
    gap = gaps(marks(studio, name), [(62, 66)])[:, 0]
    usual = gaps(marks(studio, "usual"), [(62, 66)])[:, 0]
    assert np.median(gap) > 10 and gap.min() > np.median(usual)


def test_frowns_lower_the_brows_or_pull_down_the_corners_of_the_mouth(studio):
    rest = studio.model.vertices(studio.centre)
    rest = studio.model.landmarks["ibug68"].on(rest, studio.model.triangles)
    found = marks(studio, "frown") - rest
    brows, corners = found[:, [21, 22], 1].mean(axis=1), found[:, [48, 54], 1].mean(axis=1)
    assert (np.minimum(brows, corners) < -1.0).mean() > 0.9


def test_noses_are_wrinkled_upwards_and_mouths_twisted(studio):
    model = studio.model
    sneer = [n.startswith("noseSneer") for n in model.expression_names]
    drawn = [draw_from_set("nose", model, generator(3, k, "x")) for k in range(FACES)]
    assert np.array(drawn)[:, sneer].min() > 0.3
    rest = model.landmarks["ibug68"].on(model.vertices(studio.centre), model.triangles)
    moved = np.abs(marks(studio, "twisted_mouth") - rest)[:, 48:68].max(axis=(1, 2))
    assert np.median(moved) > 3 and moved.min() > 1


def test_shut_lids_do_not_cross(studio):
    found = marks(studio, "closed_eyes")
    for upper, lower in LIDS:
        assert (found[:, upper, 1] - found[:, lower, 1]).min() > -2


def test_every_set_differs_from_face_to_face_and_stays_within_the_weights(studio):
    for name in SETS:
        drawn = np.array(
            [draw_from_set(name, studio.model, generator(3, k, "x")) for k in range(FACES)]
        )
        assert drawn.min() >= 0 and drawn.max() <= 1
        assert len(np.unique(drawn, axis=0)) == FACES


def test_balanced_takes_all_sets_equally_often():
    names = ["usual", *SETS]
    count = Counter(set_of("balanced", index) for index in range(10 * len(names)))
    assert count == dict.fromkeys(names, 10)


def test_usual_expressions_and_the_names_of_their_worlds_are_what_they_were(studio):
    one = draw_from_set("usual", studio.model, generator(3, 1, "x"))
    np.testing.assert_array_equal(one, draw_expression(studio.model, generator(3, 1, "x")))
    assert "expressions" not in json.loads(draw_capture(studio, TINY, 0).truth.world)
    other = draw_capture(studio, replace(TINY, expressions="frown"), 0).truth
    assert json.loads(other.world)["expressions"] == "frown"
    settings = {"kind": "photo", "seed": 3, "count": 9, "shard_size": 4, "expressions": "usual"}
    assert world_name("ict", settings) == "ict_photo_3"
    assert world_name("ict", settings | {"expressions": "nose"}) == "ict_photo_3_nose"
    assert "expressions" not in shard_settings(settings, 0)


def test_only_worlds_of_deeper_wrinkles_say_so(studio):
    assert "wrinkles" not in json.loads(draw_capture(studio, TINY, 0).truth.world)
    deep = replace(TINY, wrinkles=3.0)
    assert json.loads(draw_capture(studio, deep, 0).truth.world)["wrinkles"] == 3
    settings = {"kind": "photo", "seed": 3, "count": 9, "shard_size": 4, "wrinkles": 1.0}
    assert world_name("ict", settings) == "ict_photo_3"
    assert world_name("ict", settings | {"wrinkles": 2.5}) == "ict_photo_3_wrinkles2.5"
    assert "wrinkles" not in shard_settings(settings, 0)
    assert shard_settings(settings | {"wrinkles": 2.5}, 0)["wrinkles"] == 2.5


def test_a_model_without_named_expressions_is_refused(studio):
    names = tuple(f"e{k}" for k in range(studio.model.n_expression))
    model = replace(studio.model, expression_names=names)
    with pytest.raises(ConfigError, match=r"synthesis\.expressions is 'frown'"):
        draw_from_set("frown", model, generator(0, 0, "x"))


def test_expressions_without_weights_are_drawn_from_their_prior(studio):
    free = np.arange(studio.model.n_expression) % 5 > 0
    model = replace(studio.model, expression_prior="normal", free_expressions=free)
    drawn = np.stack([draw_expression(model, generator(3, k, "x")) for k in range(FACES)])
    assert not drawn[:, ~free].any()
    assert np.abs(drawn).max() <= 2
    assert drawn[:, free].mean() == pytest.approx(0, abs=0.1)
    assert drawn[:, free].std() == pytest.approx(0.95, abs=0.1)
    assert not draw_expression(model, generator(3, 0, "x"), strength=0.0).any()
