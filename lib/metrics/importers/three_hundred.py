"""The folders of 300-W and of others that keep a .pts file beside each photo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.inputs.reading import reading
from lib.inputs.texts import read_small
from lib.metrics.importers.files import PICTURES, DatasetError, need_file, need_folder, need_items


@dataclass(frozen=True)
class AnnotatedFace:
    """One annotated face.

    Args:
        name: path of the photo below the folder, without suffix, such as `ibug/image_003_1`.
        subset: folder of the photo, such as `ibug` or `helen/testset`.
        image: the photo.
        points_px: (n_points, 2) with pixel centres at integers; 68 in iBUG order for 300-W.
    """

    name: str
    subset: str
    image: Path
    points_px: np.ndarray


def read_300w(folder: Path) -> Iterator[AnnotatedFace]:
    """All photos below a folder that have a .pts file, by name; mirrored copies are left out.

    Points of .pts files count pixels from 1, here from 0. The common, challenging and full test
    sets are those of `helen/testset` with `lfpw/testset`, `ibug`, and both; folders may be named
    otherwise, so nothing is selected here. That mirrored copies end in `_mirror` is how the packed
    training sets name them; this was not confirmed.

    Raises:
        DatasetError: there is nothing, or a file is of another form.
    """
    need_folder(folder, "photos with .pts files beside them")
    files = sorted(path for path in folder.rglob("*.pts") if not path.stem.endswith("_mirror"))
    need_items(files, folder, "photos with .pts files beside them")
    for path in files:
        images = [
            path.with_suffix(suffix)
            for lower in PICTURES
            for suffix in (lower, lower.upper())
            if path.with_suffix(suffix).is_file()
        ]
        if not images:
            raise DatasetError(f"{path} has no photo beside it, expected one of {PICTURES}.")
        below = path.relative_to(folder).with_suffix("")
        yield AnnotatedFace(below.as_posix(), below.parent.as_posix(), images[0], read_pts(path))


def read_pts(path: Path) -> np.ndarray:
    """(n, 2) px, pixel centres at integers, of an iBUG .pts file, whose first pixel is 1.

    Raises:
        DatasetError: the file is of another form.
    """
    with reading(need_file(path, "points"), "a text with points", kind=DatasetError):
        text = read_small(path)
    head, opened, rest = text.partition("{")
    body, closed, _ = rest.partition("}")
    try:
        numbers = np.array(body.split(), float).reshape(-1, 2)
    except ValueError as error:
        raise DatasetError(f"{path} holds no pairs of numbers in braces: {error}") from error
    if not opened or not closed or len(numbers) == 0:
        raise DatasetError(
            f"{path} holds no points in braces, expected version, n_points and {{}}."
        )
    told = [line.partition(":")[2].strip() for line in head.splitlines() if "n_points" in line]
    if told and told[0] != str(len(numbers)):
        raise DatasetError(f"{path} has {len(numbers)} points, expected its n_points {told[0]}.")
    return numbers - 1
