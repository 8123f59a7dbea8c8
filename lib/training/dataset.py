"""Writes what a run found in photos as a data set for training, as Deep3DFaceRecon's is laid out.

Photos are linked or copied, never moved or changed; those that cannot be used are in a table.
"""

from __future__ import annotations

import csv
import hashlib
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from lib.artefacts import Capture, Faces, Landmarks, Outcome, SkinMask
from lib.errors import CaptureFailure, ConfigError
from lib.geometry.five_points import aligning_five
from lib.imaging import Photo, encode_jpeg, encode_png, save_bytes
from lib.skin import published_probability
from lib.training.datalist import PhotoFiles, flipped, write_datalists
from lib.uvspace.photos import open_photo

FOLDER = Path("datasets") / "photos"
TABLE = "left_out.tsv"
SUFFIX = {"JPEG": ".jpg", "PNG": ".png"}  # formats that the published code reads
STRIP_ROWS = 256
JPEG_QUALITY = 95  # of masks of JPEG photos, whose name they must have


@dataclass(frozen=True)
class DatasetOptions:
    """Settings of `write_dataset` (`dataset` in config.yaml).

    Args:
        mask: `published` = the mixture of Deep3DFaceRecon on the whole photo, as its data
            preparation writes; `skin` = the run's own mask.
        points: where the five points come from: the `landmarks` (means of the 68, or the
            five of 3DDFA_V3 among 106), or the `detector`.
        images: whether photos are linked or copied where they can be used as they are.
        validation: share of the subjects that is kept for validation.
        seed: another number chooses other subjects.
    """

    mask: Literal["published", "skin"] = "published"
    points: Literal["landmarks", "detector"] = "landmarks"
    images: Literal["link", "copy"] = "link"
    validation: float = 0.1
    seed: int = 0


