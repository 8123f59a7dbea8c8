"""A capture's truth, read from a synthetic shard or from a scan with landmarks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from lib.artefacts import BatchReader, Truth
from lib.errors import ConfigError, MissingModelError
from lib.evaluation.heads import OuterSurface
from lib.facemodel import FaceModel, load_face_model
from lib.fitting import average_person
from lib.inputs.arrays import read_npy
from lib.inputs.texts import parse_json, read_small
from lib.metrics import NOW_POINTS, Mesh, similarity_of_points
from lib.metrics.importers import read_mesh
from lib.metrics.importers.files import read_rows
from lib.metrics.importers.now import read_picked_points
from lib.planning.truth import scan_face, scan_landmarks, split_shard

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
SCANS = "scans"
FACE_REACH_MM = 15.0
NAME = re.compile(r"[A-Za-z0-9_]{0,40}")


@dataclass(frozen=True)
class Neutral:
    """The true head without expression and relief.

    Args:
        mesh: mm, with landmarks.
        face: (n,) bool: vertices of the face.
    """

    mesh: Mesh
    face: np.ndarray


@dataclass(frozen=True)
class CaptureTruth:
    """What one capture is compared with.

    Args:
        dataset: what its scores may be averaged with.
        span: face model that can take the true shape exactly; empty = none.
        mesh: the true surface as it was in that moment, mm, with landmarks (68, 3); NaN where a
            scan's are not known.
        face: (n,) bool: vertices of it that count.
        neutral: None where the truth has no neutral head, or its face model is not there.
        synthetic: everything else, for a synthetic capture.
    """

    dataset: str
    span: str
    mesh: Mesh
    face: np.ndarray
    neutral: Neutral | None = None
    synthetic: Truth | None = None

    @property
    def knows_all_landmarks(self) -> bool:
        """False for a scan with 7 points."""
        return bool(np.isfinite(self.mesh.landmarks).all())


def read_truth(reference: str, model: FaceModel) -> CaptureTruth:
    """The truth that the ledger names.

    Args:
        reference: `FILE.h5#NAME` or the path of a scan.
        model: the fitted model; saves reading it again where the truth has the same.

    Raises:
        ArtefactError: the shard lacks the item, or is of another version.
        ConfigError: scan or landmarks are of another form.
    """
    shard = split_shard(reference)
    if shard is None:
        return read_scan(Path(reference), model)
    with BatchReader(shard[0], Truth) as items:
        truth = items[shard[1]]
    base = _base_model(truth, model)
    mesh, face = _outer_detail(truth, base)
    return CaptureTruth(
        dataset=f"synthetic {truth.face_model}",
        span=truth.span,
        mesh=mesh,
        face=face,
        neutral=_neutral(truth, base),
        synthetic=truth,
    )


def read_scan(path: Path, model: FaceModel) -> CaptureTruth:
    """A scan and the landmarks beside it; what counts is what lies where a model has its face.

    The model's average person is laid over the scan by 7 landmarks. Points within 15 mm of it whose
    nearest vertex is one of the face are the face: without hair, ears, neck and clothes. Of a scan
    with an inside, such as a closed mouth's, that is too much: `scan.face.npy` beside it names the
    vertices that count instead.

    A `.landmarks.json` is a list of points, or has `points` and may have `units` (mm, cm, m) of
    points and scan; 68 points are in iBUG order, 7 in that of NoW.

    Raises:
        ConfigError: a file is missing or of another form.
    """
    points, scale = _scan_points(scan_landmarks(path))
    mesh = read_mesh(path)
    vertices, index = np.unique(mesh.vertices, axis=0, return_inverse=True)  # joins seams
    landmarks = np.full((68, 3), np.nan)
    landmarks[NOW_POINTS if len(points) == 7 else slice(None)] = scale * points
    vertices = scale * vertices
    named = scan_face(path)
    if named:
        face = np.zeros(len(vertices), bool)
        face[index.reshape(-1)[_named_vertices(named, len(mesh.vertices))]] = True
    else:
        face = _face_of_scan(path, vertices, landmarks, model)
    return CaptureTruth(
        dataset=SCANS,
        span="",
        mesh=Mesh(vertices, index.reshape(-1)[mesh.triangles], landmarks),
        face=face,
    )


def _face_of_scan(
    path: Path, vertices: np.ndarray, landmarks: np.ndarray, model: FaceModel
) -> np.ndarray:
    """(n,) bool: vertices (n, 3) mm near the face of an average person on the landmarks."""
    outer = OuterSurface.of(model)
    person = outer.mesh(average_person(model).mean)
    to_scan = similarity_of_points(person.landmarks[NOW_POINTS], landmarks[NOW_POINTS])
    away, nearest = cKDTree(to_scan.apply(person.vertices)).query(vertices)
    face = outer.face[nearest] & (away < FACE_REACH_MM)
    if not face.any():
        raise ConfigError(
            f"{path}: no point of the scan lies within {FACE_REACH_MM:.0f} mm of a face placed by "
            f"{scan_landmarks(path).name}, expected both in one frame and unit."
        )
    return face


def _named_vertices(path: Path, count: int) -> np.ndarray:
    """Indices of the vertices that a `.face.npy` names, of `count` that the scan has."""
    named = read_npy(path)
    if named.dtype == bool and named.shape == (count,):
        named = np.flatnonzero(named)
    whole = np.issubdtype(named.dtype, np.integer) and named.ndim == 1
    if not whole or not len(named) or named.min() < 0 or named.max() >= count:
        raise ConfigError(
            f"{path} has {named.dtype} of shape {named.shape}, expected indices of the scan's "
            f"{count} vertices, at least one, or ({count},) bool. Save it again, or remove it to "
            "have the face found."
        )
    return named


def _scan_points(path: Path) -> tuple[np.ndarray, float]:
    """(68, 3) or (7, 3) in the scan's unit, and mm per unit."""
    scale = 1.0
    if path.suffix == ".json":
        try:
            content = parse_json(read_small(path))
            rows = content["points"] if isinstance(content, dict) else content
            points = np.array([[np.nan] * 3 if row is None else row for row in rows], float)
            points = points.reshape(-1, 3)
            unit = content.get("units", "mm") if isinstance(content, dict) else "mm"
            scale = MM_PER_UNIT[unit]
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise ConfigError(
                f"{path} is no file of landmarks ({error!r}), expected a list of points, or "
                f"`points` and `units` (one of {', '.join(MM_PER_UNIT)})."
            ) from error
    elif path.suffix == ".pp":
        points = read_picked_points(path)[:7]
    else:
        points = read_rows(path, 3)
    held = points if len(points) == 7 else points[NOW_POINTS] if len(points) == 68 else None
    if points.shape[1:] != (3,) or held is None or not np.isfinite(held).all():
        raise ConfigError(
            f"{path} has points of shape {points.shape}, expected (68, 3) in iBUG order or (7, 3) "
            "in that of NoW, corners of eyes and mouth and the nose base all known."
        )
    return points, scale


