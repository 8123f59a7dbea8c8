"""The folders of the FAIR benchmark: scenes with several faces, crops and their landmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lib.metrics.importers.files import (
    DatasetError,
    need_file,
    need_folder,
    need_items,
    read_rows,
)

LISTS = {"validation": "validation_crop_files.txt", "test": "test_crop_files.txt"}


@dataclass(frozen=True)
class FairItem:
    """One face of a scene.

    Args:
        scene: name of the rendered scene.
        face: name of the crop in it, such as `0`.
        crop: photo of the face.
        landmarks: .npy of its points in px of the crop; see `FairItem.points`.
        image: photo of the whole scene, by which light is told from skin.
        albedo: true albedo where the caller said where it lies, else None.
    """

    scene: str
    face: str
    crop: Path
    landmarks: Path
    image: Path
    albedo: Path | None

    def points(self) -> np.ndarray:
        """(n, 2) px of the crop.

        Raises:
            DatasetError: the file is of another form.
        """
        return read_rows(self.landmarks, 2)


def read_fair(
    folder: Path, split: Literal["validation", "test"], albedo: Path | None = None
) -> Iterator[FairItem]:
    """The faces of a split in the order of its list.

    Confirmed by the public code of its authors: `validation_set/validation_crop_files.txt` (and
    `test_set/test_crop_files.txt`) with lines `.../crops/scene/0.png`, `full_image/scene.png`,
    `crop-lmks/scene/0.npy`. Where the validation set's true albedo lies could not be confirmed;
    the test set's is not given out.

    Args:
        folder: `FAIR_benchmark`.
        split: which.
        albedo: folder with `scene/0.png`, for those who arrange the truth so.

    Raises:
        DatasetError: something is missing or of another form.
    """
    place = need_folder(folder, "validation_set and test_set") / f"{split}_set"
    need_folder(place, "crops, crop-lmks, full_image")
    listed = need_file(place / LISTS[split], "a line per crop").read_text().split()
    need_items(listed, place / LISTS[split], "a line per crop")
    for line in listed:
        parts = line.split("/")
        if len(parts) < 2:
            raise DatasetError(
                f"{place / LISTS[split]} has the line {line!r}, expected scene/0.png."
            )
        scene, face = parts[-2], Path(parts[-1]).stem
        yield FairItem(
            scene,
            face,
            need_file(place / "crops" / scene / parts[-1], "a crop of the list"),
            need_file(place / "crop-lmks" / scene / f"{face}.npy", "its landmarks"),
            need_file(place / "full_image" / f"{scene}.png", "its scene"),
            None if albedo is None else need_file(albedo / scene / f"{face}.png", "its albedo"),
        )
