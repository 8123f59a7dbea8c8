"""The network's depth habit, from faces made with a known one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lib.artefacts import Landmarks
from lib.errors import ConfigError
from lib.facemodel import load_face_model
from lib.landmarks import depth_bias
from lib.networks.mesh_mirror import MIRROR


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


def seen(model, bias: np.ndarray, seed: int, turn_rad: float = 0.0) -> Landmarks:
    """A network's points of a random person whose relief it draws with a bias."""
    generator = np.random.default_rng(seed)
    person = model.vertices(generator.normal(0, 0.5, model.n_identity))
    points = model.landmarks["mesh468"].on(person, model.triangles).astype(float)
    points[:, 2] += bias
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    points = points @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]).T
    points = points * generator.uniform(1, 4) * [1, -1, -1] + [200, 300, 0]
    return Landmarks(
        scheme="mesh468",
        points_px=points[None, :, :2],
        sigma_px=np.ones((1, 468)),
        depth_px=points[None, :, 2],
        ibug68_px=np.full((1, 68, 2), np.nan),
        ibug68_sigma_px=np.ones((1, 68)),
        presence=np.ones(1),
    )


def test_a_known_habit_is_found_over_many_people(model):
    places = model.landmarks["mesh468"].on(model.mean, model.triangles)
    bias = 8.0 * np.exp(-((places - places[1]) ** 2).sum(1) / (2 * 12.0**2))  # a long nose
    bias = (bias + bias[MIRROR]) / 2
    found = depth_bias(model, [seen(model, bias, seed) for seed in range(40)])
    nose, rest = bias > 4, bias < 0.5
    assert (found[nose] - found[rest].mean()).mean() == pytest.approx(bias[nose].mean(), abs=1.0)


def test_the_calibrated_file_is_made_by_one_rule_only():
    rules = (Path(__file__).parents[2] / "rules" / "common.smk").read_text()
    pattern = re.search(r'model=r"(.+?)"', rules).group(1)
    assert re.fullmatch(pattern, "makehuman")
    assert not re.fullmatch(pattern, "calibrated_makehuman")


def test_turned_heads_and_too_few_people_are_refused(model):
    faces = [seen(model, np.zeros(468), seed, 0.8) for seed in range(20)]
    with pytest.raises(ConfigError, match="0 near-frontal faces"):
        depth_bias(model, faces)
