"""Training photos of the detail layer from shards of truth: made-up people, known exactly."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import PART_LABELS, BatchReader, Truth
from lib.errors import CaptureFailure
from lib.facemodel import PARTS, FaceModel, load_face_model, visible_contour
from lib.facemodel.points86 import OF_106
from lib.geometry import project
from lib.geometry.orthographic import landmark_square, square_crop
from lib.log import progress
from lib.networks.aligned import cut_square
from lib.training.detail_layer.dataset import CLASS_OF_PART, DetailDatasetWriter
from lib.training.detail_layer.tfrecord import DetailExample

log = logging.getLogger(__name__)

LAYOUT = 1  # raise when prepared records change
OTHER_CLASSES = {"mouth": 10, "hair": 13, "glasses": 3, "cloth": 18, "hat": 14}


def with_records(data: Sequence[str], folder: Path) -> list[str]:
    """The data with shards of truth replaced by folders of records, made where they are not yet.

    Args:
        data: files and folders; those that end with `.h5` are shards.
        folder: for the records; a shard that was drawn anew gets a place of its own.
    """
    found = []
    for item in data:
        path = Path(item)
        if path.suffix != ".h5":
            found.append(str(item))
            continue
        stat = path.stat()
        told = [LAYOUT, Truth.version, str(path.resolve()), stat.st_size, stat.st_mtime_ns]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        target = folder / digest
        if not (target / "people.tsv").is_file():  # written last
            _write(path, target)
        found.append(str(target))
    return found


def _write(shard: Path, folder: Path) -> None:
    """Every view of every capture of a shard."""
    writer = DetailDatasetWriter(folder)
    with BatchReader(shard, Truth) as reader, writer.batch(shard.stem) as records:
        for name in progress(reader.captures, f"preparing {shard.name}"):
            truth = reader[name]
            for view in range(len(truth.image)):
                stem = name if len(truth.image) == 1 else f"{name}.{view:02d}"
                try:
                    records.put(stem, truth.subject, example_of_truth(truth, view))
                except CaptureFailure as failure:
                    writer.leave_out(stem, failure.outcome, failure.reason)
    log.info("%s: %s", shard.name, writer.finish())


def example_of_truth(truth: Truth, view: int) -> DetailExample:
    """The training photo of one view of a made-up capture.

    The 86 points are where they lie on the mesh; of the 68, the 17 of the jaw lie on the contour
    that the view shows, as an annotator marks them. Hands, ears and scalp are background.

    Raises:
        CaptureFailure: `no_face`: the face is not before the camera.
    """
    points = truth.landmarks106_px[view][OF_106].astype(np.float64)
    try:
        crop = square_crop(truth.image[view].shape[:2], *landmark_square(points))
    except ValueError as error:
        raise CaptureFailure("no_face", str(error)) from error
    camera = (truth.world_to_camera[view], truth.focal_px[view], truth.centre_px[view])
    marks = truth.landmarks68_px[view].astype(np.float64).copy()
    contour = visible_contour(_model(truth.face_model), truth.vertices_mm, camera[0])[::2]
    marks[:17] = project(truth.vertices_mm[contour].astype(np.float64), *camera)
    if not np.isfinite(marks).all():
        raise CaptureFailure("no_face", "a point of the face lies behind the camera")
    size = (crop.side, crop.side)
    labels = cv2.warpAffine(truth.part[view], crop.matrix, size, flags=cv2.INTER_NEAREST)
    return DetailExample(
        cut_square(truth.image[view], crop),
        (crop.to_crop(marks) + 0.5).astype(np.float32),
        (crop.to_crop(points) + 0.5).astype(np.float32),
        _classes()[labels],
    )


@cache
def _classes() -> np.ndarray:
    """(256,) uint8 class of each value of `Truth.part`."""
    table = np.zeros(256, np.uint8)
    for name, number in (*((part, CLASS_OF_PART[part]) for part in PARTS), *OTHER_CLASSES.items()):
        table[PART_LABELS.index(name)] = number
    return table


@cache
def _model(name: str) -> FaceModel:
    return load_face_model(name)
