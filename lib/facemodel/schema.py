"""The one HDF5 layout of every head model; docs/face_models.md lists its groups."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import h5py
import numpy as np
import scipy.sparse as sp

from lib.atomic import atomic_path
from lib.errors import ConfigError, MissingModelError
from lib.facemodel.cylinder import MASKS, CylinderChart
from lib.facemodel.dense_landmarks import DENSE_SCHEMES, dense_landmarks
from lib.facemodel.model import FaceModel, SurfacePoints, check_indices
from lib.facemodel.origin import Provenance, schemes_beside
from lib.inputs.hdf5 import check_contents
from lib.inputs.reading import reading
from lib.inputs.texts import parse_json, read_small

Name = TypeVar("Name", bound=str)
FORMAT, VERSION = "facemodel", 2
WHAT, ADVICE = "a face model", "Convert it again: see docs/face_models.md."
DEFAULT_SIGMA_MM = 2.0
AXES = "x to the subject's left, y up, z out of the face; origin midway between the eyes"
EXPRESSION_PRIOR: dict[Literal["weight", "normal"], str] = {
    "weight": "weight in 0..1",
    "normal": "normal, sigma 1",
}
ALBEDO_SPACE: dict[Literal["linear", "srgb"], str] = {
    "linear": "linear sRGB, D65; coefficients ~ N(0, 1)",
    "srgb": "encoded sRGB, 0..1; coefficients ~ N(0, 1)",
}
COMPRESSION = {"compression": "gzip", "compression_opts": 9, "shuffle": True}


@dataclass(frozen=True)
class CoarseShape:
    """Shape on a coarse mesh; the model's vertices are `operator` times the coarse ones.

    Args:
        operator: (n_vertices, n_coarse) sparse.
        mean: (n_coarse, 3) mm.
        identity_basis: (n_identity, n_coarse, 3) mm per sigma.
        expression_basis: (n_expression, n_coarse, 3) mm at weight 1.
    """

    operator: sp.csr_matrix
    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray

    def refine(self, field: np.ndarray) -> np.ndarray:
        """(..., n_vertices, 3) float32 from (..., n_coarse, 3)."""
        flat = np.moveaxis(field, -2, 0).reshape(field.shape[-2], -1)
        fine = self.operator.astype(np.float32) @ np.ascontiguousarray(flat, np.float32)
        shape = (self.operator.shape[0], *field.shape[:-2], field.shape[-1])
        return np.ascontiguousarray(np.moveaxis(fine.reshape(shape), 0, -2))


def write_face_model(
    path: str | Path,
    model: FaceModel,
    coarse: CoarseShape | None = None,
    provenance: Provenance | None = None,
    half_precision: bool = False,
    extras: Mapping[str, np.ndarray] | None = None,
    fixed_landmarks: Collection[str] = (),
) -> None:
    """Write a model; the same model gives the same bytes.

    Args:
        path: of the new file, which appears only when complete.
        model: what `read_face_model` shall give back.
        coarse: write the shape on this mesh instead, with its operator.
        provenance: attributes about the origin.
        half_precision: store the bases as float16 (about 0.01 mm for 20 mm).
        extras: arrays of the source that are no part of a `FaceModel`, for `read_extra`.
        fixed_landmarks: schemes that no file beside the model replaces.
    """
    kind = np.float16 if half_precision else np.float32
    shape = coarse or model
    with atomic_path(path, shared=True) as part, h5py.File(part, "w", libver="v110") as file:
        _write_attributes(file, model, provenance or Provenance())
        _put(file, "shape/mean", shape.mean.astype(np.float32))
        _put(file, "shape/identity/basis", shape.identity_basis.astype(kind))
        _put(file, "shape/expression/basis", shape.expression_basis.astype(kind))
        file["shape/identity"].attrs["prior"] = "normal, sigma 1"
        file["shape/expression"].attrs["prior"] = EXPRESSION_PRIOR[model.expression_prior]
        file["shape/expression"].attrs["names"] = list(model.expression_names)
        _put(file, "shape/expression/free", model.free_expressions.astype(np.uint8))
        if coarse is not None:
            _put(file, "subdivision/data", coarse.operator.data.astype(np.float32))
            _put(file, "subdivision/indices", coarse.operator.indices.astype(np.int32))
            _put(file, "subdivision/indptr", coarse.operator.indptr.astype(np.int32))
            file["subdivision"].attrs["shape"] = coarse.operator.shape
        _put(file, "topology/triangles", model.triangles.astype(np.int32))
        _put(file, "topology/region", model.triangle_region.astype(np.uint8))
        file["topology/region"].attrs["names"] = list(model.region_names)
        _put(file, "topology/mirror", model.mirror.astype(np.int32))
        _put(file, "uv/coordinates", model.uv.astype(np.float32))
        _put(file, "uv/triangles", model.uv_triangles.astype(np.int32))
        _put(file, "albedo/mean", model.albedo_mean.astype(kind))
        _put(file, "albedo/basis", model.albedo_basis.astype(kind))
        file["albedo"].attrs["space"] = ALBEDO_SPACE[model.albedo_encoding]
        for name in sorted(model.landmarks):
            _put_landmarks(file, name, model.landmarks[name])
        for name in fixed_landmarks:
            file[f"landmarks/{name}"].attrs["fixed"] = True
        _put_lines(file, "contour", model.contour)
        if model.contour33:
            _put_lines(file, "contour33", model.contour33)
        if model.cylinder is not None:
            _put_cylinder(file, model.cylinder)
        for name in sorted(model.parts):
            _put(file, f"parts/{name}", np.asarray(model.parts[name], np.int32))
        for name in sorted(extras or {}):
            _put(file, f"extra/{name}", (extras or {})[name])


def _write_attributes(file: h5py.File, model: FaceModel, origin: Provenance) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["version"] = VERSION
    file.attrs["name"] = model.name
    file.attrs["units"] = "mm"
    file.attrs["axes"] = AXES
    file.attrs["licence"] = model.licence
    file.attrs["source"] = model.source
    file.attrs["source_sha256"] = origin.source_sha256
    file.attrs["created_by"] = origin.created_by
    file.attrs["copyright"] = origin.copyright
    file.attrs["licence_text"] = origin.licence_text
    file.attrs["redistributable"] = origin.redistributable


def _put(file: h5py.File, name: str, values: np.ndarray) -> None:
    if values.size < 64:
        file.create_dataset(name, data=values)
        return
    chunks = (1, *values.shape[1:]) if values.ndim == 3 else None
    file.create_dataset(name, data=values, chunks=chunks or True, **COMPRESSION)


def _put_lines(file: h5py.File, name: str, lines: Sequence[np.ndarray]) -> None:
    """Lines of vertices one after another, and where each starts."""
    every = np.concatenate([*lines, np.zeros(0, int)]).astype(np.int32)
    _put(file, f"{name}/vertices", every)
    _put(file, f"{name}/starts", np.cumsum([0, *map(len, lines)]).astype(np.int32))


def _put_cylinder(file: h5py.File, chart: CylinderChart) -> None:
    file["cylinder/origin_mm"] = np.asarray(chart.origin_mm, np.float64)
    _put(file, "cylinder/texel", chart.texel.astype(np.float32))
    for name in ("drawn", "region", *MASKS):
        _put(file, f"cylinder/{name}", getattr(chart, name).astype(np.uint8))


def _read_cylinder(group: h5py.Group) -> CylinderChart:
    return CylinderChart(
        origin_mm=group["origin_mm"][:],
        texel=group["texel"][:],
        **{name: group[name][:].astype(bool) for name in ("drawn", "region", *MASKS)},
    )


def _read_lines(group: h5py.Group) -> tuple[np.ndarray, ...]:
    vertices = group["vertices"][:]
    return tuple(vertices[a:b] for a, b in itertools.pairwise(group["starts"][:]))


def _put_landmarks(file: h5py.File, name: str, points: SurfacePoints) -> None:
    group = file.require_group(f"landmarks/{name}")
    for key, values in (
        ("triangle", points.triangle.astype(np.int32)),
        ("barycentric", points.barycentric.astype(np.float32)),
        ("sigma_mm", points.sigma_mm.astype(np.float32)),
    ):
        if key in group:
            del group[key]
        group.create_dataset(key, data=values)


def write_landmark_scheme(path: str | Path, name: str, points: SurfacePoints) -> None:
    """Add or replace a landmark scheme: in a model file (.h5), or in a file of its own (.json).

    A JSON file called `<scheme>_<model>.json` beside a model's HDF5 file is read with it.
    """
    path = Path(path)
    if path.suffix != ".json":
        with h5py.File(path, "r+") as file:
            _put_landmarks(file, name, points)
        return
    rows = [
        {
            "triangle": int(triangle),
            "barycentric": [round(float(w), 6) for w in weights],
            "sigma_mm": round(float(sigma), 4),
        }
        for triangle, weights, sigma in zip(points.triangle, points.barycentric, points.sigma_mm)
    ]
    body = ",\n".join("    " + json.dumps(row) for row in rows)
    path.write_text(f'{{\n  "scheme": {json.dumps(name)},\n  "points": [\n{body}\n  ]\n}}\n')


def read_landmark_scheme(path: str | Path) -> tuple[str, SurfacePoints]:
    """Name and points of a JSON file; a missing `sigma_mm` becomes 2 mm.

    Raises:
        ConfigError: the file is not such a scheme.
    """
    try:
        content = parse_json(read_small(path))
        rows = content["points"]
        points = SurfacePoints(
            np.array([row["triangle"] for row in rows], np.int32),
            np.array([row["barycentric"] for row in rows], np.float32).reshape(-1, 3),
            np.array([row.get("sigma_mm", DEFAULT_SIGMA_MM) for row in rows], np.float32),
            np.array([row["depth_bias_mm"] for row in rows], np.float32)
            if all("depth_bias_mm" in row for row in rows)
            else None,
        )
        return str(content["scheme"]), points
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ConfigError(
            f"{path} is not a landmark scheme ({error!r}); expected scheme and points with "
            "triangle and barycentric. Write it with write_landmark_scheme."
        ) from error


def read_face_model(path: str | Path) -> FaceModel:
    """A model with all its landmark schemes.

    Those in `<scheme>_<model>.json` beside it stand before those in the file, unless these are
    fixed; the sets of 106 and 134 points are placed by rule where neither has them.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: it is not a model in this layout.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"The face model {path} is not there. Use `makehuman`, which ships with this project, "
            "or convert a model that you have: see docs/face_models.md."
        )
    with reading(path, WHAT, ADVICE), h5py.File(path, "r") as file:
        found = (file.attrs.get("format"), int(float(file.attrs.get("version", 0))))
        if found != (FORMAT, VERSION):
            raise ConfigError(
                f"{path} is {found[0]} version {found[1]}, expected {FORMAT} version "
                f"{VERSION}. Convert it again: see docs/face_models.md."
            )
        check_contents(file)
        model = _read(file)
        check_indices(model)
        fixed = {name for name, group in file["landmarks"].items() if "fixed" in group.attrs}
    landmarks = dict(model.landmarks)
    for extra in schemes_beside(path):
        name, points = read_landmark_scheme(extra)
        if name not in fixed:
            landmarks[name] = points
    model = _with_landmarks(model, landmarks)
    if set(DENSE_SCHEMES) <= set(landmarks):
        return model
    return _with_landmarks(model, dense_landmarks(model) | landmarks)


