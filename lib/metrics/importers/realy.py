"""The folders of the REALY benchmark: keypoints, regions of scans, scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.metrics.importers.files import (
    DatasetError,
    need_file,
    need_folder,
    need_items,
    read_obj_points,
    read_rows,
)
from lib.metrics.regions import REGIONS

KEYPOINTS = 85


@dataclass(frozen=True)
class RealyItem:
    """One prediction for a subject of REALY, and the subject's truth.

    Args:
        subject: number from 1.
        name: of the prediction, which is that of its image, such as `1` or `1_2`.
        prediction: OBJ.
        keypoints: (85, 3) of the truth in its own unit; the first 68 are in iBUG order.
        regions: name -> OBJ of the scan's region, in the same unit.
        mm_per_unit: errors times this are mm.
    """

    subject: int
    name: str
    prediction: Path
    keypoints: np.ndarray
    regions: Mapping[str, Path]
    mm_per_unit: float

    @property
    def landmarks(self) -> np.ndarray:
        """(68, 3) iBUG points in the truth's unit."""
        return self.keypoints[:68]


def read_realy(data: Path, predictions: Path) -> Iterator[RealyItem]:
    """The predictions for REALY by subject and name.

    Confirmed by the benchmark's public evaluation: `data/REALY_HIFI3D_keypoints/1.obj`,
    `data/REALY_scan_region/1/nose.obj` and likewise mouth, forehead, cheek,
    `data/metrical_scale.txt` with a number per subject from 1, and `predictions/*.obj` named like
    the images, the subject's number before the first underscore. Inferred from the groups its code
    makes of keypoints: that the first 68 are in iBUG order.

    Args:
        data: the benchmark's `data` folder.
        predictions: folder of meshes of one topology.

    Raises:
        DatasetError: something is missing or of another form.
    """
    need_folder(data, "REALY_HIFI3D_keypoints and REALY_scan_region")
    need_folder(predictions, "a mesh per image, 1.obj or 1_2.obj")
    scales = read_rows(need_file(data / "metrical_scale.txt", "a scale per subject"), 1)[:, 0]
    meshes = sorted(predictions.glob("*.obj"))
    need_items(meshes, predictions, "a mesh per image, 1.obj or 1_2.obj")
    for mesh in sorted(meshes, key=lambda path: (_subject(path), path.stem)):
        subject = _subject(mesh)
        if not 1 <= subject <= len(scales):
            raise DatasetError(
                f"{mesh} is of subject {subject}, expected 1 to {len(scales)} as in "
                "metrical_scale.txt."
            )
        keypoints = read_obj_points(data / "REALY_HIFI3D_keypoints" / f"{subject}.obj")
        if len(keypoints) != KEYPOINTS:
            raise DatasetError(
                f"The keypoints of subject {subject} are {len(keypoints)}, expected {KEYPOINTS}."
            )
        folder = data / "REALY_scan_region" / str(subject)
        regions = {
            name: need_file(folder / f"{name}.obj", f"the {name} of subject {subject}")
            for name in REGIONS
        }
        yield RealyItem(subject, mesh.stem, mesh, keypoints, regions, float(scales[subject - 1]))


def _subject(path: Path) -> int:
    number = path.stem.split("_")[0]
    if not number.isdecimal():
        raise DatasetError(f"{path} is named {path.stem!r}, expected a number or number_number.")
    return int(number)
