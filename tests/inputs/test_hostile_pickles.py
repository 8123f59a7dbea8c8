"""Pickles, arrays and archives that want to run code, or more memory than they have bytes."""

import io
import os
import pickle
import time
import zipfile

import numpy as np
import pytest
import scipy.io

from lib.errors import ConfigError, ForeignFileError
from lib.facemodel.safe_arrays import Archive, read_pickled_npy, unpickle_arrays
from lib.inputs.arrays import read_npy
from lib.inputs.files import CappedReader
from lib.inputs.matlab import check_mat
from lib.inputs.pickles import Inert, Kind, PlainArray
from lib.metrics.importers.files import DatasetError, read_rows

RECONSTRUCT = np.array([]).__reduce__()[0]
ZEROS = 80 * 2**20
SMALL_RATIO = 100


class Calls:
    """A pickle of a call, whatever is called."""

    def __init__(self, *how):
        self._how = how

    def __reduce__(self):
        return self._how


def refused(content, match, inert=()):
    with pytest.raises(ConfigError, match=match):
        unpickle_arrays(io.BytesIO(content), "x.pkl", inert)


def test_an_array_of_objects_that_calls_itself_one_of_numbers_makes_no_pointers():
    kind = Calls(np.dtype, ("O", False, True), (3, "|", None, None, None, -1, -1, 0))
    state = (1, (1,), kind, False, b"AAAAAAAA")
    refused(
        pickle.dumps(Calls(RECONSTRUCT, (np.ndarray, (0,), b"b"), state)),
        "with another number of values",
    )


@pytest.mark.parametrize(
    "state",
    [
        (1, (1000,), np.dtype("O"), False, [1]),
        (1, (1000,), np.dtype("f8"), False, b"12345678"),
        (1, (-1,), np.dtype("f8"), False, b""),
        (1, (2**62, 8), np.dtype("f8"), False, b""),
        (1, (1,), "f8", False, b"12345678"),
        (1,),
    ],
)
def test_an_array_with_fewer_values_than_its_shape_is_refused(state):
    content = pickle.dumps(Calls(RECONSTRUCT, (np.ndarray, (0,), b"b"), state))
    refused(content, "an array")


def test_values_of_several_fields_and_odd_types_are_refused():
    fields = np.zeros(2, [("a", "f4"), ("b", "f8")])
    refused(pickle.dumps(fields), "values of type 'V12'")
    kind = Calls(np.dtype, ("S9999999", False, True))
    refused(pickle.dumps(kind), "values of type")


@pytest.mark.parametrize("target", [np.dtype, np.ndarray, RECONSTRUCT])
def test_a_pickle_cannot_change_what_reads_it(target):
    """A state of a class or function would stay there for the next file."""
    name = pickle.dumps(target, 0)[:-1].split(b"\n0")[0]
    state = pickle.dumps((None, {"__setstate__": None, "__defaults__": ("x",)}), 0)[:-1]
    refused(name + state + b"b.", "a state to something that has none")
    assert callable(Kind.__setstate__) and callable(PlainArray.__setstate__)


def test_an_array_that_is_called_by_name_is_refused():
    refused(pickle.dumps(Calls(np.ndarray, ((2**40,),))), "not callable")


def test_a_place_in_a_table_far_out_takes_no_memory():
    """Nine bytes for which a table of 32 GB would be made."""
    assert unpickle_arrays(io.BytesIO(b"\x80\x02Nr\xff\xff\xff\x7f."), "x.pkl") is None


def test_lists_within_lists_end():
    inner = []
    inner.append(inner)
    refused(pickle.dumps(inner), "without end")
    laughs = ["ha"]
    for _ in range(30):
        laughs = [laughs] * 10
    start = time.monotonic()
    refused(pickle.dumps(laughs), "without end")
    assert time.monotonic() - start < 30
    looped = Inert()
    refused(b"ca\nB\n(tR}Vx\np1\n", "not read", {("a", "B")})
    assert looped.state == {}


def test_parts_that_call_themselves_large_take_no_memory(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04B" + b"\xff\xff\xff\x7f" + b"abc")
    with CappedReader(tmp_path / "a.pkl") as file:
        assert file.read(2**50) == (tmp_path / "a.pkl").read_bytes()
        file.seek(0)
        with pytest.raises(ConfigError, match="is not read"):
            unpickle_arrays(file, tmp_path / "a.pkl")
    refused(b"\x80\x05\x96" + (2**33).to_bytes(8, "little") + b"abc.", "is not read")


def objects_npy(path, touched):
    holder = np.empty(1, object)
    holder[0] = Calls(os.system, (f"touch {touched}",))
    np.save(path, holder, allow_pickle=True)
    return path


def test_code_in_an_npy_never_runs(tmp_path):
    path, touched = objects_npy(tmp_path / "a.npy", tmp_path / "touched"), tmp_path / "touched"
    with pytest.raises(ForeignFileError, match="holds objects of Python, expected numbers"):
        read_npy(path)
    with pytest.raises(DatasetError, match="holds objects of Python"):
        read_rows(path, 3)
    with pytest.raises(ConfigError, match=r"asks for posix\.system"):
        read_pickled_npy(path)
    assert not touched.exists()


def test_an_npy_that_claims_more_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3)))
    path.write_bytes(path.read_bytes().replace(b"(2, 3), }  ", b"(9999999999, 3), }  ", 1)[:120])
    header = path.read_bytes()
    path.write_bytes(header[:8] + (len(header) - 11).to_bytes(2, "little") + header[10:-1] + b"\n")
    with pytest.raises(ForeignFileError, match=r"ends \d+ bytes early|no NumPy array"):
        read_npy(path)


def test_an_archive_that_grows_as_numbers_never_do_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros(ZEROS, np.uint8))
        archive.writestr("zeros.npy", buffer.getvalue())
        archive.writestr("small.npy", buffer.getvalue()[:128] + bytes(ZEROS // SMALL_RATIO))
    assert (tmp_path / "a.npz").stat().st_size < 2**20
    with pytest.raises(ForeignFileError, match=r"zeros\.npy grows from \d+ to 83886208 bytes"):
        Archive(tmp_path / "a.npz").read("zeros")
    with pytest.raises(ForeignFileError, match="bytes early"):
        Archive(tmp_path / "a.npz").read("small")


def test_a_matlab_file_that_grows_is_refused(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros(ZEROS, np.uint8)}, do_compression=True)
    with pytest.raises(ForeignFileError, match="expected at most 50 times"):
        check_mat(tmp_path / "a.mat")
    scipy.io.savemat(tmp_path / "b.mat", {"x": np.zeros(1000)}, do_compression=True)
    check_mat(tmp_path / "b.mat")
