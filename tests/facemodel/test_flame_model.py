"""FLAME: read without its libraries, what a conversion keeps, and what its linear jaw loses."""

import dataclasses
import os
import pickle
import re

import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.flame import flame_model, read_flame
from lib.facemodel.flame.model import JAW_MODES, with_jaw
from lib.facemodel.flame.source import N_SHAPE
from tests.facemodel.flame_files import (
    N_EXPRESSION,
    linked,
    replaced,
    write_landmarks,
    write_model,
)

HALF = 0.05  # mm that float16 costs over a dozen modes


def test_published_coefficients_give_the_published_vertices(flame, small_flame_files):
    arrays = small_flame_files.arrays
    rng = np.random.default_rng(5)
    shape, expression = rng.normal(size=flame.n_identity), rng.normal(size=N_EXPRESSION)
    wanted = 1000 * (
        arrays["v_template"]
        + arrays["shapedirs"][..., : len(shape)] @ shape
        + arrays["shapedirs"][..., N_SHAPE:] @ expression
    )
    ours = flame.vertices(shape, np.concatenate([expression, np.zeros(len(JAW_MODES))]))
    np.testing.assert_allclose(ours - ours[0], wanted - wanted[0], atol=HALF)
    np.testing.assert_array_equal(flame.triangles, arrays["f"])


def test_the_jaw_turns_about_its_joint_with_its_weights_and_correctives(flame_folder):
    source = read_flame(flame_folder)
    angle = 0.2
    joint = source.joint_regressor[2] @ source.mean
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)],
                     [0, np.sin(angle), np.cos(angle)]])  # fmt: skip
    full = np.zeros(36)
    full[9:18] = (turn - np.eye(3)).ravel()
    shaped = source.mean + source.pose @ full
    share = source.weights[:, 2:3]
    wanted = share * ((shaped - joint) @ turn.T + joint) + (1 - share) * shaped
    np.testing.assert_allclose(with_jaw(source, source.mean, (angle, 0, 0)), wanted, atol=1e-12)
    still = with_jaw(source, source.mean, (0, 0, 0))
    np.testing.assert_allclose(still, source.mean, atol=1e-15)


def test_two_sigma_of_the_jaw_is_what_flame_does_to_the_mean(flame, flame_folder):
    source = read_flame(flame_folder)
    for row, (name, turn) in enumerate(JAW_MODES, start=N_EXPRESSION):
        assert flame.expression_names[row] == name
        weights = np.zeros(flame.n_expression)
        weights[row] = 2
        moved = flame.vertices(None, weights) - flame.mean
        wanted = 1000 * (with_jaw(source, source.mean, turn) - source.mean)
        np.testing.assert_allclose(moved, wanted, atol=HALF)
    marks = flame.landmarks["ibug68"]
    opened = np.zeros(flame.n_expression)
    opened[N_EXPRESSION] = 2
    change = (marks.on(flame.vertices(None, opened), flame.triangles)
              - marks.on(flame.mean, flame.triangles))  # fmt: skip
    assert change[8, 1] < -5
    assert np.abs(change[27]).max() < 0.1


def test_the_reported_loss_is_that_of_the_jaw(flame):
    words = r"by ([\d.]+) mm rms \(([\d.]+) mm .* by ([\d.]+) mm rms"
    rms, far, moved = map(float, re.search(words, flame.source).groups())
    assert 0 < rms < far < moved
    assert rms < 0.25 * moved


def test_eyeballs_are_pieces_of_the_mesh(flame):
    marks = flame.landmarks["ibug68"].on(flame.mean, flame.triangles)
    for name, lids in (("eye_right", marks[36:42]), ("eye_left", marks[42:48])):
        ball = flame.mean[np.unique(flame.triangles[flame.region(name)])]
        assert np.ptp(ball, axis=0) == pytest.approx([24.6] * 3, abs=0.5)
        np.testing.assert_allclose(ball.mean(axis=0)[0], lids.mean(axis=0)[0], atol=2)


def test_landmarks_of_deca_and_of_ringnet_are_the_same(flame_folder, small_flame_files, tmp_path):
    folder = linked(flame_folder, tmp_path / "flame")
    (folder / "landmark_embedding.npy").unlink()
    write_landmarks(folder, small_flame_files, ringnet=True)
    one, other = read_flame(flame_folder), read_flame(folder)
    np.testing.assert_array_equal(one.ibug68.triangle, other.ibug68.triangle)
    np.testing.assert_allclose(one.ibug68.barycentric, other.ibug68.barycentric, atol=1e-6)


@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_arrays_of_chumpy_and_scipy_are_read_without_them(
    flame_folder, small_flame_files, tmp_path, protocol
):
    folder = linked(flame_folder, tmp_path / "flame")
    (folder / "generic_model.pkl").unlink()
    write_model(folder / "generic_model.pkl", small_flame_files, protocol)
    source = read_flame(folder)
    arrays = small_flame_files.arrays
    np.testing.assert_array_equal(source.mean, arrays["v_template"])
    np.testing.assert_array_equal(source.joint_regressor, arrays["J_regressor"])


def test_code_in_the_model_is_refused_and_does_not_run(flame_folder, tmp_path):
    done = tmp_path / "done"

    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {done}",)

    folder = linked(flame_folder, tmp_path / "flame")
    replaced(folder / "generic_model.pkl", pickle.dumps({"f": Touch()}, 2))
    with pytest.raises(ConfigError, match="it asks for posix"):
        read_flame(folder)
    assert not done.exists()


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("generic_model.pkl", r"has none of flame2023\.pkl"),
        ("head_template.obj", r"neither FLAME_texture\.npz nor head_template\.obj"),
        ("landmark_embedding.npy", r"neither landmark_embedding\.npy nor flame_static"),
    ],
)
def test_missing_files_are_named_with_where_to_get_them(flame_folder, tmp_path, lost, words):
    folder = linked(flame_folder, tmp_path / "flame")
    (folder / lost).unlink()
    with pytest.raises(MissingModelError, match=words + r".*flame\.is\.tue\.mpg\.de"):
        read_flame(folder)


def test_the_chart_of_the_texture_space_is_taken_where_it_is(
    flame_folder, small_flame_files, tmp_path
):
    folder = linked(flame_folder, tmp_path / "flame")
    np.savez(folder / "FLAME_texture.npz", vt=0.5 * small_flame_files.uv,
             ft=small_flame_files.uv_triangles, mean=np.zeros(3))  # fmt: skip
    np.testing.assert_allclose(read_flame(folder).uv, 0.5 * small_flame_files.uv)


def test_a_model_of_another_layout_is_refused(flame_folder, small_flame_files, tmp_path):
    folder = linked(flame_folder, tmp_path / "flame")
    arrays = small_flame_files.arrays
    few = arrays | {"shapedirs": arrays["shapedirs"][..., :100]}
    replaced(folder / "generic_model.pkl", pickle.dumps(few, 2))
    with pytest.raises(ConfigError, match=r"expected those of .* 300 shape modes and more"):
        read_flame(folder)


def test_a_mesh_without_eyeballs_is_refused(flame_folder):
    source = read_flame(flame_folder)
    bridge = np.array([[0, 1, len(source.mean) - 1], [0, 1, len(source.mean) - 800]])
    triangles = np.concatenate([source.triangles, bridge])
    joined = dataclasses.replace(source, triangles=triangles)
    with pytest.raises(ConfigError, match="no piece of mesh behind the lids"):
        flame_model(joined)
