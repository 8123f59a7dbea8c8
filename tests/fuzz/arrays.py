"""Arrays, pickles, MATLAB files, and HDF5 files of face models and results."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp

from lib.artefacts import BatchReader, BatchWriter, Faces
from lib.errors import CaptureFailure
from lib.facemodel import schema
from lib.facemodel.bfm.deep3d import read_mat
from lib.facemodel.dense_landmarks import DENSE_SCHEMES
from lib.facemodel.flame.source import _plain
from lib.facemodel.model import PARTS, FaceModel, SurfacePoints
from lib.facemodel.safe_arrays import Archive, read_pickled_npy, unpickle_arrays
from lib.inputs.arrays import read_npy
from lib.inputs.files import CappedReader
from tests.fuzz.reader import Reader

SPARSE = ("scipy.sparse._csc", "csc_matrix")


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def zipped(content: bytes, _: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("values.npy", content)
        archive.writestr("others.npy", npy(np.arange(3)))
    return buffer.getvalue()


def read_archive(folder: Path) -> None:
    archive = Archive(folder / "a.npz")
    archive.read("values")
    archive.shape("values")
    list(archive.blocks("values", 3))


def plain_objects() -> np.ndarray:
    holder = np.empty((), object)
    holder[()] = {"mean": np.arange(6.0).reshape(2, 3), "n": np.float32(2), "names": ["a", b"b"]}
    return holder


def pickled(_: Path) -> bytes:
    matrix = sp.csc_matrix(np.diag([1.0, 2, 3]))
    return pickle.dumps(
        {"mean": np.arange(6.0), "regressor": matrix, "list": [[1, 2], (3, None)]}, 2
    )


def read_pickled(folder: Path) -> None:
    path = folder / "a.pkl"
    with CappedReader(path) as file:
        content = unpickle_arrays(file, path, {SPARSE})
    if isinstance(content, dict) and "regressor" in content:
        _plain(content["regressor"], "regressor", path)


def matlab(_: Path) -> bytes:
    buffer = io.BytesIO()
    layers = np.empty((1, 2), object)
    layers[0, :] = [{"name": "a", "weights": np.ones((2, 2))}, {"name": "b", "weights": np.eye(3)}]
    content = {"tri": np.arange(12).reshape(4, 3), "layers": layers, "word": "text"}
    scipy.io.savemat(buffer, content, do_compression=True)
    return buffer.getvalue()


def model() -> FaceModel:
    """Two triangles with everything that a model has."""
    points = SurfacePoints(np.array([0, 1]), np.full((2, 3), 1 / 3), np.ones(2))
    return FaceModel(
        name="tiny",
        mean=np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]),
        identity_basis=np.ones((2, 4, 3)),
        expression_basis=np.ones((1, 4, 3)),
        expression_names=("jawOpen",),
        free_expressions=np.array([True]),
        triangles=np.array([[0, 1, 2], [0, 2, 3]]),
        triangle_region=np.zeros(2, int),
        region_names=("skin",),
        mirror=np.array([1, 0, 3, 2]),
        uv=np.eye(4)[:, :2],
        uv_triangles=np.array([[0, 1, 2], [0, 2, 3]]),
        albedo_mean=np.full((4, 3), 0.5),
        albedo_basis=np.ones((1, 4, 3)),
        landmarks={"ibug68": points, **dict.fromkeys(DENSE_SCHEMES, points)},
        contour=(np.array([0, 1]), np.array([2])),
        parts=dict.fromkeys(PARTS, np.array([0, 1])),
        licence="CC0",
        source="made here",
    )


def face_model(folder: Path) -> bytes:
    operator = sp.csr_matrix(np.eye(4)[:, :3] + 0.1)
    basis = np.ones((2, 3, 3))
    coarse = schema.CoarseShape(operator, np.ones((3, 3)), basis, basis[:1])
    schema.write_face_model(folder / "a.h5", model(), coarse)
    return (folder / "a.h5").read_bytes()


def results(folder: Path) -> bytes:
    faces = Faces("a", "anna", np.ones((1, 4)), np.ones(1), np.ones((1, 5, 2)), np.zeros(1))
    with BatchWriter(folder / "faces.h5", Faces, "detect") as writer:
        writer.add("a", faces)
        writer.fail("b", CaptureFailure("no_face", "none"))
    return (folder / "faces.h5").read_bytes()


def read_results(folder: Path) -> None:
    with BatchReader(folder / "faces.h5", Faces) as reader:
        list(reader.items())


READERS = {
    "npy": Reader(
        "a.npy",
        lambda _: npy(np.arange(24.0).reshape(2, 3, 4)),
        lambda folder: read_npy(folder / "a.npy"),
    ),
    "npz": Reader("a.npz", lambda folder: zipped(npy(np.ones((9, 2))), folder), read_archive),
    "npy in npz": Reader("a.npz", lambda _: npy(np.ones((9, 2))), read_archive, zipped),
    "objects in npz": Reader(
        "a.npz",
        lambda _: npy(plain_objects()),
        lambda folder: Archive(folder / "a.npz").read("values"),
        zipped,
    ),
    "objects in npy": Reader(
        "a.npy",
        lambda _: npy(plain_objects()),
        lambda folder: read_pickled_npy(folder / "a.npy"),
    ),
    "pickle": Reader("a.pkl", pickled, read_pickled),
    "matlab": Reader("a.mat", matlab, lambda folder: read_mat(folder / "a.mat", "tri", "layers")),
    "face model": Reader(
        "a.h5", face_model, lambda folder: schema.read_face_model(folder / "a.h5")
    ),
    "results": Reader("faces.h5", results, read_results),
}