def _base_model(truth: Truth, model: FaceModel) -> FaceModel | None:
    """The head model whose triangles the truth has; None where it is not there."""
    if truth.face_model != model.name:
        if not NAME.fullmatch(truth.face_model):
            raise ConfigError(
                f"a truth names the face model {truth.face_model!r}, expected a plain name such as "
                "makehuman: files are not looked for where a shard points."
            )
        try:
            model = load_face_model(truth.face_model)
        except MissingModelError:
            return None
    return model if len(truth.neutral_mm) == model.n_vertices else None


def _outer_detail(truth: Truth, model: FaceModel | None) -> tuple[Mesh, np.ndarray]:
    """The mesh with relief as a scanner sees it, and its face (n,) bool.

    Without the inside of mouth and sockets: triangles whose corners are nearest to vertices there.
    """
    vertices, triangles = truth.detail_mm, truth.detail_triangles
    if model is not None:
        outer = np.zeros(model.n_vertices, bool)
        outer[OuterSurface.of(model).vertices] = True
        _, nearest = cKDTree(truth.vertices_mm).query(vertices)
        triangles = triangles[outer[nearest][triangles].all(axis=1)]
    used, compact = np.unique(triangles, return_inverse=True)
    mesh = Mesh(vertices[used], compact.reshape(-1, 3), truth.landmarks68_mm)
    return mesh, truth.detail_face[used].astype(bool)


def _neutral(truth: Truth, model: FaceModel | None) -> Neutral | None:
    if model is None:
        return None
    outer = OuterSurface.of(model)
    return Neutral(outer.mesh(truth.neutral_mm), outer.face)
