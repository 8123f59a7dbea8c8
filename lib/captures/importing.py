"""Photos of one capture to working images, with their cameras as far as known."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lib.artefacts.batch import digest
from lib.artefacts.stages import Capture
from lib.captures.cameras import KnownCamera, find_camera
from lib.captures.masks import read_mask
from lib.errors import CaptureFailure
from lib.geometry import rectify
from lib.imaging import Photo, read_photo, reduced_size, resize_to
from lib.planning import Sample

log = logging.getLogger(__name__)


AUTO = "auto"
ROBUST_FROM = 3  # views: with so many, one that cannot be used does not fail the capture
FEWEST = 2
SAME_PX = 0.02  # of the working image: a smaller stretch is not worth resampling for


@dataclass(frozen=True)
class ImportOptions:
    """Settings of the import stage.

    Args:
        views: `auto` = all views of a capture; else the names of those to use, as a list or as
            words with commas between them. Single photos are not affected.
        max_side_px: longest side of the working image; the texture is taken from the original.
        max_megapixels: larger photos are refused.
        min_side_px: photos with a shorter side are refused.
    """

    views: str | Sequence[str] = AUTO
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
    camera: KnownCamera
    mask: np.ndarray


def import_capture(samples: Sequence[Sample], options: ImportOptions) -> Capture:
    """The working images of one capture, views sorted by name.

    A camera file, where there is one, gives focal length, principal point, distortion and pose;
    otherwise the focal length comes from EXIF where that has it, the principal point is the image
    centre, and the pose is unknown. Images and masks are freed of distortion.

    Of three views and more, one that cannot be imported is left out with its reason, as long as
    two remain.

    Args:
        samples: the capture's samples, at least one.
        options: see `ImportOptions`.

    Raises:
        CaptureFailure: `unreadable_image`, `too_small`, `bad_camera` or `bad_mask`, for the first
            such view; `no_such_view`: the settings name none of its views.
    """
    chosen = _chosen(samples, options.views)
    views: list[_View] = []
    failures: dict[str, CaptureFailure] = {}
    for sample in chosen:
        try:
            views.append(_import_view(sample, options))
        except CaptureFailure as failure:
            failures[sample.view] = failure
            log.warning("view %s is left out: %s", sample.view, failure)
    if failures and (len(chosen) < ROBUST_FROM or len(views) < FEWEST):
        first = next(iter(failures.values()))
        if len(chosen) < ROBUST_FROM:
            raise first
        raise CaptureFailure(
            first.outcome,
            f"{len(failures)} of {len(chosen)} views cannot be used, expected at least {FEWEST} "
            f"that can. The first: {first.reason}",
        )
    return _capture(samples[0].subject, views, failures)


def _chosen(samples: Sequence[Sample], names: str | Sequence[str]) -> list[Sample]:
    """The samples that the setting names, sorted by view."""
    ordered = sorted(samples, key=lambda sample: sample.view)
    if names == AUTO or len(samples) == 1:
        return ordered
    words = names.replace(",", " ").split() if isinstance(names, str) else list(map(str, names))
    chosen = [sample for sample in ordered if sample.view in words]
    missing = sorted(set(words) - {sample.view for sample in ordered})
    if not chosen:
        raise CaptureFailure(
            "no_such_view",
            f"import.views names {', '.join(words)}; the views are "
            f"{', '.join(sample.view for sample in ordered)}. Name some of these, or auto.",
        )
    if missing:
        log.warning("import.views names %s, which this capture lacks", ", ".join(missing))
    return chosen


def _capture(
    subject: str, views: Sequence[_View], failures: Mapping[str, CaptureFailure]
) -> Capture:
    units = {view.camera.length_unit for view in views if view.focal_source == "camera"}
    if len(units) > 1:
        raise CaptureFailure(
            "bad_camera",
            "Some cameras of this capture are in millimetres and others in a unit of their own. "
            "Give the cameras of all views in one file.",
        )
    return Capture(
        subject=subject,
        view=tuple(view.name for view in views),
        path=tuple(view.path for view in views),
        sha256=tuple(view.sha256 for view in views),
        image=tuple(view.image for view in views),
        original_size=np.array([view.original_size for view in views]),
        working_to_original=np.array([view.scale for view in views]),
        focal_px=np.array([view.focal_px for view in views]),
        focal_source=tuple(view.focal_source for view in views),
        centre_px=np.array([view.centre_px for view in views]),
        distortion=np.array([view.camera.distortion for view in views]),
        world_to_camera=np.array([view.camera.world_to_camera for view in views]),
        length_unit=next(iter(units), "mm"),
        mask=tuple(view.mask for view in views),
        left_out=tuple(failures),
        left_out_reason=tuple(f"{f.outcome}: {f.reason}" for f in failures.values()),
    )


def _import_view(sample: Sample, options: ImportOptions) -> _View:
    _check_name(sample.image)
    photo = read_photo(sample.image, options.max_megapixels, options.min_side_px)
    camera, source = _camera_of(sample, photo)
    scale, stretch = _scale_of(photo.size, camera.focal_px, options.max_side_px)
    lens = camera.focal_px, camera.centre_px, camera.distortion, stretch
    image, _ = resize_to(rectify(photo.pixels, *lens), options.max_side_px)
    mask = np.zeros((0, 0), np.uint8)
    if sample.mask:
        mask = rectify(read_mask(sample.mask, photo.size, options.max_megapixels), *lens)
        mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    log.info("%s: %d x %d px, focal %s", sample.image, *photo.size[::-1], source)
    return _View(
        name=sample.view,
        path=sample.image,
        sha256=digest(sample.image),
        image=image,
        original_size=photo.size,
        scale=scale,
        focal_px=math.sqrt(float(np.prod(camera.focal_px / scale))),
        focal_source=source,
        centre_px=(camera.centre_px + 0.5) / scale - 0.5,
        camera=camera,
        mask=mask,
    )


def _camera_of(sample: Sample, photo: Photo) -> tuple[KnownCamera, str]:
    """What is known of a view's camera, and where from."""
    if sample.camera:
        return find_camera(sample.camera, sample.image, photo.size, photo.orientation), "camera"
    height, width = photo.size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    unknown = np.full((3, 4), np.nan)
    focal = np.full(2, photo.focal_px)
    return KnownCamera(focal, centre, unknown, np.zeros(8)), photo.focal_source


def _scale_of(
    size: tuple[int, int], focal_px: np.ndarray, max_side_px: int
) -> tuple[np.ndarray, float]:
    """Scale (x, y) of a working image with square pixels, and the stretch of rows it needs first.

    The sides of an image are whole numbers, and pixels of a camera may be oblong; both make the
    two scales differ by other than the ratio of the focal lengths. Resampling the rows mends that.
    """
    working = reduced_size(size, max_side_px)
    scale = np.array([size[1] / working[1], size[0] / working[0]])
    stretch = float(focal_px[1] / focal_px[0] * scale[0] / scale[1])
    if not abs(stretch - 1) * working[0] / 2 > SAME_PX:  # also where the focal length is unknown
        return scale, 1.0
    return scale * [1.0, stretch], stretch


def _check_name(path: str) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise CaptureFailure(
            "unreadable_image", f"The name of {shown} is not valid UTF-8. Rename the file."
        ) from None
