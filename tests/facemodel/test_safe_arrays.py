"""Archives and pickles of strangers: arrays come out, code does not run."""

import io
import os
import pickle

import numpy as np
import pytest

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.safe_arrays import Archive, unpickle_arrays


def test_arrays_come_back(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(6, 2, 2)
    np.savez(tmp_path / "a.npz", c=values, f=np.asfortranarray(values))
    archive = Archive(tmp_path / "a.npz")
    for name in ("c", "f"):
        np.testing.assert_array_equal(archive.read(name), values)
        np.testing.assert_array_equal(np.concatenate(list(archive.blocks(name, 3))), values)
    assert archive.shape("c") == (6, 2, 2)


def test_blocks_hold_whole_groups_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.facemodel.safe_arrays.BLOCK_BYTES", 100)
    values = np.arange(40, dtype=np.float64).reshape(20, 2)
    np.savez_compressed(tmp_path / "a.npz", rows=values)
    blocks = list(Archive(tmp_path / "a.npz").blocks("rows", 3))
    assert [len(block) for block in blocks] == [6, 6, 6, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), values)


@pytest.mark.parametrize("content", [{"a": 1}, [[1, 2], [3]], [np.arange(3), "text", b"x", 1.5]])
def test_objects_made_of_plain_things_are_read(tmp_path, content):
    holder = np.empty(1, object)
    holder[0] = content
    np.savez(tmp_path / "a.npz", objects=holder)
    found = Archive(tmp_path / "a.npz").read("objects")[0]
    assert str(found) == str(content)


@pytest.mark.parametrize("protocol", range(5))
def test_pickles_of_arrays_are_read_in_every_protocol(protocol):
    content = {"mean": np.arange(6.0).reshape(2, 3), "n": np.float32(2.5), "ids": [1, 2]}
    found = unpickle_arrays(io.BytesIO(pickle.dumps(content, protocol)), "x.npy")
    np.testing.assert_array_equal(found["mean"], content["mean"])
    assert found["n"] == content["n"]
    assert found["ids"] == content["ids"]


def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path):
    done = tmp_path / "done"

    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {done}",)

    content = pickle.dumps({"mean": np.zeros(2), "extra": Touch()})
    with pytest.raises(ConfigError, match=r"it asks for posix\.system; expected NumPy arrays"):
        unpickle_arrays(io.BytesIO(content), "face_model.npy")
    holder = np.empty(1, object)
    holder[0] = Touch()
    np.savez(tmp_path / "a.npz", objects=holder)
    with pytest.raises(ConfigError, match=r"a\.npz, objects, is a pickle that is not read"):
        Archive(tmp_path / "a.npz").read("objects")
    assert not done.exists()


def test_a_file_cut_short_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.arange(1000))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(content[:3000])
    with pytest.raises(ConfigError, match=r"no \.npz archive"):
        Archive(tmp_path / "b.npz")
    with pytest.raises(ConfigError, match="x is a pickle that is not read"):
        unpickle_arrays(io.BytesIO(pickle.dumps(np.arange(50))[:60]), "x")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingModelError, match=r"a\.npz is not there"):
        Archive(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", values=np.arange(3))
    with pytest.raises(ConfigError, match="no array 'other'; it has values"):
        Archive(tmp_path / "a.npz").read("other")