class DatasetWriter:
    """A data set below `root`, photo by photo; `finish` writes its lists.

    Args:
        root: folder to write to.
        options: settings.
    """

    def __init__(self, root: str | Path, options: DatasetOptions):
        self._root, self._options = Path(root), options
        self._folder = self._root / FOLDER
        for name in ("detections", "landmarks", "mask"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._found: dict[str, tuple[str, PhotoFiles]] = {}
        self._left_out: list[tuple[str, str, str]] = []

    def add(
        self, name: str, capture: Capture, faces: Faces, landmarks: Landmarks, skin: SkinMask
    ) -> None:
        """Write every view of a capture; a view that cannot be used becomes a row of the table."""
        for view in range(len(capture.image)):
            stem = name if len(capture.image) == 1 else f"{name}_{capture.view[view]}"
            try:
                files = self._write(stem, view, capture, faces, landmarks, skin)
            except CaptureFailure as failure:
                self._left_out.append((stem, failure.outcome, failure.reason))
                continue
            self._found[stem] = faces.subject, files

    def leave_out(self, outcome: Outcome) -> None:
        """Note a capture that failed at an earlier stage."""
        self._left_out.append((outcome.capture, outcome.outcome, outcome.reason))

    def finish(self) -> dict[str, int]:
        """Write the lists and the table.

        Returns:
            Number of photos per mode, and of those left out.
        """
        subjects = [subject for subject, _ in self._found.values()]
        kept = validation_subjects(subjects, self._options.validation, self._options.seed)
        modes: dict[str, list[PhotoFiles]] = {"train": [], "val": []}
        for subject, files in self._found.values():
            modes["val" if subject in kept else "train"].append(files)
        for mode, files in modes.items():
            write_datalists(self._root, mode, files)
        with open(self._root / TABLE, "w", encoding="utf-8", newline="") as table:
            writer = csv.writer(table, delimiter="\t", lineterminator="\n")
            writer.writerows([("photo", "outcome", "reason"), *self._left_out])
        return {mode: len(files) for mode, files in modes.items()} | {
            "left_out": len(self._left_out)
        }

    def _write(
        self,
        stem: str,
        view: int,
        capture: Capture,
        faces: Faces,
        landmarks: Landmarks,
        skin: SkinMask,
    ) -> PhotoFiles:
        if stem in self._found:
            raise ConfigError(f"Two photos would be written as '{stem}'. Rename one capture.")
        scale = capture.working_to_original[view]
        points = (landmarks.ibug68_px[view].astype(np.float64) + 0.5) * scale - 0.5
        if not np.isfinite(points).all():
            raise CaptureFailure(
                "no_landmarks",
                f"The 68 points are not all known (landmarks.scheme {landmarks.scheme}). Choose "
                "another landmarks.method.",
            )
        five = (faces.points_px[view].astype(np.float64) + 0.5) * scale - 0.5
        if self._options.points == "landmarks" or not np.isfinite(five).all():
            given = (landmarks.points_px[view].astype(np.float64) + 0.5) * scale - 0.5
            five = aligning_five(landmarks.scheme, given, points)
        photo = open_photo(capture, view)
        image = self._put_photo(stem, Path(capture.path[view]), photo, capture.distortion[view])
        files = PhotoFiles(
            image, self._folder / "landmarks" / f"{stem}.txt", self._folder / "mask" / image.name
        )
        write_points(self._folder / "detections" / f"{stem}.txt", five)
        write_points(files.landmarks, flipped(points, photo.size[0]))
        if self._options.mask == "published":
            mask = published_mask(photo.pixels)
        else:
            size = photo.size[::-1]
            mask = cv2.resize(skin.probability[view], size, interpolation=cv2.INTER_LINEAR)
        _save(files.mask, np.repeat(mask[..., None], 3, axis=2))
        return files

    def _put_photo(self, stem: str, path: Path, photo: Photo, distortion: np.ndarray) -> Path:
        """The photo under its name in the data set: linked or copied, or made anew."""
        suffix = "" if distortion.any() or photo.orientation != 1 else plain_suffix(path)
        target = self._folder / f"{stem}{suffix or '.png'}"
        target.unlink(missing_ok=True)
        if not suffix:
            _save(target, _as_8_bits(photo.pixels))
        elif self._options.images == "link":
            target.symlink_to(path.resolve())
        else:
            shutil.copyfile(path, target)
        return target


def validation_subjects(subjects: Sequence[str], share: float, seed: int) -> set[str]:
    """Subjects kept for validation: the wanted share of all, rounded up, but never all of them."""
    distinct = sorted(set(subjects), key=lambda s: hashlib.sha256(f"{seed}:{s}".encode()).digest())
    return set(distinct[: min(math.ceil(share * len(distinct)), len(distinct) - 1)])


def write_points(path: Path, points: np.ndarray) -> None:
    """Points (n, 2) as lines `x y`."""
    np.savetxt(path, points, fmt="%.4f", delimiter="\t")


def plain_suffix(path: Path) -> str:
    """`.jpg` or `.png` for a photo whose pixels every program reads alike; else empty."""
    with Image.open(path) as picture:
        return SUFFIX.get(picture.format or "", "") if picture.mode in ("RGB", "L") else ""


def published_mask(pixels: np.ndarray) -> np.ndarray:
    """(h, w) uint8: round(255 p) of the published mixture, a strip of rows at a time."""
    strips = [
        np.rint(255 * published_probability(_as_8_bits(pixels[row : row + STRIP_ROWS])))
        for row in range(0, len(pixels), STRIP_ROWS)
    ]
    return np.concatenate(strips).astype(np.uint8)


def _as_8_bits(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(pixels / 257).astype(np.uint8)


def _save(path: Path, pixels: np.ndarray) -> None:
    jpeg = path.suffix == ".jpg"
    save_bytes(path, encode_jpeg(pixels, JPEG_QUALITY) if jpeg else encode_png(pixels))
