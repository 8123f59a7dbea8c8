"""What each stage makes for one capture. Every px value counts in the working image of its view.

Integer pixel coordinates are pixel centres. Points are (x, y). Right and left are the subject's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, notes, ragged, text

if TYPE_CHECKING:
    from lib.geometry.aligned_crop import AlignedCrop


@dataclass(frozen=True)
class Capture(Artefact):
    """One moment of one face: working images, cameras as far as known, and where they came from.

    The working image is the photo turned upright by its EXIF orientation, converted to sRGB
    primaries, freed of lens distortion where a camera file tells it, and reduced to at most
    `import.max_side_px`; a pixel (x, y) of it lies at `(x + 0.5) * scale_x - 0.5` in the upright
    original after that is freed of distortion with the same camera matrix.
    """

    version: ClassVar[int] = 3

    subject: str = text("whose face; captures of one subject share an identity")
    view: tuple[str, ...] = text("name of each view", "n_views")
    path: tuple[str, ...] = text("original file of each view", "n_views")
    sha256: tuple[str, ...] = text("hash of the original file", "n_views")
    image: tuple[np.ndarray, ...] = ragged(
        "n_views h w 3", "u1", "sRGB 0..255", "working image; linear light after decoding"
    )
    original_size: np.ndarray = array("n_views 2", "i4", "px", "(h, w) of the upright original")
    working_to_original: np.ndarray = array("n_views 2", "f8", "1", "scale (x, y), see above")
    focal_px: np.ndarray = array("n_views", "f8", "px", "focal length if known, else NaN")
    focal_source: tuple[str, ...] = text("exif, exif35mm, camera or none", "n_views")
    centre_px: np.ndarray = array("n_views 2", "f8", "px", "principal point (x, y)")
    distortion: np.ndarray = array(
        "n_views 8", "f8", "1", "k1 k2 p1 p2 k3 k4 k5 k6 of OpenCV in the original; 0 = none"
    )
    world_to_camera: np.ndarray = array(
        "n_views 3 4", "f8", "length_unit", "[R|t] if known, else NaN"
    )
    length_unit: str = text("mm, or unknown: then only a rig tells millimetres")
    mask: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "u1", "1/255", "foreground given by the user; (0, 0) where there is none"
    )
    left_out: tuple[str, ...] = notes("views that could not be imported", "n_left_out")
    left_out_reason: tuple[str, ...] = notes("why, of each", "n_left_out")


@dataclass(frozen=True)
class Faces(Artefact):
    """The face that is meant in each view; one photo with several faces gives several captures.

    In a capture of several views, one that shows no face has NaN, score 0 and a reason.
    """

    version: ClassVar[int] = 3

    photo: str = text("name of the capture in capture.h5 that holds the image")
    subject: str = text("whose face")
    box_px: np.ndarray = array("n_views 4", "f4", "px", "x0, y0, x1, y1 of the upright-face box")
    score: np.ndarray = array("n_views", "f4", "0..1", "detector score")
    points_px: np.ndarray = array(
        "n_views 5 2", "f4", "px", "right eye, left eye, nose tip, right and left mouth corner"
    )
    roll_rad: np.ndarray = array("n_views", "f4", "rad", "in-plane rotation, clockwise positive")
    view_reason: tuple[str, ...] = notes("why a view shows no face; empty = it does", "n_views")


@dataclass(frozen=True)
class Landmarks(Artefact):
    """Points of a named scheme with their standard deviation, and the 68 iBUG points from them."""

    version: ClassVar[int] = 4

    scheme: str = text("mesh468, ibug68, ldm106 or points5: a scheme that the head model knows")
    points_px: np.ndarray = array("n_views n_points 2", "f4", "px", "measured points, NaN = none")
    sigma_px: np.ndarray = array("n_views n_points", "f4", "px", "standard deviation per axis")
    depth_px: np.ndarray = array(
        "n_views n_points", "f4", "px", "depth at the image's scale, from any zero; NaN = none"
    )
    ibug68_px: np.ndarray = array("n_views 68 2", "f4", "px", "68 iBUG points, NaN = none")
    ibug68_sigma_px: np.ndarray = array("n_views 68", "f4", "px", "standard deviation per axis")
    presence: np.ndarray = array("n_views", "f4", "0..1", "probability that a face was there")
    view_reason: tuple[str, ...] = notes("why a view has no points; empty = it has", "n_views")


@dataclass(frozen=True)
class SkinMask(Artefact):
    """Probability that a pixel shows bare facial skin."""

    version: ClassVar[int] = 2

    probability: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "u1", "1/255", "probability of bare skin on the working image"
    )


@dataclass(frozen=True)
class Regression(Artefact):
    """What a network reads off the aligned crop of each view, in the crop's own conventions.

    A view without a face has NaN in its rows. Conventions: docs/published_systems.md.
    """

    version: ClassVar[int] = 2

    system: str = text("whose conventions: deep3d or detail_layer")
    model: str = text("head model whose coefficients these are")
    network: str = text("backbone, and the first digits of the weights' hash")
    identity: np.ndarray = array("n_views n_identity", "f4", "sigma", "identity coefficients")
    expression: np.ndarray = array("n_views n_expression", "f4", "1", "of the model's expressions")
    albedo: np.ndarray = array("n_views n_albedo", "f4", "sigma", "albedo coefficients")
    angles: np.ndarray = array("n_views 3", "f4", "rad", "pitch, yaw, roll")
    light: np.ndarray = array("n_views 27", "f4", "1", "9 SH bands of red, green, blue, encoded")
    translation: np.ndarray = array(
        "n_views 3", "f4", "dm", "of the object's origin; detail_layer: px, px, log of the scale"
    )
    image_size: np.ndarray = array("n_views 2", "i4", "px", "(h, w) of the working image")
    scale: np.ndarray = array("n_views", "f8", "1", "crop px per working px")
    centre: np.ndarray = array("n_views 2", "f8", "px", "face's origin, (x, y up) in the image")
    resized: np.ndarray = array("n_views 2", "f8", "px", "(h, w) of the resized image")
    corner: np.ndarray = array("n_views 2", "f8", "px", "(left, top) of the crop in it")
    view_reason: tuple[str, ...] = notes("why a view has no code; empty = it has", "n_views")

    def crop(self, view: int) -> AlignedCrop:
        """The crop of one view, with its maps from image to crop and back."""
        from lib.geometry.aligned_crop import AlignedCrop
        from lib.geometry.coded_camera import SIDES_PX

        pairs = (self.centre[view], self.resized[view], self.corner[view])
        centre, resized, corner = ((float(a), float(b)) for a, b in pairs)
        height, width = self.image_size[view].tolist()
        scale, side = float(self.scale[view]), SIDES_PX[self.system]
        return AlignedCrop((height, width), scale, centre, resized, corner, side)


@dataclass(frozen=True)
class FaceFit(Artefact):
    """A fitted face: identity and albedo shared by all views; the rest per view.

    Covariances are those of the fit's own model; `vertex_sigma_mm` is the standard deviation of
    the neutral face's vertices after the best rigid alignment. A network tells none: then they are
    NaN.
    A view that was not fitted (no face, or left out by its rig) has NaN in its rows; where a rig
    knows the cameras, it still has the camera, the points of the face and the one expression.
    """

    version: ClassVar[int] = 2

    model: str = text("face model")
    method: str = text("how it was fitted")
    identity: np.ndarray = array("n_identity", "f4", "sigma", "identity coefficients")
    identity_covariance: np.ndarray = array(
        "n_identity n_identity", "f4", "sigma^2", "covariance of the identity coefficients"
    )
    albedo: np.ndarray = array("n_albedo", "f4", "sigma", "albedo coefficients")
    expression: np.ndarray = array("n_views n_expression", "f4", "1", "weights or sigma per view")
    expression_sigma: np.ndarray = array("n_views n_expression", "f4", "1", "their sigma")
    world_to_camera: np.ndarray = array("n_views 3 4", "f8", "mm", "rigid transform [R|t] per view")
    focal_px: np.ndarray = array("n_views", "f8", "px", "focal length, square pixels")
    focal_sigma: np.ndarray = array("n_views", "f4", "1", "standard deviation of log focal length")
    centre_px: np.ndarray = array("n_views 2", "f8", "px", "principal point (x, y)")
    light: np.ndarray = array("n_views 9 3", "f4", "1", "SH bands 0-2 per channel, model frame")
    vertices: np.ndarray = array("n_vertices 3", "f4", "mm", "neutral-expression vertices")
    vertex_sigma_mm: np.ndarray = array("n_vertices", "f4", "mm", "sigma of the neutral vertices")
    landmarks_px: np.ndarray = array("n_views 68 2", "f4", "px", "iBUG points of the fitted face")
    landmarks_mm: np.ndarray = array(
        "n_views 68 3", "f4", "mm", "the same in the model frame, with expression"
    )
    reprojection_px: np.ndarray = array(
        "n_views", "f4", "px", "mean distance of inner 51 points to the measured ones"
    )
    interocular_px: np.ndarray = array("n_views", "f4", "px", "distance of the outer eye corners")

    @property
    def frontal_view(self) -> int:
        """The view that looks most straight into the face, of those that were fitted."""
        away = self.world_to_camera[:, 2, 2]  # of the face's axis, along the optical axis
        return int(np.argmin(np.where(np.isfinite(away), away, np.inf)))


@dataclass(frozen=True)
class Parsing(Artefact):
    """The parts of the face that a photo shows, told by pixels and not by a fitted head.

    The parts are right eye, left eye, right brow, left brow, nose, upper lip, lower lip and skin.
    """

    version: ClassVar[int] = 1

    method: str = text("who told: files, published or learned")
    label: tuple[np.ndarray, ...] = ragged(
        "n_views h w",
        "u1",
        "label",
        "part on the working image: 1 to 8 in the order above, 0 = none",
    )
    known: np.ndarray = array(
        "n_views 8",
        "u1",
        "bool",
        "whoever told knows this part: where no pixel has it, it is unseen",
    )


@dataclass(frozen=True)
class Parts(Artefact):
    """The parts of the fitted face on each view's working image, and its dense landmarks.

    The parts are right eye, left eye, right brow, left brow, nose, upper lip, lower lip and skin.
    A view that was not fitted has empty images and NaN points.
    """

    version: ClassVar[int] = 1

    model: str = text("face model")
    method: str = text("how visibility was decided: raster, or 3ddfa_v3")
    visible: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "u1", "label", "part that is seen: 1 to 8 in the order above, 0 = none"
    )
    full: tuple[np.ndarray, ...] = ragged(
        "n_views h w", "u1", "bits", "parts as if nothing stood before them: bit 0 = right eye, ..."
    )
    ibug68_px: np.ndarray = array("n_views 68 2", "f4", "px", "iBUG points of the fitted face")
    ibug68_seen: np.ndarray = array("n_views 68", "u1", "bool", "nothing of the head is before it")
    ldm106_px: np.ndarray = array("n_views 106 2", "f4", "px", "106 points; NaN = not in the model")
    ldm106_seen: np.ndarray = array("n_views 106", "u1", "bool", "likewise")
    ldm106_2d_px: np.ndarray = array(
        "n_views 106 2", "f4", "px", "106 points, the contour where this view shows it"
    )
    ldm106_2d_seen: np.ndarray = array("n_views 106", "u1", "bool", "likewise")
    ldm134_px: np.ndarray = array("n_views 134 2", "f4", "px", "134 points of brows, eyes and lips")
    ldm134_seen: np.ndarray = array("n_views 134", "u1", "bool", "likewise")


@dataclass(frozen=True)
class Texture(Artefact):
    """The capture's colour on the head's UV chart: blended over its views and free of holes."""

    version: ClassVar[int] = 2

    rgb: np.ndarray = array("n_rows n_cols 3", "f2", "linear RGB", "row 0 is the top, v = 1")
    weight: np.ndarray = array("n_rows n_cols", "f2", "0..1", "how much was seen: 0 = filled in")
