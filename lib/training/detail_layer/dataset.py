"""Training photos of the detail layer from what a run found in its own photos.

detail_dataset/b0001.tfrecords     one file of records per batch, in the published layout
detail_dataset/people.tsv          whose face each record shows: file, record, capture, subject
detail_dataset/left_out.tsv        captures that could not be used, and why
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from lib.artefacts import Capture, FaceFit, Landmarks, SkinMask
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import PARTS, FaceModel
from lib.facemodel.points86 import points86
from lib.geometry import project
from lib.geometry.aligned_crop import AlignedCrop
from lib.geometry.orthographic import landmark_square, square_crop
from lib.imaging import encode_jpeg
from lib.networks.aligned import cut_square
from lib.training.detail_layer.tfrecord import (
    DetailExample,
    RecordPlace,
    RecordWriter,
    find_records,
    write_detail_example,
)
from lib.uvspace.shown import posed_vertices

FOLDER = "detail_dataset"
PEOPLE, LEFT_OUT = "people.tsv", "left_out.tsv"
SUFFIXES = (".tfrecords", ".tfrecord")
JPEG_QUALITY = 95
# Classes of CelebAMask-HQ's numbering for the parts of `PARTS`, in their order.
CLASS_OF_PART = {
    "right_eye": 5,
    "left_eye": 4,
    "right_eyebrow": 7,
    "left_eyebrow": 6,
    "nose": 2,
    "upper_lip": 11,
    "lower_lip": 12,
    "skin": 1,
}
BARE = ("nose", "skin")  # parts that hair and hands may cover
LEAST_SKIN = 128  # of 255


@dataclass(frozen=True)
class Person:
    """A record and whose face it shows.

    Args:
        name: of the record among all data.
        subject: whose face; of files without a table every record is a subject of its own.
        place: of the record.
    """

    name: str
    subject: str
    place: RecordPlace


class DetailDatasetWriter:
    """Writes the photos of batches; a table tells whose they are, another what was left out.

    Args:
        folder: to write to; made if need be.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._people: list[tuple[str, int, str, str]] = []
        self._left_out: list[tuple[str, str, str]] = []

    def batch(self, name: str) -> BatchOfRecords:
        """The file of records of a batch, to be used in a `with` statement."""
        return BatchOfRecords(self, name)

    def leave_out(self, capture: str, outcome: str, reason: str) -> None:
        """Note a capture that cannot be used."""
        self._left_out.append((capture, outcome, reason))

    def note(self, file: str, number: int, capture: str, subject: str) -> None:
        """Note whose face a record shows."""
        self._people.append((file, number, capture, subject))

    def finish(self) -> dict[str, int]:
        """Write both tables.

        Returns:
            Number of photos that were written, and of captures that were left out.
        """
        heads = ("file", "record", "capture", "subject"), ("capture", "outcome", "reason")
        for name, head, rows in zip((PEOPLE, LEFT_OUT), heads, (self._people, self._left_out)):
            with open(self.folder / name, "w", encoding="utf-8", newline="") as table:
                writer = csv.writer(table, delimiter="\t", lineterminator="\n")
                writer.writerows([head, *rows])
        return {"photos": len(self._people), "left_out": len(self._left_out)}


class BatchOfRecords:
    """One file of records.

    Args:
        writer: that it belongs to.
        name: of the batch.
    """

    def __init__(self, writer: DetailDatasetWriter, name: str):
        self._writer, self._count = writer, 0
        self._records = RecordWriter(writer.folder / f"{name}{SUFFIXES[0]}")

    def add(
        self,
        model: FaceModel,
        name: str,
        capture: Capture,
        landmarks: Landmarks,
        skin: SkinMask,
        fit: FaceFit,
        labels: Sequence[np.ndarray],
    ) -> None:
        """Write every view of a capture; one that cannot be used is noted.

        Args:
            model: head model of the fit.
            name: of the capture.
            capture: its photos.
            landmarks: with the 68 points.
            skin: where bare skin is.
            fit: its head, which tells the 86 points.
            labels: (h, w) of each view, 1 + index into `PARTS`, 0 = none.
        """
        for view in range(len(capture.image)):
            stem = name if len(capture.image) == 1 else f"{name}_{capture.view[view]}"
            try:
                example = example_of_view(model, capture, landmarks, skin, fit, labels[view], view)
            except CaptureFailure as failure:
                self._writer.leave_out(stem, failure.outcome, failure.reason)
                continue
            self.put(stem, capture.subject, example)

    def put(self, name: str, subject: str, example: DetailExample) -> None:
        """Write one photo, and note whose it is."""
        jpeg = encode_jpeg(example.image, JPEG_QUALITY)
        self._records.write(write_detail_example(example, jpeg))
        self._writer.note(self._records.path.name, self._count, name, subject)
        self._count += 1

    def __enter__(self) -> BatchOfRecords:
        self._records.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._records.__exit__(kind, error, trace)
        if not self._count and kind is None:
            self._records.path.unlink()  # nothing in it


