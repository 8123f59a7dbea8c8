"""Worlds on disk: shards of truth, and their photos as files that the line reads as any others."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

import torch

from lib.artefacts import BatchWriter, Truth
from lib.log import progress
from lib.synthesis.cameras.files import write_cameras, write_photo
from lib.synthesis.draw import SyntheticCapture, draw_capture
from lib.synthesis.options import SynthesisOptions
from lib.synthesis.studio import Studio

SHEET_COLUMNS = ("image", "subject", "capture", "view", "camera", "truth")
STAGE = "synthesise"


def shard_count(options: SynthesisOptions) -> int:
    """Number of shards of a world."""
    return -(-options.count // options.shard_size)


def shard_items(options: SynthesisOptions, shard: int) -> range:
    """Indices of the captures in one shard."""
    first = shard * options.shard_size
    return range(first, min(first + options.shard_size, options.count))


def write_shard(
    studio: Studio,
    options: SynthesisOptions,
    shard: int,
    file: str | Path,
    photos: str | Path,
    device: torch.device,
) -> None:
    """Make a shard: an HDF5 file with one `Truth` per capture, and a folder with their photos.

    The folder holds `samples.tsv`, whose rows name the photos, cameras where they are known, and
    the truth; paths in it are relative.

    Args:
        studio: the model.
        options: of the world.
        shard: which one.
        file: the HDF5 file.
        photos: the folder.
        device: where pictures are shaded.
    """
    file, photos = Path(file), Path(photos)
    photos.mkdir(parents=True, exist_ok=True)
    items = shard_items(options, shard)
    rows: list[dict[str, str]] = []
    with BatchWriter(file, Truth, STAGE) as writer:
        for index in progress(items, f"shard {shard}"):
            capture = draw_capture(studio, options, index, device)
            writer.add(capture.name, capture.truth)
            rows += write_photos(capture, photos, _relative(file, photos))
    write_samples(photos / "samples.tsv", rows)


def write_photos(capture: SyntheticCapture, folder: Path, shard: str) -> list[dict[str, str]]:
    """The photos of one capture as JPEG files; rows of a sample sheet for them.

    Args:
        capture: of `draw_capture`.
        folder: where to; a capture of several views gets a folder of its own, with cameras.
        shard: path of its truth file, relative to `folder`.
    """
    several = len(capture.views) > 1
    place = folder / capture.name if several else folder
    place.mkdir(parents=True, exist_ok=True)
    rows = []
    for view, photo in zip(capture.views, capture.photos):
        name = view.name if several else capture.name
        write_photo(place / f"{name}.jpg", photo, view, exif=not several)
        row = dict.fromkeys(SHEET_COLUMNS, "")
        row |= {"subject": capture.truth.subject, "truth": f"{shard}#{capture.name}"}
        row["image"] = f"{capture.name}/{name}.jpg" if several else f"{name}.jpg"
        row["capture"] = capture.name
        if several:
            row |= {"view": name, "camera": f"{capture.name}/cameras.json"}
        rows.append(row)
    if several:
        write_cameras(place / "cameras.json", capture.views)
    return rows


def write_samples(path: str | Path, rows: Iterable[dict[str, str]]) -> None:
    """A sample sheet."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SHEET_COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def join_samples(folders: Iterable[str | Path], path: str | Path) -> None:
    """One sample sheet of several folders' own sheets; its paths are relative to itself.

    Args:
        folders: each with a `samples.tsv`.
        path: of the joined sheet.
    """
    rows = []
    for folder in folders:
        sheet = Path(folder) / "samples.tsv"
        with open(sheet, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                for column in ("image", "camera", "truth"):
                    if row[column]:
                        row[column] = _relative(Path(folder) / row[column], Path(path).parent)
                rows.append(row)
    write_samples(path, rows)


def _relative(file: Path, folder: Path) -> str:
    """Path of a file as seen from a folder."""
    return Path(os.path.relpath(file, folder)).as_posix()
