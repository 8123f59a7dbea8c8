"""Training photos in the layout of Deep3DFaceRecon's data preparation.

datalist/train/masks.txt                  one path per line: datasets/photos/mask/anna.jpg
datasets/photos/anna.jpg                  the photo
datasets/photos/landmarks/anna.txt        68 lines "x y" in its px, y up: 0 is the last row
datasets/photos/mask/anna.jpg             probability of skin times 255, in three channels

Only `masks.txt` is read; where photo and landmarks are follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, ForeignFileError
from lib.imaging import read_picture

MODES = ("train", "val")
LISTS = ("landmarks", "images", "masks")


class DatalistError(ConfigError):
    """A list of training photos, or a file that it names, cannot be used."""


@dataclass(frozen=True)
class PhotoFiles:
    """The three files of one training photo."""

    image: Path
    landmarks: Path
    mask: Path


@dataclass(frozen=True)
class TrainingPhoto:
    """One training photo.

    Args:
        name: stem of its files.
        image: (h, w, 3) uint8 sRGB.
        points_px: (68, 2) iBUG points, y down.
        mask: (h, w) float32 probability of skin, 0..1.
    """

    name: str
    image: np.ndarray
    points_px: np.ndarray
    mask: np.ndarray


def read_datalist(masks_file: str | Path, root: str | Path | None = None) -> list[PhotoFiles]:
    """The files that a list of masks names, in its order; they are not opened.

    Args:
        masks_file: such as `datalist/train/masks.txt`.
        root: what paths of the list count from; None = the folder that holds `datalist`.

    Raises:
        DatalistError: the list is not there or empty, or a line names no file in a folder `mask`.
    """
    masks_file = Path(masks_file)
    if not masks_file.is_file():
        raise DatalistError(
            f"{masks_file} is not there, expected a list of masks such as "
            "datalist/train/masks.txt. Make it: snakemake --cores 1 write_dataset"
        )
    above = masks_file.resolve().parents
    root = above[min(2, len(above) - 1)] if root is None else Path(root)
    lines = [line.strip() for line in masks_file.read_text(encoding="utf-8").splitlines()]
    found = [files_of_mask(root / line) for line in lines if line]
    if not found:
        raise DatalistError(f"{masks_file} names no mask, expected one path per line.")
    return found


def files_of_mask(mask: Path) -> PhotoFiles:
    """Photo and landmarks beside a mask; only its own folder and its own suffix count.

    Raises:
        DatalistError: the mask does not lie in a folder `mask`.
    """
    if mask.parent.name != "mask":
        raise DatalistError(
            f"{mask} lies in the folder '{mask.parent.name}', expected '.../mask/{mask.name}': "
            "photo and landmarks are found from there."
        )
    folder = mask.parent.parent
    return PhotoFiles(folder / mask.name, folder / "landmarks" / f"{mask.stem}.txt", mask)


def read_training_photo(files: PhotoFiles) -> TrainingPhoto:
    """Pixels, points and mask of one photo.

    Raises:
        DatalistError: a file is not there, cannot be read, or does not fit the photo.
    """
    image = _pixels(files.image)
    mask = _pixels(files.mask)[..., 0]
    if mask.shape != image.shape[:2]:
        raise DatalistError(
            f"{files.mask} is {mask.shape[1]} x {mask.shape[0]} px, its photo {image.shape[1]} x "
            f"{image.shape[0]} px as stored, expected the same. Was one of them turned upright?"
        )
    points = read_points_up(files.landmarks, image.shape[0])
    return TrainingPhoto(files.mask.stem, image, points, mask.astype(np.float32) / 255)


def read_points_up(path: str | Path, height: int) -> np.ndarray:
    """(68, 2) px, y down, of a file whose y counts up in a photo of that height.

    Raises:
        DatalistError: it is not there or holds no 68 points.
    """
    try:
        points = np.loadtxt(path, dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DatalistError(f"{path} cannot be read ({error}), expected 68 lines 'x y'.") from error
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise DatalistError(f"{path} holds numbers of shape {points.shape}, expected (68, 2).")
    return flipped(points, height)


def flipped(points: np.ndarray, height: int) -> np.ndarray:
    """Points (..., 2) of a photo with y counted from its other end; the way back as well."""
    return np.stack([points[..., 0], height - 1 - points[..., 1]], -1)


def write_datalists(root: str | Path, mode: str, files: Sequence[PhotoFiles]) -> None:
    """The three lists of a mode below `root`, with paths relative to it."""
    folder = Path(root) / "datalist" / mode
    folder.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        paths = [getattr(one, name if name == "landmarks" else name[:-1]) for one in files]
        text = "".join(f"{path.relative_to(root).as_posix()}\n" for path in paths)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def _pixels(path: Path) -> np.ndarray:
    """(h, w, 3) uint8 as stored: the published code does not turn photos upright either."""
    try:
        return read_picture(path, "RGB")
    except ForeignFileError as error:
        raise DatalistError(f"{error} Expected a photo.") from error
