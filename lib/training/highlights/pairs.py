"""Pictures with highlights beside the same without: folders like SHIQ's, and renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from lib.artefacts import BatchReader, Truth
from lib.errors import ConfigError
from lib.imaging import read_picture, reduced_size
from lib.log import progress
from lib.training.highlights.augment import (
    OFF_FACE,
    Pair,
    cut_render,
    cut_square,
    developed,
    mirrored,
)
from lib.training.highlights.options import Flip

KEPT_PX = 384  # long side of renders on disk
LAYOUT = 1  # raise when the files on disk change
PHOTO, DIFFUSE, MASK = "_A.png", "_D.png", "_T.png"
LAYOUT_OF_SHIQ = "{id}_A.png with highlights, {id}_D.png without, {id}_T.png the mask"


class Item(Protocol):
    """One picture to learn from, with a name and a subject nobody else has."""

    name: str
    subject: str

    def whole(self) -> Pair: ...
    def cut(self, crop_px: int, flip: Flip, chance: np.random.Generator) -> Pair: ...


class ShiqItem(NamedTuple):
    """Files of one picture of a folder like SHIQ's.

    Args:
        name: number of the picture.
        subject: the same; the folder does not tell which pictures show one thing.
        photo: with highlights.
        diffuse: without; None = not known.
        mask: of the highlights, grey; None = not known.
    """

    name: str
    subject: str
    photo: Path
    diffuse: Path | None
    mask: Path | None

    def whole(self) -> Pair:
        """The picture as it is.

        Raises:
            ConfigError: a file cannot be read, or differs in size.
        """
        photo = _read(self.photo, "RGB")
        diffuse = _read(self.diffuse, "RGB") if self.diffuse else None
        mask = _read(self.mask, "L") if self.mask else None
        for path, part in ((self.diffuse, diffuse), (self.mask, mask)):
            if part is not None and part.shape[:2] != photo.shape[:2]:
                raise ConfigError(
                    f"{path} has {part.shape[1]} x {part.shape[0]} px, {self.photo.name} "
                    f"{photo.shape[1]} x {photo.shape[0]}; expected pictures of one size."
                )
        return Pair(photo, diffuse, mask)

    def cut(self, crop_px: int, flip: Flip, chance: np.random.Generator) -> Pair:
        """A square of the picture, maybe mirrored; `crop_px` 0 = all of it."""
        pair = self.whole()
        pair = cut_square(pair, crop_px, chance) if crop_px else pair
        return mirrored(pair, flip, chance)


class RenderedItem(NamedTuple):
    """A file of `prepare_renders`: matte and mirrored light of one photo."""

    name: str
    subject: str
    file: Path

    def whole(self) -> Pair:
        """The picture as it was exposed, without noise."""
        diffuse, specular, face = self._load()
        weight = OFF_FACE + (1 - OFF_FACE) * face.astype(np.float32)
        return developed(diffuse, specular)._replace(weight=weight)

    def cut(self, crop_px: int, flip: Flip, chance: np.random.Generator) -> Pair:
        """A square about a place of the face, with other light, skin and sensor."""
        diffuse, specular, face = self._load()
        pair = cut_render(diffuse, specular, face, crop_px, chance)
        return mirrored(pair, flip, chance)

    def _load(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        with np.load(self.file, allow_pickle=False) as file:
            light = [file[name].astype(np.float32) for name in ("diffuse", "specular")]
            return light[0], light[1], file["face"]


def find_items(
    data: Sequence[str], folder: Path, share: tuple[int, int] = (0, 1), truth: bool = True
) -> list[Item]:
    """All pictures of some folders and shards.

    Args:
        data: folders laid out like SHIQ, and shards of truth (`.h5`).
        folder: for what is prepared of shards.
        share: rank and number of processes; each prepares its part.
        truth: pictures without their truth are refused.

    Raises:
        ConfigError: nothing is named, a file is missing, or a name occurs twice.
    """
    found: list[Item] = []
    for item in data:
        path = Path(item)
        if path.is_dir():
            found += shiq_items(path, truth)
        elif path.suffix == ".h5" and path.is_file():
            found += prepare_renders(path, folder, share)
        else:
            raise ConfigError(
                f"highlight_training.data or .test names {item}, expected a shard of truth (.h5) "
                f"or a folder with {LAYOUT_OF_SHIQ}."
            )
    if not found:
        raise ConfigError(
            "highlight_training.data names nothing; expected shards of truth (.h5) or folders "
            f"with {LAYOUT_OF_SHIQ}."
        )
    counts = Counter(item.name for item in found)
    doubled = [name for name, count in counts.items() if count > 1]
    if doubled:
        raise ConfigError(
            f"highlight_training: {len(doubled)} names of pictures occur twice, such as "
            f"{min(doubled)}. Is a folder or a world named twice?"
        )
    return found


def shiq_items(folder: Path, truth: bool = True) -> list[ShiqItem]:
    """The pictures of a folder, in the order of their names.

    Args:
        folder: laid out like SHIQ; `{id}_S.png` is not needed.
        truth: all of them must have their truth.

    Raises:
        ConfigError: there are none, or a truth is missing.
    """
    photos = sorted(folder.glob(f"*{PHOTO}"), key=lambda path: _numbered(path.name))
    if not photos:
        raise ConfigError(f"{folder} holds no picture {{id}}{PHOTO}; expected {LAYOUT_OF_SHIQ}.")
    items = []
    for photo in photos:
        name = photo.name.removesuffix(PHOTO)
        known = [folder / f"{name}{ending}" for ending in (DIFFUSE, MASK)]
        missing = [path.name for path in known if not path.is_file()]
        if missing and truth:
            raise ConfigError(
                f"{folder} has {photo.name}, but not {' and '.join(missing)}; expected "
                f"{LAYOUT_OF_SHIQ}."
            )
        items.append(ShiqItem(name, name, photo, *(p if p.is_file() else None for p in known)))
    return items


def prepare_renders(shard: Path, folder: Path, share: tuple[int, int] = (0, 1)) -> list[Item]:
    """The photos of a shard of truth that show a face, each as a small file of its light."""
    place = folder / f"renders_{LAYOUT}_{Truth.version}"
    place.mkdir(parents=True, exist_ok=True)
    items: list[Item] = []
    with BatchReader(shard, Truth) as reader:
        for count, name in enumerate(progress(list(reader.captures), f"light of {shard.name}")):
            subject = reader.field(name, "subject")
            for view in range(len(reader.field(name, "focal_px"))):
                stem = f"{subject}.{name}.{view}"
                path = place / f"{stem}.npz"
                if not path.is_file() and count % share[1] == share[0]:
                    _save_light(path, reader, name, view)
                items.append(RenderedItem(stem, subject, path))
    return items


def _save_light(path: Path, reader: BatchReader, name: str, view: int) -> None:
    """Matte and mirrored light as exposed, reduced to `KEPT_PX`, and where the face is."""
    gain = reader.field(name, "exposure")[view].astype(np.float32)
    parts = [reader.field(name, part)[view].astype(np.float32) for part in ("diffuse", "specular")]
    face = np.isin(reader.field(name, "part")[view], range(1, 10))
    size = reduced_size(face.shape, KEPT_PX)[::-1]
    diffuse, specular, face = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for picture in (*(part * gain for part in parts), face.astype(np.float32))
    )
    part = path.with_name(f".{path.stem}.part.npz")
    light = {"diffuse": diffuse.astype("f2"), "specular": specular.astype("f2")}
    np.savez(part, face=face > 0.5, **light)
    part.replace(path)


def _read(path: Path, mode: str) -> np.ndarray:
    """(h, w, 3) or (h, w) float32 0..1 of a file."""
    return read_picture(path, mode).astype(np.float32) / 255


def _numbered(name: str) -> tuple[int, str]:
    """Numbers in their order, then words."""
    stem = name.removesuffix(PHOTO)
    return (int(stem), "") if stem.isdigit() else (1 << 62, stem)