def example_of_view(
    model: FaceModel,
    capture: Capture,
    landmarks: Landmarks,
    skin: SkinMask,
    fit: FaceFit,
    label: np.ndarray,
    view: int,
) -> DetailExample:
    """The training photo of one view: the published crop with its points and classes.

    The 86 points are those of the fitted head, which stay on the physical contour; the 68 are the
    measured ones, which follow the visible outline.

    Raises:
        CaptureFailure: `fit_failed` or `no_landmarks`: the view was not fitted, or has no points.
    """
    marks = landmarks.ibug68_px[view].astype(np.float64)
    if not np.isfinite(fit.world_to_camera[view]).all():
        raise CaptureFailure("fit_failed", "this view was not fitted, so its 86 points are unknown")
    if not np.isfinite(marks).all():
        raise CaptureFailure("no_landmarks", "the 68 points are not all known")
    vertices = posed_vertices(model, fit, view)
    camera = (fit.world_to_camera[view], fit.focal_px[view], fit.centre_px[view])
    points = project(points86(model).on(vertices, model.triangles).astype(np.float64), *camera)
    crop = square_crop(capture.image[view].shape[:2], *landmark_square(points))
    return DetailExample(
        cut_square(capture.image[view], crop),
        (crop.to_crop(marks) + 0.5).astype(np.float32),
        (crop.to_crop(points) + 0.5).astype(np.float32),
        _classes(label, skin.probability[view], crop),
    )


def _classes(label: np.ndarray, skin: np.ndarray, crop: AlignedCrop) -> np.ndarray:
    """(300, 300) uint8 classes of parts; skin and nose only where skin is bare."""
    table = np.array([0, *(CLASS_OF_PART[part] for part in PARTS)], np.uint8)
    size = (crop.side, crop.side)
    classes = table[cv2.warpAffine(label, crop.matrix, size, flags=cv2.INTER_NEAREST)]
    bare = cv2.warpAffine(skin, crop.matrix, size, flags=cv2.INTER_LINEAR) >= LEAST_SKIN
    covered = np.isin(classes, [CLASS_OF_PART[part] for part in BARE]) & ~bare
    return np.where(covered, 0, classes).astype(np.uint8)


def find_people(data: Sequence[str], section: str = "detail_training") -> tuple[Person, ...]:
    """All records of some files and folders, with the people whom tables beside them tell.

    Args:
        data: files of TFRecords, or folders with such files in them or one level deeper, as results
            folders of runs are after `write_detail_dataset`.
        section: of the settings, for messages.

    Raises:
        ConfigError: nothing is named, a path is neither, or no record is found.
        RecordError: a file is damaged.
    """
    if not data:
        raise ConfigError(
            f"{section}.data is empty and there are no photos; name TFRecords, folders of them or "
            "results folders of runs with a detail_dataset."
        )
    people: list[Person] = []
    for item in data:
        for file in _files_of(Path(item), section):
            told = _told(file.parent / PEOPLE)
            for place in find_records(file):
                key = (file.name, place.number)
                capture, subject = told.get(key, (f"{file.stem}.{place.number:06d}",) * 2)
                name = f"{file.parent.parent.name}.{file.stem}.{capture}"
                people.append(Person(name, subject, place))
    return tuple(people)


def _files_of(item: Path, section: str) -> list[Path]:
    if item.is_file() and item.suffix in SUFFIXES:
        return [item]
    found = [
        path
        for pattern in ("*", "*/*")
        for path in sorted(item.glob(pattern))
        if path.suffix in SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise ConfigError(
            f"{section}.data names {item}, expected a file of TFRecords (.tfrecords) or a folder "
            "with such files in it or one level deeper, or shards of truth. Make the first of a "
            "run's photos: snakemake --cores all write_detail_dataset"
        )
    return found


def _told(table: Path) -> dict[tuple[str, int], tuple[str, str]]:
    """File and record -> capture and subject."""
    if not table.is_file():
        return {}
    with open(table, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {(row["file"], int(row["record"])): (row["capture"], row["subject"]) for row in rows}
