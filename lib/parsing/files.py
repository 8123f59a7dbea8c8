"""Masks of the parts that the user gives: one picture of labels, or a folder of one per part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lib.errors import CaptureFailure, ForeignFileError
from lib.facemodel import PARTS
from lib.imaging import read_picture
from lib.parsing.labels import OF_NAMES, SCHEMES, label_of, of_scheme
from lib.parsing.options import ParsingOptions

LATER = ("skin", "nose")  # drawn first: other parts lie on them


@dataclass(frozen=True)
class GivenParts:
    """What a user says of one photo.

    Args:
        label: (h, w) uint8 parts, of the upright photo, at any scale.
        known: (8,) bool, parts that the user told of.
    """

    label: np.ndarray
    known: np.ndarray


def read_parts(photo: str, options: ParsingOptions) -> GivenParts | None:
    """The masks of a photo; None where there are none.

    `<stem>.png` holds a label in each pixel, as grey value or index of a palette. A folder
    `<stem>/` holds pictures named by part, such as `left_eye.png`, or as CelebAMask-HQ does, such
    as `u_lip.png`, whose pixels other than black are the part; `<stem>_` may stand before the
    name. Parts without a picture are not known.

    Args:
        photo: path or name of the photo.
        options: folder and meaning of labels.

    Raises:
        CaptureFailure: `bad_mask`: a file that cannot be read or has labels that mean nothing.
    """
    folder, stem = Path(options.masks), Path(photo).stem
    if (folder / stem).is_dir():
        return _of_folder(folder / stem, stem)
    path = folder / f"{stem}.png"
    if not path.is_file():
        return None
    label = _read(path)
    if label.ndim != 2:
        raise CaptureFailure(
            "bad_mask",
            f"{path.name} has colours, expected one label in each pixel: a grey or indexed PNG.",
        )
    ours = options.labels == "parts"
    count = len(PARTS) if ours else len(SCHEMES[options.labels]) - 1
    if label.max(initial=0) > count:
        raise CaptureFailure(
            "bad_mask",
            f"{path.name} has the label {label.max()}, expected 0 to {count} of parsing.labels "
            f"'{options.labels}'.",
        )
    label = label.astype(np.uint8)
    label = label if ours else of_scheme(label, options.labels)
    return GivenParts(label, np.ones(len(PARTS), bool))


def _of_folder(folder: Path, stem: str) -> GivenParts:
    names = {part: part for part in PARTS} | OF_NAMES
    label, known = np.zeros((0, 0), np.uint8), np.zeros(len(PARTS), bool)
    files = {path.stem.removeprefix(f"{stem}_"): path for path in sorted(folder.glob("*.png"))}
    found = [(names[name], path) for name, path in files.items() if name in names]
    if not found:
        raise CaptureFailure(
            "bad_mask",
            f"the folder {folder.name} of masks has no picture named by a part, such as "
            f"{', '.join(PARTS[:3])}.png; it has {', '.join(list(files)[:4]) or 'none'}.",
        )
    for part, path in sorted(found, key=lambda pair: (pair[0] not in LATER, pair[0] == "nose")):
        mask = _read(path)
        mask = (mask if mask.ndim == 2 else mask.max(axis=2)) > 0
        if not label.size:
            label = np.zeros(mask.shape, np.uint8)
        if mask.shape != label.shape:
            raise CaptureFailure(
                "bad_mask",
                f"{folder.name}/{path.name} has {mask.shape[1]} x {mask.shape[0]} px, the others "
                f"{label.shape[1]} x {label.shape[0]}. Give all masks of a photo one size.",
            )
        label[mask] = label_of(part)
        known[PARTS.index(part)] = True
    return GivenParts(label, known)


def _read(path: Path) -> np.ndarray:
    """(h, w) values or indices, or (h, w, c) colours without transparency."""
    try:
        return read_picture(path, name=path.name)
    except ForeignFileError as error:
        raise CaptureFailure("bad_mask", str(error)) from error


def resized(label: np.ndarray, size: tuple[int, int], name: str) -> np.ndarray:
    """Labels at another size (h, w), each of the nearest pixel.

    Raises:
        CaptureFailure: `bad_mask`: of another aspect.
    """
    found = label.shape
    if abs(found[0] * size[1] - found[1] * size[0]) > max(*size, *found):
        raise CaptureFailure(
            "bad_mask",
            f"The masks of {name} have {found[1]} x {found[0]} px, its photo the aspect of "
            f"{size[1]} x {size[0]}. Give masks of the upright photo, whole.",
        )
    return cv2.resize(label, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
