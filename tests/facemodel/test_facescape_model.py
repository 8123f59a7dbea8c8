"""FaceScape's bilinear model: what a conversion keeps, what it loses, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.facemodel.__main__ import main
from lib.facemodel.eyeballs import RADIUS
from lib.facemodel.facescape import facescape_model, read_facescape
from lib.facemodel.facescape.linear import linear_shape, principal_order
from lib.facemodel.facescape.model import EXPRESSIONS
from lib.fitting import FitOptions, fit_faces
from tests.facemodel.facescape_files import write_folder, write_npz
from tests.fitting.conftest import points_of, pose, subject

HALF = 0.02  # mm that float16 costs


def skin_of(model, vertices, small):
    """The vertices of the file, in its frame up to a shift."""
    place = vertices[: len(small.core) // 3]
    return place - place.mean(axis=0)


def centred(points):
    return points - points.mean(axis=0)


def sigma_of(model, small, person):
    """Coefficients by least squares of a neutral person of the file."""
    n = len(small.core) // 3
    basis = model.identity_basis[:, :n].reshape(model.n_identity, -1).T
    change = person - small.face(np.zeros(len(small.id_mean)), np.zeros(51))
    found, *_ = np.linalg.lstsq(basis.astype(np.float64), change.ravel(), rcond=None)
    return found


def test_expressions_of_the_mean_person_are_those_of_the_bilinear_model(facescape, small):
    weights = np.random.default_rng(1).uniform(0, 0.5, 51)
    ours = skin_of(facescape, facescape.vertices(None, weights), small)
    theirs = centred(small.face(np.zeros(len(small.id_mean)), weights))
    assert np.abs(ours - theirs).max() < 51 * HALF / 4


def test_every_neutral_person_is_reached_at_the_same_likelihood(facescape, small):
    sigma = np.random.default_rng(2).normal(size=len(small.id_mean))
    sigma[0] = 0  # hardly varies in the file
    person = small.face(sigma, np.zeros(51))
    found = sigma_of(facescape, small, person)
    ours = skin_of(facescape, facescape.vertices(found), small)
    assert np.abs(ours - centred(person)).max() < HALF
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(sigma), rel=2e-3)


def test_the_reported_loss_is_that_of_faces_made_both_ways(small):
    part = dataclasses.replace(small, core=small.core[:6000])
    shape = linear_shape(iter([part.core]), small.id_mean, small.id_var)
    rng = np.random.default_rng(11)
    people = rng.standard_normal((len(shape.lost), len(small.id_mean)))
    chosen = rng.choice(51, 3, replace=False)
    weights = np.zeros(51)
    weights[chosen] = rng.uniform(size=3)
    exact = part.face(people[0], weights)
    neutral = part.face(people[0], np.zeros(51))
    linear = neutral + np.tensordot(weights, shape.expression, 1)
    np.testing.assert_allclose(shape.lost[0], np.linalg.norm(exact - linear, axis=1), atol=1e-3)
    moved = np.linalg.norm(linear - neutral, axis=1)
    np.testing.assert_allclose(shape.moved[0], moved, atol=1e-3)


def test_a_core_in_blocks_is_the_core_as_a_whole(small):
    core = small.core[:6000]
    whole = linear_shape(iter([core]), small.id_mean, small.id_var)
    parts = [core[:3000], core[3000:3009], core[3009:]]
    blocks = linear_shape(iter(parts), small.id_mean, small.id_var)
    for field in dataclasses.fields(whole):
        one, other = getattr(whole, field.name), getattr(blocks, field.name)
        np.testing.assert_allclose(other, one, atol=1e-6, err_msg=field.name)


def test_principal_order_spans_the_same_people():
    basis = np.random.default_rng(3).normal(size=(4, 7, 3)) * [[[5]], [[1]], [[9]], [[2]]]
    modes = principal_order(basis)
    flat, turned = basis.reshape(4, -1), modes.reshape(4, -1)
    np.testing.assert_allclose(turned.T @ turned, flat.T @ flat, atol=1e-9)
    gram = turned @ turned.T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-9)
    assert (np.diff(np.diag(gram)) < 0).all()


def test_topology_chart_and_landmarks_are_the_published_ones(facescape, small):
    n_triangles = len(small.arrays["fv_indices"])
    np.testing.assert_array_equal(facescape.triangles[:n_triangles], small.arrays["fv_indices"] - 1)
    marks = facescape.landmarks["ibug68"].on(facescape.mean, facescape.triangles)
    listed = facescape.mean[small.arrays["lm_list_v16"]]
    np.testing.assert_allclose(marks, listed, atol=1e-4)
    n = len(small.arrays["sym_dict"])
    np.testing.assert_array_equal(facescape.mirror[:n], small.arrays["sym_dict"])
    own = facescape.uv[facescape.uv_triangles[:n_triangles]]
    theirs = small.arrays["texcoords"][small.arrays["ft_indices"] - 1]
    scale = np.ptp(own, axis=(0, 1)) / np.ptp(theirs, axis=(0, 1))
    offset = own.min(axis=(0, 1)) - scale * theirs.min(axis=(0, 1))
    np.testing.assert_allclose(own, offset + scale * theirs, atol=1e-5)


def test_eyeballs_fill_the_open_lids(facescape):
    for name, side in (("eye_right", -1), ("eye_left", 1)):
        ball = facescape.mean[np.unique(facescape.triangles[facescape.region(name)])]
        assert (side * ball[:, 0] > 0).all()
        marks = facescape.landmarks["ibug68"].on(facescape.mean, facescape.triangles)
        lids = marks[36:42] if side < 0 else marks[42:48]
        centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
        distance = np.linalg.norm(lids - centre, axis=1)
        assert np.median(abs(distance - RADIUS)) < 2


@pytest.mark.slow
def test_known_coefficients_are_found_again_from_exact_landmarks(facescape):
    rng = np.random.default_rng(4)
    identity = rng.normal(size=facescape.n_identity).astype(np.float32)
    identity[-1] = 0  # the factor of the mean itself, which hardly moves anything
    expression = np.zeros(facescape.n_expression, np.float32)
    expression[facescape.expression_names.index("jawOpen")] = 0.5
    views = [
        subject(f"v{yaw}", "ibug68", points_of(facescape, identity, expression, yaw, "ibug68"),
                "anna", sigma_px=0.05)
        for yaw in (-40, -20, 0, 20, 40)
    ]  # fmt: skip
    options = FitOptions(photometric_weight=0.0, landmark_weight=100.0)
    fit = fit_faces(facescape, views, options)["v0"]
    face = facescape.parts["face_mask"]
    truth, found = (facescape.vertices(c, None)[face] for c in (identity, fit.identity))
    apart = np.linalg.norm(centred(truth) - centred(found), axis=1)
    from_mean = np.linalg.norm(centred(truth) - centred(facescape.mean[face]), axis=1)
    assert np.median(apart) < 0.25 * np.median(from_mean)
    jaw = fit.expression[0, facescape.expression_names.index("jawOpen")]
    assert jaw == pytest.approx(0.5, abs=0.12)
    turn = fit.world_to_camera[0, :, :3] @ pose(0)[:, :3].T
    assert np.degrees(np.arccos(min((np.trace(turn) - 1) / 2, 1))) < 1.5


@pytest.mark.slow
@pytest.mark.usefixtures("few_skin_colours")
def test_the_folder_of_earlier_editions_gives_the_same_head(facescape, small, tmp_path):
    model = facescape_model(read_facescape(write_folder(tmp_path / "predefine_data", small)))
    np.testing.assert_allclose(model.mean, facescape.mean, atol=1e-3)
    np.testing.assert_allclose(model.identity_basis, facescape.identity_basis, atol=HALF)
    np.testing.assert_allclose(model.expression_basis, facescape.expression_basis, atol=HALF)
    np.testing.assert_array_equal(model.triangles, facescape.triangles)
    skin = len(small.core) // 3
    away = model.mean[model.mirror[:skin]] * [-1, 1, 1] - model.mean[:skin]
    assert np.linalg.norm(away, axis=1).max() < 0.1
    shared = np.intersect1d(model.parts["face_mask"], facescape.parts["face_mask"])
    assert len(shared) > 0.7 * len(facescape.parts["face_mask"])


@pytest.mark.slow
@pytest.mark.usefixtures("few_skin_colours")
def test_sides_are_told_by_the_eye_that_blinks(small, tmp_path, caplog):
    order = [0] + [
        1 + EXPRESSIONS.index(
            name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        )
        for name in EXPRESSIONS
    ]  # fmt: skip
    seen = write_npz(tmp_path / "seen.npz", small, shape_bm_core=small.core[:, order])
    model = facescape_model(read_facescape(seen))
    blink = model.expression_basis[model.expression_names.index("eyeBlinkLeft")]
    moved = np.linalg.norm(blink, axis=1)
    assert (moved * model.mean[:, 0]).sum() / moved.sum() > 20
    assert "left and right of the expressions are swapped" in caplog.text


@pytest.mark.slow
def test_a_command_converts_and_says_what_linear_costs(small, few_skin_colours, tmp_path, capsys):
    source = write_npz(tmp_path / "small.npz", small)
    main(["convert-facescape", str(source), "--output", str(tmp_path / "f.h5")])
    said = capsys.readouterr().out
    assert str(tmp_path / "f.h5") in said
    assert "mm rms" in said
    assert load_face_model(str(tmp_path / "f.h5")).name == "facescape"


def test_a_missing_facescape_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.facemodel.load.RESOURCES", tmp_path)
    with pytest.raises(MissingModelError, match=r"python -m lib\.facemodel convert-facescape"):
        load_face_model("facescape")


def test_a_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(MissingModelError, match=r"expected facescape_bm.*facescape\.nju\.edu\.cn"):
        read_facescape(tmp_path / "facescape_bm_v1.6_847_50_52_id_front.npz")


def test_an_empty_folder_says_what_belongs_there(tmp_path):
    with pytest.raises(MissingModelError, match=r"core_847_50_52\.npy is not there.*1_neutral"):
        read_facescape(tmp_path)


def test_the_edition_with_mixed_expressions_is_refused(small, tmp_path):
    name = "facescape_bm_v1.6_847_50_52_id_exp.npz"
    with pytest.raises(ConfigError, match="none of them is the neutral face"):
        read_facescape(write_npz(tmp_path / name, small))


@pytest.mark.slow
def test_mixed_expressions_are_refused_under_any_name(small, tmp_path):
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(52, 52)))
    mixed = np.einsum("rek,ef->rfk", small.core, turn)
    renamed = write_npz(tmp_path / "renamed.npz", small, shape_bm_core=mixed.astype(np.float32))
    with pytest.raises(ConfigError, match="slices of the core lie more than"):
        facescape_model(read_facescape(renamed))


def test_an_early_copy_without_a_mean_is_refused(small, tmp_path):
    path = write_npz(tmp_path / "early.npz", small, id_mean=None, id_var=None)
    with pytest.raises(ConfigError, match=r"no id_mean and id_var.*8 December 2021"):
        read_facescape(path)


def test_a_wrong_mean_is_noticed_by_the_size_of_the_head(small, tmp_path):
    path = write_npz(tmp_path / "wrong.npz", small, id_mean=0.5 * small.id_mean)
    with pytest.raises(ConfigError, match=r"44\.\d+ apart, expected 70 to 110 mm"):
        facescape_model(read_facescape(path))


@pytest.mark.usefixtures("few_skin_colours")
def test_lids_that_the_mesh_closes_get_no_eyeballs(small, tmp_path):
    arrays = small.arrays
    chart_of = np.zeros(len(small.core) // 3, int)
    chart_of[arrays["fv_indices"].ravel() - 1] = arrays["ft_indices"].ravel()
    fans = []
    for first in (36, 42):  # outer corner, over the lid, inner corner, back below
        ring = arrays["lm_list_v16"][first : first + 6][::-1]
        fans += [[ring[0], ring[k], ring[k + 1]] for k in range(1, 5)]
    fans = np.array(fans)
    filled = write_npz(
        tmp_path / "filled.npz",
        small,
        fv_indices=np.concatenate([arrays["fv_indices"], fans + 1]),
        ft_indices=np.concatenate([arrays["ft_indices"], chart_of[fans]]),
    )
    model = facescape_model(read_facescape(filled))
    assert model.n_vertices == len(small.core) // 3
    n = len(arrays["fv_indices"])
    for name, rows in (("eye_right", range(n, n + 4)), ("eye_left", range(n + 4, n + 8))):
        assert set(rows) <= set(np.flatnonzero(model.region(name)))
        triangle = model.triangles[model.region(name)]
        assert (np.sign(model.mean[triangle][..., 0]) == (-1 if "right" in name else 1)).all()
    assert set(model.landmarks["points5"].triangle[:2]) <= set(range(n, n + 8))


@pytest.mark.slow
@pytest.mark.usefixtures("few_skin_colours")
def test_a_table_of_symmetry_that_is_none_is_replaced_and_said(facescape, small, tmp_path, caplog):
    path = write_npz(tmp_path / "table.npz", small, sym_dict=np.roll(small.arrays["sym_dict"], 1))
    model = facescape_model(read_facescape(path))
    assert "its table of symmetric vertices is none; not used" in caplog.text
    np.testing.assert_array_equal(model.mirror, facescape.mirror)


def test_another_archive_is_refused_by_what_it_holds(tmp_path):
    np.savez(tmp_path / "other.npz", vertices=np.zeros(3))
    with pytest.raises(ConfigError, match="has the arrays vertices, expected shape_bm_core"):
        read_facescape(tmp_path / "other.npz")


def test_a_core_of_another_shape_is_refused(small, tmp_path):
    path = write_npz(tmp_path / "few.npz", small, shape_bm_core=small.core[:, :46])
    with pytest.raises(ConfigError, match=r"shape \(40242, 46, 6\), expected .*52, 6\)"):
        read_facescape(path)


def test_topology_of_another_edition_is_refused(small, tmp_path):
    path = write_npz(tmp_path / "mixed.npz", small, fv_indices=small.arrays["fv_indices"] + 9)
    with pytest.raises(ConfigError, match="core and topology are of different editions"):
        read_facescape(path)
