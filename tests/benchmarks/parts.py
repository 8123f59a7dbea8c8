"""What the parts of the face add to landmarks: `python -m tests.benchmarks.parts`.

Synthetic photos of strong expressions, whose people no coefficient describes exactly, measured by
the default detector and landmark network, and fitted without parts, with the true ones, or with
those that a network tells:

    python -m tests.benchmarks.parts --count 5 --weights 0,1,3,10
    python -m tests.benchmarks.parts --parser resources/weights/parser_learned/parser.pt
    python -m tests.benchmarks.parts --count 1 --picture parts.png

Needs resources/landmark_models. `IoU` is the overlap of the fitted head's parts with the photo's
true ones, over pixels that no hair, hand or thing hides. `mm` is the mean distance of the posed
head's vertices from the true ones after the best similarity of the whole face: single photos do not
tell scale. No landmark takes part in either.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.artefacts import PART_LABELS, FaceFit, Parsing, Truth
from lib.errors import CaptureFailure
from lib.facemodel import PARTS, FaceModel, load_face_model, part_of_triangles
from lib.fitting import FitOptions, Subject, fit_faces
from lib.imaging import save_png
from lib.metrics import part_score, score_parts
from lib.parsing import FaceParser, ParsingOptions, parse_parts
from lib.render import render_buffers
from lib.segmentation import paint_parts
from lib.synthesis import SynthesisOptions, draw_capture, open_studio
from lib.synthesis.shape.expression_sets import SETS
from tests.benchmarks.accuracy import Measurer

SEED, SIDE, YAW_DEG = 77, 320, 40.0
HIDDEN, MOUTH = 255, PART_LABELS.index("mouth")
REGIONS = {
    "eyes": ("right_eye", "left_eye"),
    "brows": ("right_eyebrow", "left_eyebrow"),
    "nose": ("nose",),
    "lips": ("upper_lip", "lower_lip"),
    "face": ("face_mask",),
}
CELL_PX = 180


@dataclass(frozen=True)
class Photo:
    """A synthetic photo, measured, and its truth."""

    measured: Subject
    truth: Truth

    @property
    def parts(self) -> np.ndarray:
        """(h, w) uint8 true parts, 0 = none of them."""
        label = np.asarray(self.truth.part[0])
        return np.where(label <= len(PARTS), label, 0).astype(np.uint8)


def read_photos(model: FaceModel, sets: Sequence[str], count: int, seed: int) -> list[Photo]:
    """Photos of each set in which a face was found."""
    studio, measurer, photos = open_studio(model), Measurer(model), []
    for name in sets:
        world = SynthesisOptions(
            expressions=name, seed=seed, things=0.0, yaw_deg=YAW_DEG, height_px=SIDE,
            width_px=SIDE, texture_px=512, mesh_level=0, maps_px=64,
        )  # fmt: skip
        for index in range(count):
            truth = draw_capture(studio, world, index).truth
            own = f"{name}_{index}"
            try:
                image = np.ascontiguousarray(truth.image[0])
                photos.append(Photo(measurer.measure(own, own, image, np.nan), truth))
            except CaptureFailure as failure:
                print(f"{own}: {failure}")
    return photos


def told(photos: list[Photo], parser: Path | None) -> list[Subject]:
    """What was measured, with true parts or with those of a network."""
    if parser is None:
        every = np.ones((1, len(PARTS)), np.uint8)
        parsings = [Parsing(method="files", label=[p.parts], known=every) for p in photos]
    else:
        options = ParsingOptions(method="learned", weights=str(parser))
        reader = FaceParser.load(options, torch.device("cpu"))
        parsings = [
            parse_parts(p.measured.capture, p.measured.landmarks, reader, options) for p in photos
        ]
    return [replace(p.measured, parsing=parsing) for p, parsing in zip(photos, parsings)]


def labels_of_fit(model: FaceModel, fit: FaceFit, size: tuple[int, int]) -> np.ndarray:
    """(h, w) uint8 parts of a fitted head."""
    mesh = model.vertices(fit.identity, fit.expression[0]).astype(np.float32)
    camera = fit.world_to_camera[0], float(fit.focal_px[0]), fit.centre_px[0]
    buffers = render_buffers(mesh, model.triangles, *camera, size, cull_back_faces=False)
    label = np.where(buffers.mask, part_of_triangles(model)[buffers.triangle_id], 0)
    return np.where(label <= len(PARTS), label, 0).astype(np.uint8)


def confusion_of(found: np.ndarray, truth: Truth) -> np.ndarray:
    """Pixels by true and found part, without those that something hides."""
    label = np.asarray(truth.part[0])
    true = np.where(label <= len(PARTS), label, np.where(label > MOUTH, HIDDEN, 0))
    return score_parts(found, true, ["background", *PARTS], HIDDEN).confusion


def errors_mm(model: FaceModel, fit: FaceFit, truth: Truth) -> list[float]:
    """Mean distance of each of REGIONS from the truth."""
    mesh = model.vertices(fit.identity, fit.expression[0]).astype(np.float64)
    true = np.asarray(truth.vertices_mm, np.float64)
    face = model.parts["face_mask"]
    placed = _similar(mesh, mesh[face], true[face])
    skin = np.unique(model.triangles[model.region("skin")])
    front = np.flatnonzero(model.mean[:, 2] > -60)  # some lists of parts hold strays behind
    away = np.linalg.norm(placed - true, axis=1)
    result = []
    for names in REGIONS.values():
        rows = np.intersect1d(np.concatenate([model.parts[name] for name in names]), skin)
        result.append(float(away[np.intersect1d(rows, front)].mean()))
    return result


def _similar(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points moved by the similarity that brings source closest to target (Umeyama 1991)."""
    from_middle, to_middle = source.mean(axis=0), target.mean(axis=0)
    left, size, right = np.linalg.svd((source - from_middle).T @ (target - to_middle))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = (size * sign).sum() / ((source - from_middle) ** 2).sum()
    return scale * (points - from_middle) @ ((left * sign) @ right) + to_middle


