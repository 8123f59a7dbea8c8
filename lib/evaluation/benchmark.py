"""Benchmarks whose folders a user has, scored into rows of the scoreboard's table.

Predictions of a benchmark lie in a folder of their own, named like its items. An item without a
prediction is a row `missing`, so that it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from lib.evaluation.evaluate import OUT_OF_MODEL
from lib.evaluation.heads import OuterSurface
from lib.evaluation.measures import AVERAGE_PERSON, FIT, MEAN_FACE, UNTOUCHED
from lib.evaluation.scoreboard import ScoreRow
from lib.facemodel import FaceModel
from lib.fitting import average_person
from lib.imaging import read_picture, srgb_to_linear
from lib.metrics import (
    NOW_POINTS,
    AlbedoScore,
    DistanceStatistics,
    Mesh,
    NowScore,
    depth_shift,
    score_albedo,
    score_cylinder,
    score_fairness,
    score_head,
    score_landmarks,
    score_mask,
    score_now,
    score_regions,
    score_removal,
    summarise_now,
)
from lib.metrics.importers import (
    DatasetError,
    read_300w,
    read_facescape_benchmark,
    read_fair,
    read_h3ds,
    read_mesh,
    read_now,
    read_realy,
    read_shiq,
)
from lib.metrics.importers.files import read_rows as read_numbers
from lib.metrics.importers.h3ds import LANDMARKS as H3DS_LANDMARKS
from lib.metrics.importers.three_hundred import read_pts

NOW_LIST = "imagepathsvalidation.txt"
H3DS_POINTS = np.array([36, 45, 30, 33, 48, 54])  # of iBUG-68, nearest to those of H3DS
MISSING = "missing"
Values = Mapping[str, float]


def benchmark_rows(
    kind: str, folder: Path, predictions: Path, model: FaceModel
) -> Iterator[ScoreRow]:
    """Rows of every item of a benchmark.

    Args:
        kind: a key of `BENCHMARKS`.
        folder: as the data set unpacks.
        predictions: folder; `BENCHMARKS` says what it holds.
        model: whose mean face and average person stand beside the predictions.

    Raises:
        DatasetError: a folder or file is missing or of another form.
    """
    if not predictions.is_dir():
        raise DatasetError(f"{predictions} is no folder, expected {BENCHMARKS[kind][1]}.")
    yield from BENCHMARKS[kind][0](folder, predictions, model)


def _now(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    items = read_now(folder / NOW_LIST, folder / "scans", folder / "scans_lmks_onlypp", predictions)
    pooled: dict[str, list[NowScore]] = {
        FIT: [],
        **{who: [] for who in (AVERAGE_PERSON, MEAN_FACE)},
    }
    missing = 0
    for item in items:
        name = f"{item.subject}/{item.challenge}/{item.name}"
        if item.prediction is None or item.points is None:
            missing += 1
            yield _missing("NoW", name)
            continue
        scan, found = read_mesh(item.scan), read_mesh(item.prediction)
        heads = {FIT: (found, item.points)}
        heads |= {
            who: (mesh, mesh.landmarks[NOW_POINTS]) for who, mesh in _baselines(model).items()
        }
        for who, (mesh, points) in heads.items():
            score = score_now(
                mesh.vertices, mesh.triangles, points, scan.vertices, item.scan_points
            )
            pooled.setdefault(who, []).append(score)
            yield from _rows("NoW", name, who, _triple("now.", score.distances))
    for who, scores in pooled.items():
        whole = summarise_now(scores, missing).distances
        yield from _rows("NoW", "", who, _triple("now.pooled_", whole))


def _triple(start: str, numbers: DistanceStatistics) -> Values:
    return {f"{start}{name}": getattr(numbers, name) for name in ("median", "mean", "std")}


def _realy(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    for item in read_realy(folder, predictions):
        found = read_mesh(item.prediction)
        regions = {name: read_mesh(path).vertices for name, path in item.regions.items()}
        if len(found.vertices) != model.n_vertices:
            raise DatasetError(
                f"{item.prediction} has {len(found.vertices)} vertices, expected "
                f"{model.n_vertices} of face model '{model.name}', whose 68 points align it. Name "
                "the model of the predictions: --face-model."
            )
        marks = model.landmarks["ibug68"].on(found.vertices, model.triangles)
        for who, mesh in {
            FIT: found.with_vertices(found.vertices, marks),
            **_baselines(model),
        }.items():
            scores = score_regions(mesh, regions, item.landmarks)
            values = {
                f"region.{name}": score.distances.mean * item.mm_per_unit
                for name, score in scores.regions.items()
            }
            values["region.mean"] = scores.mean_mm * item.mm_per_unit
            yield from _rows("REALY", item.name, who, values)


def _facescape(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    for item in read_facescape_benchmark(folder, "lab"):
        path = predictions / f"{item.name}.obj"
        if not path.is_file():
            yield _missing("FaceScape lab", item.name)
            continue
        truth, found = read_mesh(item.truth), read_mesh(path)
        truth = truth.with_vertices(truth.vertices * item.mm_per_unit)
        shift = np.array([0, 0, depth_shift(found, truth)])
        middle = truth.vertices.min(axis=0) / 2 + truth.vertices.max(axis=0) / 2
        score = score_cylinder(found.with_vertices(found.vertices + shift), truth, middle)
        values = {
            "cylinder.chamfer": score.chamfer_mm,
            "cylinder.normals": score.normal_deg,
            "cylinder.complete": 100 * score.completeness,
        }
        yield from _rows("FaceScape lab", item.name, FIT, values)


def _h3ds(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    for scene in read_h3ds(folder):
        path, points = predictions / f"{scene.name}.obj", predictions / f"{scene.name}.txt"
        if not path.is_file() or not points.is_file():
            yield _missing("H3DS", scene.name)
            continue
        truth = read_mesh(scene.truth)
        true = truth.vertices[[scene.landmarks[name] for name in H3DS_LANDMARKS]]
        heads = {FIT: (read_mesh(path), read_numbers(points, 3))}
        heads |= {
            who: (mesh, mesh.landmarks[H3DS_POINTS]) for who, mesh in _baselines(model).items()
        }
        tip = true[H3DS_LANDMARKS.index("nose_tip")]
        for who, (mesh, marks) in heads.items():
            score = score_head(mesh, truth, marks, true, tip, scene.regions.get("face"))
            values = {"head.face": score.face.mean, "head.all": score.head.mean}
            yield from _rows("H3DS", scene.name, who, values)


def _300w(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    for face in read_300w(folder):
        path, dataset = predictions / f"{face.name}.pts", f"300-W {face.subset}"
        if not path.is_file():
            yield _missing(dataset, face.name)
            continue
        score = score_landmarks(read_pts(path)[None], face.points_px[None])
        yield from _rows(dataset, face.name, FIT, {"landmarks.measured": 100 * score.nme[0]})


def _shiq(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    for item in read_shiq(folder):
        path, mask = predictions / f"{item.name}.png", predictions / f"{item.name}_T.png"
        if not path.is_file():
            yield _missing("SHIQ", item.name)
            continue
        true = _picture(item.diffuse)
        for who, picture in ((FIT, path), (UNTOUCHED, item.image)):
            score = score_removal(_picture(picture), true).face
            values = {"removal.psnr": score.psnr_db, "removal.ssim": score.ssim}
            yield from _rows("SHIQ", item.name, who, values)
        if mask.is_file():
            overlap = score_mask(_grey(mask), _grey(item.mask))
            values = {"mask.ber": 100 * overlap.ber, "mask.accuracy": 100 * overlap.accuracy}
            yield from _rows("SHIQ", item.name, FIT, values)


def _fair(folder: Path, predictions: Path, model: FaceModel) -> Iterator[ScoreRow]:
    flat = model.albedo()[model.parts["skin_smooth"]].mean(axis=0)
    scores: dict[str, list[AlbedoScore]] = {FIT: [], MEAN_FACE: []}
    for item in read_fair(folder, "validation", folder / "albedo"):
        name, path = f"{item.scene}/{item.face}", predictions / item.scene / f"{item.face}.png"
        if not path.is_file():
            yield _missing("FAIR", name)
            continue
        true = srgb_to_linear(_picture(item.albedo))
        skin = true.sum(axis=2) > 0
        for who, found in (
            (FIT, srgb_to_linear(_picture(path))),
            (MEAN_FACE, np.broadcast_to(flat, true.shape)),
        ):
            score = score_albedo(found, true, skin)
            scores[who].append(score)
            values = {"ita_error": score.ita_error_deg, "ita_bias": score.ita_bias_deg}
            values["psnr"] = score.psnr_db
            yield from _rows("FAIR", name, who, {f"albedo.{k}": v for k, v in values.items()})
    for who, found in scores.items():
        if found:
            yield from _rows("FAIR", "", who, {"albedo.total": score_fairness(found).total_deg})


BENCHMARKS: Mapping[str, tuple[Callable[[Path, Path, FaceModel], Iterator[ScoreRow]], str]] = {
    "now": (_now, f"subject/challenge/image.obj with 7 points beside it (list: {NOW_LIST})"),
    "realy": (_realy, "1.obj or 1_2.obj with the vertices of the face model"),
    "facescape": (_facescape, "00_0_00.obj of the lab track in mm, in the frame of the truth"),
    "h3ds": (_h3ds, "SCENE.obj and SCENE.txt with six points in the order of its landmarks"),
    "300w": (_300w, "the photos' paths with .pts"),
    "shiq": (_shiq, "NAME.png without highlights, and NAME_T.png with the mask if there is one"),
    "fair": (_fair, "SCENE/FACE.png, albedo in sRGB; the true one in albedo/ of the folder"),
}


def _baselines(model: FaceModel) -> dict[str, Mesh]:
    outer = OuterSurface.of(model)
    return {
        AVERAGE_PERSON: outer.mesh(average_person(model).mean),
        MEAN_FACE: outer.mesh(model.mean),
    }


def _rows(dataset: str, name: str, who: str, values: Values) -> Iterator[ScoreRow]:
    for measure, value in values.items():
        yield ScoreRow(dataset, OUT_OF_MODEL, 1, name, "ok", who, measure, value=float(value))


def _missing(dataset: str, name: str) -> ScoreRow:
    return ScoreRow(dataset, OUT_OF_MODEL, 1, name, MISSING)


def _picture(path: Path) -> np.ndarray:
    """(h, w, 3) sRGB-encoded 0..1."""
    return read_picture(path, "RGB").astype(np.float32) / 255


def _grey(path: Path) -> np.ndarray:
    """(h, w) 0..1."""
    return read_picture(path, "L").astype(np.float32) / 255
