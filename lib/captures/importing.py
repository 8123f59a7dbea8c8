"""Photos of one capture to working images, with their cameras as far as known."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.artefacts.batch import digest
from lib.artefacts.stages import Capture
from lib.captures.cameras import KnownCamera, find_camera
from lib.errors import CaptureFailure
from lib.imaging import read_photo, resize_to
from lib.planning import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportOptions:
    """Settings of the import stage.

    Args:
        max_side_px: longest side of the working image; the texture is taken from the original.
        max_megapixels: larger photos are refused.
        min_side_px: photos with a shorter side are refused.
    """

    max_side_px: int = 2048
    max_megapixels: float = 200.0
    min_side_px: int = 32


@dataclass(frozen=True)
class _View:
    """One imported view; the fields of `Capture` without their leading dimension."""

    name: str
    path: str
    sha256: str
    image: np.ndarray
    original_size: tuple[int, int]
    scale: np.ndarray
    focal_px: float
    focal_source: str
    centre_px: np.ndarray
    world_to_camera: np.ndarray


def import_capture(samples: Sequence[Sample], options: ImportOptions) -> Capture:
    """The working images of one capture, views sorted by name.

    A camera file, where the sheet names one, gives focal length, principal point and pose;
    otherwise the focal length comes from EXIF where that has it, the principal point is the image
    centre, and the pose is unknown.

    Args:
        samples: the capture's samples, at least one.
        options: see `ImportOptions`.

    Raises:
        CaptureFailure: `unreadable_image`, `too_small` or `bad_camera`, for the first such view.
    """
    views = [_import_view(s, options) for s in sorted(samples, key=lambda sample: sample.view)]
    return Capture(
        subject=samples[0].subject,
        view=tuple(view.name for view in views),
        path=tuple(view.path for view in views),
        sha256=tuple(view.sha256 for view in views),
        image=tuple(view.image for view in views),
        original_size=np.array([view.original_size for view in views]),
        working_to_original=np.array([view.scale for view in views]),
        focal_px=np.array([view.focal_px for view in views]),
        focal_source=tuple(view.focal_source for view in views),
        centre_px=np.array([view.centre_px for view in views]),
        distortion=np.zeros((len(views), 8)),
        world_to_camera=np.array([view.world_to_camera for view in views]),
        length_unit="mm",
        mask=(np.zeros((0, 0)),) * len(views),
    )


def _import_view(sample: Sample, options: ImportOptions) -> _View:
    _check_name(sample.image)
    photo = read_photo(sample.image, options.max_megapixels, options.min_side_px)
    image, scale = resize_to(photo.pixels, options.max_side_px)
    if sample.camera:
        camera = find_camera(sample.camera, sample.image, photo.size)
        source = "camera"
    else:
        height, width = photo.size
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        camera = KnownCamera(photo.focal_px, centre, np.full((3, 4), np.nan))
        source = photo.focal_source
    log.info("%s: %d x %d px, focal %s", sample.image, *photo.size[::-1], source)
    return _View(
        name=sample.view,
        path=sample.image,
        sha256=digest(sample.image),
        image=image,
        original_size=photo.size,
        scale=scale,
        focal_px=camera.focal_px / math.sqrt(scale[0] * scale[1]),
        focal_source=source,
        centre_px=(camera.centre_px + 0.5) / scale - 0.5,
        world_to_camera=camera.world_to_camera,
    )


def _check_name(path: str) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise CaptureFailure(
            "unreadable_image", f"The name of {shown} is not valid UTF-8. Rename the file."
        ) from None