def mesh_of(path: str | Path) -> np.ndarray:
    """(t, 3) triangles of a model file."""
    with reading(path, WHAT, ADVICE), h5py.File(path, "r") as file:
        check_contents(file)
        return file["topology/triangles"][:]


def model_source(path: str | Path) -> str:
    """Where the model of a file came from."""
    with reading(path, WHAT, ADVICE), h5py.File(path, "r") as file:
        return str(file.attrs["source"])


def read_extra(path: str | Path, name: str) -> np.ndarray:
    """An array that a converter kept beside the model; docs/face_models.md lists them.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: it has no such array.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(f"The face model {path} is not there: see docs/face_models.md.")
    with reading(path, WHAT, ADVICE), h5py.File(path, "r") as file:
        check_contents(file)
        if f"extra/{name}" in file:
            return file[f"extra/{name}"][...]
        found = ", ".join(file["extra"]) if "extra" in file else "none"
    raise ConfigError(
        f"{path} keeps no '{name}' of its source (it has: {found}). Convert a model that has it: "
        "see docs/face_models.md."
    )


def _with_landmarks(model: FaceModel, landmarks: dict[str, SurfacePoints]) -> FaceModel:
    for name, points in landmarks.items():
        if len(points) and not 0 <= points.triangle.min() <= points.triangle.max() < len(
            model.triangles
        ):
            raise ConfigError(
                f"Landmark scheme {name} names triangle {points.triangle.max()}, but the model "
                f"{model.name} has {len(model.triangles)}. Make the scheme again for this model."
            )
    fields = {name: getattr(model, name) for name in model.__dataclass_fields__}
    return FaceModel(**(fields | {"landmarks": landmarks}))


def _read(file: h5py.File) -> FaceModel:
    mean = file["shape/mean"][:].astype(np.float32)
    identity = file["shape/identity/basis"][:].astype(np.float32)
    expression = file["shape/expression/basis"][:].astype(np.float32)
    if "subdivision" in file:
        group = file["subdivision"]
        operator = sp.csr_matrix(
            (group["data"][:], group["indices"][:], group["indptr"][:]),
            shape=tuple(group.attrs["shape"]),
        )
        operator.check_format(full_check=True)
        coarse = CoarseShape(operator, mean, identity, expression)
        mean, identity = coarse.refine(mean), coarse.refine(identity)
        expression = coarse.refine(expression)
    return FaceModel(
        name=str(file.attrs["name"]),
        mean=mean,
        identity_basis=identity,
        expression_basis=expression,
        expression_names=tuple(str(n) for n in file["shape/expression"].attrs["names"]),
        free_expressions=file["shape/expression/free"][:].astype(bool),
        triangles=file["topology/triangles"][:],
        triangle_region=file["topology/region"][:].astype(np.int32),
        region_names=tuple(str(n) for n in file["topology/region"].attrs["names"]),
        mirror=file["topology/mirror"][:],
        uv=file["uv/coordinates"][:],
        uv_triangles=file["uv/triangles"][:],
        albedo_mean=file["albedo/mean"][:].astype(np.float32),
        albedo_basis=file["albedo/basis"][:].astype(np.float32),
        landmarks={name: _read_landmarks(group) for name, group in file["landmarks"].items()},
        contour=_read_lines(file["contour"]),
        parts={name: values[:] for name, values in file["parts"].items()},
        licence=str(file.attrs["licence"]),
        source=str(file.attrs["source"]),
        expression_prior=_named(EXPRESSION_PRIOR, file["shape/expression"], "prior"),
        albedo_encoding=_named(ALBEDO_SPACE, file["albedo"], "space"),
        contour33=_read_lines(file["contour33"]) if "contour33" in file else (),
        cylinder=_read_cylinder(file["cylinder"]) if "cylinder" in file else None,
    )


def _named(names: dict[Name, str], group: h5py.Group, attribute: str) -> Name:
    """The name of what an attribute says."""
    found = str(group.attrs[attribute])
    for name, words in names.items():
        if found == words:
            return name
    raise KeyError(
        f"{group.name} has {attribute} '{found}', expected {' or '.join(names.values())}"
    )


def _read_landmarks(group: h5py.Group) -> SurfacePoints:
    triangle = group["triangle"][:]
    sigma = (
        group["sigma_mm"][:] if "sigma_mm" in group else np.full(len(triangle), DEFAULT_SIGMA_MM)
    )
    return SurfacePoints(triangle, group["barycentric"][:], sigma.astype(np.float32))
