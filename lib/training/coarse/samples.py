"""Aligned crops with all that training knows of them, prepared once per file of data."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import (
    BatchReader,
    BatchWriter,
    Capture,
    Faces,
    Landmarks,
    Parsing,
    SkinMask,
    Truth,
)
from lib.artefacts.samples import PART_UNKNOWN, CoarseSample
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import PARTS, FaceModel
from lib.facemodel.object_frame import object_origin
from lib.geometry.aligned_crop import SIDE_PX, AlignedCrop, align_face, standard_five
from lib.log import progress
from lib.networks.aligned import cut_aligned
from lib.training.datalist import read_datalist, read_training_photo

SKIN_PARTS = ("nose", "upper_lip", "lower_lip", "skin")
STAGES = {"capture": Capture, "faces": Faces, "landmarks": Landmarks, "skin": SkinMask}
PARSING = "parsing.h5"  # parts of the faces, where somebody told them
LAYOUT = 2  # raise when prepared files change


@dataclass(frozen=True)
class SampleFile:
    """A prepared file and what it holds.

    Args:
        path: of the file.
        names: of its samples.
        subjects: of each.
    """

    path: Path
    names: tuple[str, ...]
    subjects: tuple[str, ...]


def prepare_samples(
    data: Sequence[str], folder: Path, model: FaceModel, vertex: np.ndarray
) -> tuple[SampleFile, ...]:
    """Files of samples, each made when it is not there yet. What the user has stays as it is.

    Args:
        data: shards of truth (`.h5`), results folders or batch folders of runs, and lists of masks
            in the published layout (`masks.txt`).
        folder: for the files.
        model: head model that true shapes are kept for.
        vertex: (v,) numbers of its vertices that are kept.

    Raises:
        ConfigError: nothing is named, or something is neither.
    """
    if not data:
        raise ConfigError(
            "coarse_training.data is empty and there are no photos; name shards of truth, results "
            "folders of runs, or give photos."
        )
    found = []
    for item in data:
        for source in _files_of(Path(item)):
            target = folder / f"{_digest(source, model, vertex)}.h5"
            if not target.is_file():
                _write(target, source, model, vertex)
            with BatchReader(target, CoarseSample) as reader:
                names = reader.captures
                subjects = tuple(str(reader.field(name, "subject")) for name in names)
            found.append(SampleFile(target, names, subjects))
    return tuple(found)


def aligned_sample(
    subject: str,
    image: np.ndarray,
    landmarks_px: np.ndarray,
    skin: np.ndarray,
    part: np.ndarray | None = None,
    truth: tuple[np.ndarray, np.ndarray] | None = None,
) -> CoarseSample:
    """The sample of a photo.

    Args:
        subject: whose face.
        image: (h, w, 3) uint8.
        landmarks_px: (68, 2) px, y down.
        skin: (h, w) uint8 probability.
        part: (h, w) labels of `CoarseSample.part`; None = unknown.
        truth: neutral and posed shape (v, 3) mm about the object origin; None = unknown.

    Raises:
        CaptureFailure: the landmarks do not align a face (`not_aligned`).
    """
    five = standard_five(landmarks_px)
    try:
        crop = align_face(five, image.shape[:2])
    except ValueError as error:
        raise CaptureFailure("not_aligned", str(error)) from error
    unknown = np.full((SIDE_PX, SIDE_PX), PART_UNKNOWN, np.uint8)
    nothing = np.zeros((0, 3), np.float32)
    neutral, posed = truth if truth is not None else (nothing, nothing)
    return CoarseSample(
        subject=subject,
        image=cut_aligned(image, crop),
        skin=cut_aligned(skin, crop),
        landmarks_px=crop.to_crop(landmarks_px),
        part=unknown if part is None else _cut_labels(part, crop),
        neutral_mm=neutral,
        posed_mm=posed,
    )


def _cut_labels(labels: np.ndarray, crop: AlignedCrop) -> np.ndarray:
    size = (crop.side, crop.side)
    return cv2.warpAffine(labels, crop.matrix, size, flags=cv2.INTER_NEAREST)


def _files_of(item: Path) -> list[Path]:
    """Shards and batch folders that an entry of the data names."""
    if item.is_file() and item.suffix in (".h5", ".txt"):
        return [item]
    if (item / "capture.h5").is_file():
        return [item]
    batches = sorted(path.parent for path in item.glob("b*/capture.h5"))
    if batches:
        return batches
    raise ConfigError(
        f"coarse_training.data names {item}, expected a shard of truth (.h5), a list in the "
        "published layout (masks.txt), or the results folder of a run whose batches have "
        "capture.h5, faces.h5, landmarks.h5 and skin.h5."
    )


def _digest(source: Path, model: FaceModel, vertex: np.ndarray) -> str:
    """Other data or another head model get a file of their own."""
    stages = [*(f"{name}.h5" for name in STAGES), PARSING]
    files = [source] if source.is_file() else [source / name for name in stages]
    if source.suffix == ".txt":
        files += [file for three in read_datalist(source) for file in vars(three).values()]
    told = [
        LAYOUT,
        CoarseSample.version,
        model.name,
        hashlib.sha256(vertex.tobytes()).hexdigest(),
        [[str(f.resolve()), *_state(f)] for f in files],
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _state(file: Path) -> tuple[int, int]:
    """Size and time of a file: a stage that ran again leaves files of the same size."""
    if not file.is_file():
        return 0, 0
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _write(target: Path, source: Path, model: FaceModel, vertex: np.ndarray) -> None:
    if source.suffix == ".txt":
        samples = _of_list(source)
    else:
        samples = _of_shard(source, model, vertex) if source.is_file() else _of_batch(source)
    with BatchWriter(target, CoarseSample, "samples") as writer:
        for name, made in progress(samples, f"preparing {source.name}"):
            if isinstance(made, CaptureFailure):
                writer.fail(name, made)
            else:
                writer.add(name, made)


Made = Iterator[tuple[str, CoarseSample | CaptureFailure]]


def _of_shard(source: Path, model: FaceModel, vertex: np.ndarray) -> Made:
    """Every view of every capture of a shard of truth."""
    label = np.zeros(256, np.uint8)
    label[1 : len(PARTS) + 1] = np.arange(1, len(PARTS) + 1)
    bare = np.zeros(256, np.uint8)
    bare[[PARTS.index(part) + 1 for part in SKIN_PARTS]] = 255
    origin = object_origin(model)
    with BatchReader(source, Truth) as reader:
        for name in reader.captures:
            truth = reader[name]
            shapes = None
            if truth.face_model == model.name:
                shapes = tuple(
                    (mesh[vertex] - origin).astype(np.float32)
                    for mesh in (truth.neutral_mm, truth.vertices_mm)
                )
            for view, image in enumerate(truth.image):
                key = name if len(truth.image) == 1 else f"{name}.{view:02d}"
                part, marks = truth.part[view], truth.landmarks68_px[view]
                try:
                    sample = aligned_sample(
                        truth.subject, image, marks, bare[part], label[part], shapes
                    )
                except CaptureFailure as failure:
                    yield key, failure
                    continue
                yield key, sample


def _of_batch(source: Path) -> Made:
    """Every view of every capture of a run's batch that came as far as its skin."""
    lost = [name for name in STAGES if not (source / f"{name}.h5").is_file()]
    if lost:
        raise ConfigError(
            f"{source} lacks {', '.join(f'{name}.h5' for name in lost)}; expected a batch whose "
            "skin is masked. Run it first: snakemake --cores all --until mask_skin"
        )
    with contextlib.ExitStack() as stack:
        readers = {
            name: stack.enter_context(BatchReader(source / f"{name}.h5", kind))
            for name, kind in STAGES.items()
        }
        told: BatchReader[Parsing] | None = None
        if (source / PARSING).is_file():
            told = stack.enter_context(BatchReader(source / PARSING, Parsing))
        for row in readers["skin"].outcomes:
            if row.failed:
                yield row.capture, CaptureFailure(row.outcome, row.reason)
                continue
            faces, landmarks = readers["faces"][row.capture], readers["landmarks"][row.capture]
            capture, skin = readers["capture"][faces.photo], readers["skin"][row.capture]
            parsing = told[row.capture] if told and row.capture in told.captures else None
            for view, image in enumerate(capture.image):
                key = row.capture if len(capture.image) == 1 else f"{row.capture}.{view:02d}"
                try:
                    sample = aligned_sample(
                        capture.subject,
                        image,
                        landmarks.ibug68_px[view],
                        skin.probability[view],
                        None if parsing is None else parsing.label[view],
                    )
                except CaptureFailure as failure:
                    yield key, failure
                    continue
                yield key, sample


def _of_list(source: Path) -> Made:
    """Every photo of a list; each is a subject of its own."""
    for files in read_datalist(source):
        photo = read_training_photo(files)
        skin = np.rint(255 * photo.mask).astype(np.uint8)
        name = f"{files.image.parent.name}.{photo.name}"
        try:
            yield name, aligned_sample(name, photo.image, photo.points_px, skin)
        except CaptureFailure as failure:
            yield name, failure
