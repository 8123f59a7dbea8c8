"""The arrays of ICT-FaceKit, from a checkout of its repository or from a development copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.wavefront import read_obj
from lib.geometry import split_quads
from lib.inputs.hdf5 import check_contents
from lib.inputs.reading import reading
from lib.inputs.texts import parse_json, read_small

CENTIMETRE = 10.0  # mm
REPOSITORY = "https://github.com/ICT-VGL/ICT-FaceKit"
GET = f"git clone {REPOSITORY}; see docs/face_models.md."
MIRROR_TOLERANCE = 0.1  # mm
NARROW_FACE = 6706  # vertices of the face without ears come first, says the README
REGION_STARTS = (  # README of ICT-FaceKit: first vertex of each part
    (0, "skin"),
    (11248, "mouth"),
    (13294, "socket_left"),
    (13678, "socket_right"),
    (14062, "tongue"),
    (17039, "teeth"),
    (21451, "eye_left"),
    (23021, "eye_right"),
    (24591, ""),  # tear fluid, occlusion shells and lashes are left out
)


@dataclass(frozen=True)
class IctSource:
    """ICT-FaceKit as it comes, in mm; x to the subject's left, y up, z to the front.

    Args:
        mean: (n, 3).
        identity: (n_identity, n, 3) mm per sigma.
        expression: (n_expression, n, 3) mm at weight 1.
        expression_names: with `_L` and `_R`.
        triangles: (t, 3).
        uv: (n_uv, 2), one unit tile per material.
        uv_triangles: (t, 3).
        landmarks: (68,) vertices, in the order of iBUG-68.
        licence_text: MIT notice, to be kept.
    """

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    landmarks: np.ndarray
    licence_text: str


def read_ict_checkout(folder: str | Path) -> IctSource:
    """Neutral, identities and expressions of a git checkout.

    Raises:
        MissingModelError: a file of the checkout is missing.
        ConfigError: a shape has another number of vertices than the neutral.
    """
    data = Path(folder) / "FaceXModel"
    names = ("vertex_indices.json", "generic_neutral_mesh.obj")
    missing = [name for name in names if not (data / name).is_file()]
    identities = sorted(data.glob("identity[0-9][0-9][0-9].obj"))
    if missing or not identities:
        lost = missing[0] if missing else "identity000.obj"
        raise MissingModelError(
            f"{data / lost} is not there; expected a checkout of ICT-FaceKit. "
            f"Get it: git clone {REPOSITORY}"
        )
    with reading(data / names[0], "its indices", GET):
        meta = parse_json(read_small(data / names[0]))
        landmarks = np.array(meta["idx_to_landmark_verts"], np.int64)
    mean, uv, polygons, uv_polygons = read_obj(data / "generic_neutral_mesh.obj")
    expressions = [*map(str, meta["expressions"]), "cheekRaiser_L", "cheekRaiser_R"]
    expressions = [name for name in expressions if name.isidentifier()]
    expressions = [name for name in expressions if (data / f"{name}.obj").is_file()]
    n_kept = next((s for s, name in REGION_STARTS if not name), len(mean))
    n_kept = min(n_kept, len(mean))
    quads = (polygons < n_kept).all(axis=1)

    def moves(paths: list[Path]) -> np.ndarray:
        return np.stack([(_points(path, len(mean)) - mean)[:n_kept] for path in paths])

    licence = Path(folder) / "LICENSE"
    return IctSource(
        mean=mean[:n_kept] * CENTIMETRE,
        identity=moves(identities) * CENTIMETRE,
        expression=moves([data / f"{name}.obj" for name in expressions]) * CENTIMETRE,
        expression_names=tuple(expressions),
        triangles=split_quads(polygons[quads]),
        uv=uv,
        uv_triangles=split_quads(uv_polygons[quads]),
        landmarks=landmarks,
        licence_text=licence.read_text() if licence.is_file() else "",
    )


def read_ict_development_copy(path: str | Path) -> IctSource:
    """The skin of ICT-FaceKit from the HDF5 file of an earlier converter, for evaluations.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: it is not that file.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there; expected the development copy of ICT-FaceKit. "
            f"Convert a checkout instead (git clone {REPOSITORY}): see docs/face_models.md."
        )
    what, advice = "a development copy of ICT-FaceKit", f"Convert a checkout instead: {GET}"
    with reading(path, what, advice), h5py.File(path, "r") as file:
        check_contents(file)
        names = file["shape/expression"].attrs["names"]
        return IctSource(
            mean=file["shape/mean"][:],
            identity=file["shape/identity/basis"][:],
            expression=file["shape/expression/basis"][:],
            expression_names=tuple(str(name) for name in names),
            triangles=file["topology/triangles"][:],
            uv=file["topology/uv"][:],
            uv_triangles=file["topology/uv_triangles"][:],
            landmarks=file["landmarks/multipie68"][:],
            licence_text=str(file.attrs["licence_text"]),
        )


def _points(path: Path, expected: int) -> np.ndarray:
    with (
        reading(path, f"a mesh of ICT-FaceKit. Take it from {REPOSITORY} again"),
        path.open() as lines,
    ):
        points = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float)
    if len(points) != expected:
        raise ConfigError(
            f"{path} has {len(points)} vertices, expected {expected} as in the neutral mesh. "
            f"Take the file from {REPOSITORY} again."
        )
    return points