def score(model: FaceModel, photos: list[Photo], fits: dict) -> tuple[np.ndarray, np.ndarray, list]:
    """IoU of the parts, mm of the regions, and labels of each photo."""
    confusion, errors, labels = 0, [], []
    for photo in photos:
        fit = fits[photo.measured.name]
        if isinstance(fit, CaptureFailure):
            labels.append(np.zeros_like(photo.parts))
            continue
        labels.append(labels_of_fit(model, fit, photo.parts.shape))
        confusion = confusion + confusion_of(labels[-1], photo.truth)
        errors.append(errors_mm(model, fit, photo.truth))
    return part_score(confusion, ["background", *PARTS]).iou[1:], np.mean(errors, axis=0), labels


def row(label: str, iou: np.ndarray, mm: np.ndarray, seconds: float) -> str:
    """One line of the table: IoU in percent of pairs together, mm, seconds per photo."""
    pairs = [iou[:2].mean(), iou[2:4].mean(), iou[4], iou[5], iou[6], iou[7], iou.mean()]
    numbers = " | ".join(f"{100 * value:.1f}" for value in pairs)
    return f"| {label} | {numbers} | " + " | ".join(f"{v:.2f}" for v in mm) + f" | {seconds:.1f} |"


HEADER = (
    "| | IoU eyes | brows | nose | upper lip | lower lip | skin | mean % | mm "
    + " | ".join(REGIONS)
    + " | s |\n|---|"
    + "---|" * 13
)


def picture(photos: list[Photo], columns: list[list[np.ndarray]]) -> np.ndarray:
    """A row per photo: the photo, its true parts, and those of each fit."""
    rows = []
    for index, photo in enumerate(photos):
        image = np.asarray(photo.truth.image[0])
        marks = photo.measured.landmarks.ibug68_px[0]
        half = 0.62 * float(np.ptp(marks, axis=0).max())
        zoom = CELL_PX / (2 * half)
        shift = CELL_PX / 2 - zoom * marks.mean(axis=0)
        matrix = np.column_stack([zoom * np.eye(2), shift])
        cells = [
            image,
            *(paint_parts(image, c[index]) for c in ([p.parts for p in photos], *columns)),
        ]
        size = (CELL_PX, CELL_PX)
        rows.append(
            np.hstack([cv2.warpAffine(c, matrix, size, flags=cv2.INTER_AREA) for c in cells])
        )
    return np.vstack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS), help="of expressions")
    parser.add_argument("--count", type=int, default=3, help="photos of each set")
    parser.add_argument("--seed", type=int, default=SEED, help="of the made-up people")
    parser.add_argument("--weights", default="0,1,3,10", help="fit.parts_weight")
    parser.add_argument("--parser", type=Path, help="file of train_parser; else true parts")
    parser.add_argument("--picture", type=Path, help="where to draw all of them")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load_face_model("makehuman")
    photos = read_photos(model, given.sets.split(","), given.count, given.seed)
    subjects = told(photos, given.parser)
    print(f"{len(photos)} photos, parts: {given.parser.name if given.parser else 'true'}")
    if given.parser:
        confusion = sum(confusion_of(s.parsing.label[0], p.truth) for s, p in zip(subjects, photos))
        iou = part_score(confusion, ["background", *PARTS]).iou[1:]
        print("IoU of the network itself: " + " ".join(f"{100 * value:.1f}" for value in iou))
    print(HEADER, flush=True)
    columns = []
    for text in given.weights.split(","):
        options, start = FitOptions(parts_weight=float(text)), time.perf_counter()
        fits = fit_faces(model, subjects, options)
        seconds = (time.perf_counter() - start) / len(photos)
        iou, mm, labels = score(model, photos, fits)
        print(row(f"parts_weight {text}", iou, mm, seconds), flush=True)
        columns.append(labels)
    if given.picture:
        save_png(given.picture, picture(photos, columns))


if __name__ == "__main__":
    main()
