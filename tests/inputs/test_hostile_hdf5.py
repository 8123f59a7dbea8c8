"""HDF5 files that point elsewhere or claim sizes, as face models, results and truths."""

import h5py
import numpy as np
import pytest

from lib.artefacts import BatchReader, BatchWriter, Faces
from lib.errors import ArtefactError, ConfigError, ForeignFileError
from lib.facemodel.schema import read_face_model
from lib.inputs.hdf5 import check_contents
from tests.fuzz.arrays import face_model

SECRET = np.arange(12.0).reshape(4, 3)


@pytest.fixture
def elsewhere(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["values"] = SECRET
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    return tmp_path


def external_link(file, name, folder):
    file[name] = h5py.ExternalLink(str(folder / "secret.h5"), "values")


def virtual(file, name, folder):
    layout = h5py.VirtualLayout((4, 3), "f8")
    layout[:] = h5py.VirtualSource(folder / "secret.h5", "values", (4, 3))
    file.create_virtual_dataset(name, layout)


def external_storage(file, name, folder):
    file.create_dataset(name, (4, 3), "f8", external=[(str(folder / "secret.bin"), 0, 96)])


def terabytes(file, name, _):
    file.create_dataset(name, (2**38, 3), "f8", chunks=(2**14, 3), compression="gzip")


def bomb(file, name, _):
    """Packed twice: more than a thousand times."""
    zeros = np.zeros((2**24,), "u1")
    dataset = file.create_dataset(name, (2**33 + 1,), "u1", chunks=(2**24,), compression="gzip")
    dataset[: 2**24] = zeros


HOSTILE = {
    external_link: r"points at .*secret\.h5",
    virtual: "has its values in other files",
    external_storage: "has its values in other files",
    terabytes: r"claims 6597069766656 bytes and holds \d+",
    bomb: "claims 8589934593 bytes",
}
each = pytest.mark.parametrize("put", HOSTILE, ids=lambda put: put.__name__)


@each
def test_a_file_that_is_not_what_it_holds_is_refused(elsewhere, put):
    with h5py.File(elsewhere / "a.h5", "w") as file:
        file["group/plain"] = np.arange(3)
        put(file, "group/values", elsewhere)
    with h5py.File(elsewhere / "a.h5") as file, pytest.raises(ForeignFileError, match=HOSTILE[put]):
        check_contents(file)


@each
def test_a_face_model_that_is_not_what_it_holds_is_refused(elsewhere, put):
    face_model(elsewhere)
    with h5py.File(elsewhere / "a.h5", "r+") as file:
        del file["albedo/mean"]
        put(file, "albedo/mean", elsewhere)
    with pytest.raises(ConfigError, match=HOSTILE[put]):
        read_face_model(elsewhere / "a.h5")


@each
def test_results_that_are_not_what_they_hold_are_refused(elsewhere, put):
    faces = Faces("a", "anna", np.ones((1, 4)), np.ones(1), np.ones((1, 5, 2)), np.zeros(1))
    with BatchWriter(elsewhere / "faces.h5", Faces, "detect") as writer:
        writer.add("a", faces)
    with h5py.File(elsewhere / "faces.h5", "r+") as file:
        del file["a/box_px"]
        put(file, "a/box_px", elsewhere)
    with (
        BatchReader(elsewhere / "faces.h5", Faces) as reader,
        pytest.raises((ArtefactError, ConfigError), match=HOSTILE[put]),
    ):
        reader.field("a", "box_px")


def test_a_capture_that_is_another_file_is_refused(elsewhere):
    with BatchWriter(elsewhere / "faces.h5", Faces, "detect"):
        pass
    with h5py.File(elsewhere / "faces.h5", "r+") as file:
        file["a"] = h5py.ExternalLink(str(elsewhere / "secret.h5"), "/")
    with (
        BatchReader(elsewhere / "faces.h5", Faces) as reader,
        pytest.raises(ConfigError, match=r"points at .*secret"),
    ):
        reader["a"]


def test_plain_files_links_inside_and_loops_are_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["values"] = np.zeros((1000, 1000))
        file["soft"] = h5py.SoftLink("/values")
        file["dangling"] = h5py.SoftLink("/nothing")
        file["group/again"] = file["/"]
        file.create_dataset("packed", data=np.zeros((2000, 2000)), compression="gzip")
        file["name"] = "text"
        check_contents(file)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("subdivision/indices", 2**31 - 1),
        ("topology/triangles", 99),
        ("topology/triangles", -1),
        ("uv/triangles", 77),
        ("topology/mirror", 4),
        ("topology/region", 200),
        ("contour/vertices", 5000),
        ("parts/skin", -7),
        ("landmarks/ibug68/triangle", 2),
    ],
)
def test_a_face_model_whose_indices_lead_out_of_it_is_refused(tmp_path, place, value):
    """Compiled code would read memory there that is not the model's."""
    face_model(tmp_path)
    read_face_model(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        values = file[place][:]
        values.flat[0] = value
        file[place][...] = values
    with pytest.raises(ConfigError, match="cannot be read as a face model"):
        read_face_model(tmp_path / "a.h5")
