"""The original photo around the face, in linear light, at no more resolution than is used."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lib.artefacts import Capture, digest
from lib.errors import CaptureFailure
from lib.geometry import rectify
from lib.imaging import Photo, read_photo, srgb_to_linear
from lib.render import sample_image

STRIP_ROWS = 512


@dataclass(frozen=True)
class FaceCrop:
    """A rectangle of the upright original, reduced by a whole factor.

    Args:
        linear: (h, w, 3) float32 linear RGB.
        corner: (x, y) of its first pixel in the original.
        factor: original pixels per crop pixel along each axis.
        working_to_original: (2,) scale (x, y), as in `Capture`.
    """

    linear: np.ndarray
    corner: tuple[int, int]
    factor: int
    working_to_original: np.ndarray

    def sample(self, points_px: np.ndarray) -> np.ndarray:
        """(n, 3) linear RGB at points (n, 2) of the working image; border values go on outside."""
        return sample_image(self.linear, self.crop_px(points_px))

    def crop_px(self, points_px: np.ndarray) -> np.ndarray:
        """(n, 2) points of the working image as points of the crop."""
        original = (points_px + 0.5) * self.working_to_original - 0.5
        return (original - self.corner + 0.5) / self.factor - 0.5


def open_photo(capture: Capture, view: int) -> Photo:
    """The original photo of a view, freed of lens distortion.

    Its camera matrix has the view's focal length times `working_to_original` along either axis.

    Raises:
        CaptureFailure: `original_missing` when it cannot be read or is not the file that was
            imported.
    """
    path = capture.path[view]
    advice = (
        "Put the imported file back, or import again: snakemake --cores all --forcerun "
        "import_capture"
    )
    try:
        found = digest(path)
    except OSError as error:
        raise CaptureFailure(
            "original_missing", f"{path} cannot be read ({error.strerror}). {advice}"
        ) from error
    if found != capture.sha256[view]:
        raise CaptureFailure(
            "original_missing",
            f"{path} has sha256 {found[:12]}..., the import read "
            f"{capture.sha256[view][:12]}.... {advice}",
        )
    try:
        photo = read_photo(path)
    except CaptureFailure as failure:
        raise CaptureFailure("original_missing", f"{failure.reason} {advice}") from failure
    if photo.size != tuple(capture.original_size[view]):
        raise CaptureFailure(
            "original_missing",
            f"{path} is {photo.size[1]} x {photo.size[0]} px, the import saw "
            f"{capture.original_size[view][1]} x {capture.original_size[view][0]} px. {advice}",
        )
    return _undistorted(photo, capture, view)


def _undistorted(photo: Photo, capture: Capture, view: int) -> Photo:
    coefficients = capture.distortion[view]
    if not coefficients.any():
        return photo
    scale = capture.working_to_original[view]
    focal, centre = capture.focal_px[view] * scale, (capture.centre_px[view] + 0.5) * scale - 0.5
    return replace(photo, pixels=rectify(photo.pixels, focal, centre, coefficients))


def crop_face(
    photo: Photo, scale: np.ndarray, points_px: np.ndarray, texels_per_px: float
) -> FaceCrop:
    """The part of a photo that holds some points.

    Args:
        photo: the original.
        scale: (2,) working to original.
        points_px: (n, 2) points of the working image.
        texels_per_px: texels per pixel of the original where the face is seen head-on; below 1 the
            photo is averaged over whole pixels, so that texels do not skip any.
    """
    original = (points_px + 0.5) * scale - 0.5
    factor = max(1, int(1 / max(texels_per_px, 1e-3)))
    margin = 2 * factor + 2
    limit = np.array(photo.size[::-1])
    low = np.clip(np.floor(original.min(axis=0)).astype(int) - margin, 0, limit - 1)
    high = np.clip(np.ceil(original.max(axis=0)).astype(int) + margin + 1, low + 1, limit)
    factor = min(factor, *(high - low))
    pixels = photo.pixels[low[1] : high[1], low[0] : high[0]]
    return FaceCrop(_reduce(pixels, factor), (int(low[0]), int(low[1])), factor, scale)


def _reduce(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Linear means over blocks of factor x factor pixels, a strip of rows at a time."""
    height, width = (side // factor for side in pixels.shape[:2])
    result = np.empty((height, width, 3), np.float32)
    step = max(1, STRIP_ROWS // factor)
    for row in range(0, height, step):
        stop = min(row + step, height)
        strip = srgb_to_linear(pixels[row * factor : stop * factor, : width * factor])
        blocks = strip.reshape(stop - row, factor, width, factor, 3)
        result[row:stop] = blocks.mean(axis=(1, 3)) if factor > 1 else strip
    return result
