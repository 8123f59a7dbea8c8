"""BFM 2017 and 2019: what a conversion keeps, and where it puts its landmarks."""

import h5py
import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.bfm import read_statismo, statismo_model
from lib.facemodel.bfm.statismo import MEAN_EXPRESSION
from tests.facemodel.statismo_files import SHIFT, write_statismo

HALF = 0.05  # mm that float16 costs over a dozen modes


def test_a_published_face_is_reached_with_the_mean_expression_at_one(
    bfm2019, small_basel, makehuman, tmp_path
):
    path = write_statismo(tmp_path / "model2019_face12.h5", small_basel.face, makehuman)
    rng = np.random.default_rng(3)
    with h5py.File(path) as file:
        n_identity, n_expression = (
            len(file[f"{name}/model/pcaVariance"]) for name in ("shape", "expression")
        )
        identity, expression = rng.normal(size=n_identity), rng.normal(size=n_expression)
        wanted = sum(
            file[f"{name}/model/mean"][:]
            + file[f"{name}/model/pcaBasis"][:]
            @ (np.sqrt(file[f"{name}/model/pcaVariance"][:]) * coefficients)
            for name, coefficients in (("shape", identity), ("expression", expression))
        ).reshape(-1, 3)
    assert bfm2019.expression_names[-1] == MEAN_EXPRESSION
    ours = bfm2019.vertices(identity, np.append(expression, 1.0))
    np.testing.assert_allclose(ours - ours[0], wanted - wanted[0], atol=HALF)


def test_all_zero_is_the_neutral_face(bfm2019, small_basel):
    neutral = bfm2019.vertices()
    wanted = small_basel.face.mean
    np.testing.assert_allclose(neutral - neutral[0], wanted - wanted[0], atol=1e-3)


def test_landmarks_lie_where_the_named_places_lead(bfm2019, small_basel, makehuman):
    found = bfm2019.landmarks["ibug68"].on(bfm2019.mean, bfm2019.triangles)
    truth = makehuman.landmarks["ibug68"].on(makehuman.mean, makehuman.triangles)
    found = found + (small_basel.face.mean - bfm2019.mean).mean(axis=0)
    away = np.linalg.norm(found - truth, axis=1)
    assert np.median(away[17:]) < 1.0
    assert away[17:].max() < 4.0
    assert np.median(away[:17]) < 4.0


def test_landmarks_as_text_or_bytes_are_the_same(small_basel, makehuman, tmp_path):
    one, other = (
        read_statismo(write_statismo(tmp_path / f"{text}.h5", small_basel.face, makehuman, text))
        for text in (True, False)
    )
    assert one.named.keys() == other.named.keys()
    np.testing.assert_allclose(one.named["center.nose.tip"], other.named["center.nose.tip"])
    np.testing.assert_array_equal(one.triangles, small_basel.face.triangles)
    np.testing.assert_allclose(one.mean, small_basel.face.mean + SHIFT, atol=1e-4)


def test_other_files_are_refused(small_basel, makehuman, tmp_path):
    with pytest.raises(MissingModelError, match=r"none\.h5 is not there\. Get model2017"):
        read_statismo(tmp_path / "none.h5")
    path = write_statismo(tmp_path / "a.h5", small_basel.face, makehuman)
    with h5py.File(path, "r+") as file:
        del file["color/model/pcaVariance"]
    with pytest.raises(ConfigError, match=r"cannot be read as BFM 2017 or 2019.*pcaVariance"):
        read_statismo(path)


def test_a_file_that_names_too_few_places_is_refused(small_basel, makehuman, tmp_path):
    path = write_statismo(tmp_path / "a.h5", small_basel.face, makehuman)
    with h5py.File(path, "r+") as file:
        del file["metadata/landmarks/json"]
        file["metadata/landmarks/json"] = '{"center.nose.tip": [0, 0, 130]}'
    with pytest.raises(ConfigError, match=r"names 1 of the places .* expected at least 12"):
        statismo_model(read_statismo(path), "bfm2019")
