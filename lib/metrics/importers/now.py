"""The folders of the NoW benchmark: image list, scans, picked points, predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.inputs.texts import parse_xml, read_small
from lib.metrics.importers.files import (
    DatasetError,
    need_file,
    need_folder,
    need_items,
    only_match,
    read_rows,
)

CHALLENGES = (
    "multiview_neutral",
    "multiview_expressions",
    "multiview_occlusions",
    "selfie",
)


@dataclass(frozen=True)
class NowItem:
    """One image of NoW, its scan and its prediction.

    Args:
        subject: such as `FaMoS_180424_03335_TA`.
        challenge: of `CHALLENGES`.
        name: of the image, without suffix.
        scan: OBJ in mm.
        scan_points: (7, 3) mm, in the order of `face_disc`.
        prediction: OBJ of the neutral face, None if there is none: such an image counts as
            missing.
        points: (7, 3) of the prediction, None likewise.
    """

    subject: str
    challenge: str
    name: str
    scan: Path
    scan_points: np.ndarray
    prediction: Path | None
    points: np.ndarray | None


def read_now(
    image_list: Path, scans: Path, scan_points: Path, predictions: Path
) -> Iterator[NowItem]:
    """The images of a NoW list in its order.

    Confirmed by the benchmark's public evaluation: the list has a line
    `.../subject/challenge/image.jpg` per image; `scans/subject/*.obj`;
    `scan_points/subject/*.pp` with picked points of which the first 7 count;
    `predictions/subject/challenge/image.obj` beside `image.npy` or `image.txt` of 7 x 3 numbers.
    Not confirmed: that scans of every release are in mm.

    Args:
        image_list: text file of the validation or test set.
        scans: folder.
        scan_points: folder.
        predictions: folder.

    Raises:
        DatasetError: a folder or a scan is missing, or a file holds something else.
    """
    need_folder(scans, "one folder per subject with its scan")
    need_folder(scan_points, "one folder per subject with its picked points")
    need_folder(predictions, "subject/challenge/image.obj")
    lines = need_file(image_list, "a line subject/challenge/image per image").read_text()
    rows = [line.strip() for line in lines.splitlines() if line.strip()]
    need_items(rows, image_list, "a line subject/challenge/image per image")
    for row in rows:
        parts = row.replace("\\", "/").split("/")
        if len(parts) < 3 or ".." in parts[-3:]:
            raise DatasetError(
                f"{image_list} has the line {row!r}, expected subject/challenge/image."
            )
        subject, challenge, name = parts[-3], parts[-2], Path(parts[-1]).stem
        prediction = predictions / subject / challenge / f"{name}.obj"
        points = _prediction_points(prediction)
        yield NowItem(
            subject,
            challenge,
            name,
            only_match(scans / subject, "*.obj", f"the scan of {subject}"),
            read_picked_points(only_match(scan_points / subject, "*.pp", "its picked points"))[:7],
            prediction if points is not None else None,
            points,
        )


def read_picked_points(path: Path) -> np.ndarray:
    """(n, 3) points of a MeshLab .pp file, in their order.

    Raises:
        DatasetError: the file is no such file or has fewer than 7 points.
    """
    try:
        root = parse_xml(read_small(need_file(path, "picked points")))
        points = [[float(point.attrib[axis]) for axis in "xyz"] for point in root.iter("point")]
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{path} is no MeshLab file of picked points: {error}") from error
    if len(points) < 7:
        raise DatasetError(f"{path} has {len(points)} points, expected 7.")
    return np.array(points)


def _prediction_points(mesh: Path) -> np.ndarray | None:
    """(7, 3) beside a predicted mesh, None where there is no mesh or no file of points."""
    if not mesh.is_file():
        return None
    for suffix in (".npy", ".txt"):
        path = mesh.with_suffix(suffix)
        if path.is_file():
            points = read_rows(path, 3)
            if len(points) != 7:
                raise DatasetError(f"{path} has {len(points)} points, expected 7.")
            return points
    return None
