"""Cameras and details of a head by COLMAP's incremental structure from motion.

COLMAP needs no rough cameras: it matches details of all pairs of views, starts with the best pair,
and adds view by view. It knows nothing of heads; `lib.rig.motion` brings what it finds into the
head's frame. It runs with fixed seeds in one thread, so that the same pictures give the same
cameras, and its files live in a folder that is gone afterwards.

Source: Schönberger and Frahm 2016, Structure-from-Motion Revisited; the package `pycolmap`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from lib.rig.bundle import Lenses, Sightings
from lib.rig.cameras import Cameras
from lib.rig.features import FEATURE_SIGMA_PX

SEED = 1
MOST_FEATURES = 4096
LARGEST_PX = 2400  # side of the picture of a head that details are sought in
DOUBLED_PX = 1300  # side up to which the picture is doubled first: small details are many
CONTRAST = 0.003  # skin has little
RATIO = 0.85
ERROR_PX = 2.0  # of a match that geometry explains
PLACING_PX = 6.0  # the same for a view that is added
FEWEST_MATCHES = 12  # of a pair of views, and of a view with the points so far
FEWEST_AT_START = 30
LEAST_TURN_DEG = 8.0  # of the first pair
FIXED_SIGMA = 0.01  # of log focal length, below which it is not COLMAP's to change
HALF = 0.5  # COLMAP's first pixel has its centre there


class ColmapError(Exception):
    """Why COLMAP gave no cameras; one sentence."""


@dataclass(frozen=True)
class Picture:
    """What one view gives to COLMAP.

    Args:
        grey: (h, w) uint8, part of the view that shows the subject.
        corner: (x, y) of its first pixel in the view.
        mask: (h, w) bool, pixels whose details count; None = all.
        size: (h, w) of the view.
        centre_px: (2,) principal point in the view.
    """

    grey: np.ndarray
    corner: np.ndarray
    mask: np.ndarray | None
    size: tuple[int, int]
    centre_px: np.ndarray


@dataclass(frozen=True)
class Reconstruction:
    """What COLMAP found, in a frame and unit of its own.

    Args:
        cameras: of all views; NaN for those that it did not place.
        points: (p, 3).
        tracks: where views see the points.
    """

    cameras: Cameras
    points: np.ndarray
    tracks: Sightings


def reconstruct(pictures: Sequence[Picture], lenses: Lenses) -> Reconstruction:
    """Cameras and points from details that pictures have in common.

    Args:
        pictures: of n views.
        lenses: their focal lengths; those that are surely known stay.

    Raises:
        ColmapError: `pycolmap` is not installed, or finds no two views that fit together.
    """
    try:
        import pycolmap  # heavy, and needed by few captures
    except ImportError as error:
        raise ColmapError(f"the package pycolmap cannot be loaded ({error}).") from error
    with tempfile.TemporaryDirectory(prefix="colmap_") as folder, _quiet(pycolmap):
        pycolmap.set_random_seed(SEED)
        database = Path(folder) / "database.db"
        details = _write_details(pycolmap, database, pictures, lenses)
        _match(pycolmap, database)
        found = pycolmap.incremental_mapping(
            database, folder, folder, _mapping_options(pycolmap, lenses)
        )
        if not found:
            raise ColmapError("COLMAP found no two views with enough details in common.")
        return _result(found[min(found)], pictures, details)


@contextmanager
def _quiet(pycolmap: ModuleType) -> Iterator[None]:
    """COLMAP says on stderr what it does; the stage's log says what became of it."""
    before = pycolmap.logging.minloglevel
    pycolmap.logging.minloglevel = pycolmap.logging.Level.FATAL.value
    try:
        yield
    finally:
        pycolmap.logging.minloglevel = before


def _write_details(
    pycolmap: ModuleType, database: Path, pictures: Sequence[Picture], lenses: Lenses
) -> list[np.ndarray]:
    """Details of all views, written to the database; gives their (n, 2) px in the views.

    Views of one lens share a camera, so their details are shifted to a common principal point.
    """
    centre = np.median([picture.centre_px for picture in pictures], axis=0)
    height, width = np.max([picture.size for picture in pictures], axis=0)
    details = []
    with pycolmap.Database.open(database) as base:
        for number, log_focal in enumerate(lenses.log_focal):
            camera = pycolmap.Camera(
                model="SIMPLE_PINHOLE",
                width=int(width),
                height=int(height),
                params=[float(np.exp(log_focal)), *(centre + HALF)],
                camera_id=number + 1,
            )
            camera.has_prior_focal_length = bool(lenses.log_sigma[number] < FIXED_SIGMA)
            base.write_camera(camera, use_camera_id=True)
        for view, picture in enumerate(pictures):
            image = pycolmap.Image(
                name=f"{view:06d}", camera_id=int(lenses.group[view]) + 1, image_id=view + 1
            )
            base.write_image(image, use_image_id=True)
            found, descriptors = _details(pycolmap, picture)
            details.append(found[:, :2] - HALF + picture.corner)
            found[:, :2] += picture.corner + centre - picture.centre_px
            base.write_keypoints(view + 1, found.astype(np.float32))
            base.write_descriptors(view + 1, descriptors)
    return details


def _details(pycolmap: ModuleType, picture: Picture) -> tuple[np.ndarray, Any]:
    """(n, 4+) positions, sizes and directions in the picture, and descriptors of COLMAP's type."""
    options = pycolmap.FeatureExtractionOptions()
    options.num_threads, options.use_gpu = 1, False
    options.sift.peak_threshold = CONTRAST
    options.sift.max_num_features = MOST_FEATURES
    options.sift.first_octave = -1 if max(picture.grey.shape) <= DOUBLED_PX else 0
    factor = min(1.0, LARGEST_PX / max(picture.grey.shape))
    grey = picture.grey
    if factor < 1:
        grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    finder = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
    keypoints, descriptors = finder.extract_from_uint8_array(np.ascontiguousarray(grey))
    found = pycolmap.keypoints_to_matrix(keypoints).astype(float)
    found[:, :3] /= factor
    values = np.array(descriptors.data)
    if picture.mask is not None and len(found):
        column, row = np.floor(found[:, :2]).astype(int).T
        height, width = picture.mask.shape
        kept = picture.mask[row.clip(0, height - 1), column.clip(0, width - 1)]
        found, values = found[kept], values[kept]
    kind = pycolmap.FeatureExtractorType.SIFT
    return found, pycolmap.FeatureDescriptors(type=kind, data=values)


def _match(pycolmap: ModuleType, database: Path) -> None:
    """Every view with every other, checked by their two-view geometry."""
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads, matching.use_gpu = 1, False
    matching.sift.max_ratio = RATIO
    checking = pycolmap.TwoViewGeometryOptions()
    checking.ransac.max_error = ERROR_PX
    checking.ransac.random_seed = SEED
    checking.detect_watermark = False
    checking.min_num_inliers = FEWEST_MATCHES
    pycolmap.match_exhaustive(
        database, matching, verification_options=checking, device=pycolmap.Device.cpu
    )


def _mapping_options(pycolmap: ModuleType, lenses: Lenses) -> Any:
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = options.mapper.num_threads = 1
    options.random_seed = SEED
    options.mapper.random_seed = options.triangulation.random_seed = SEED
    options.multiple_models = False
    options.min_model_size = 2
    options.extract_colors = False
    options.ba_refine_extra_params = False
    options.min_num_matches = FEWEST_MATCHES
    fixed = {int(lens) + 1 for lens in np.flatnonzero(lenses.log_sigma < FIXED_SIGMA)}
    options.constant_cameras = options.mapper.constant_cameras = fixed
    options.mapper.abs_pose_refine_focal_length = len(fixed) < len(lenses.log_sigma)
    options.mapper.init_min_num_inliers = FEWEST_AT_START
    options.mapper.init_min_tri_angle = LEAST_TURN_DEG
    options.mapper.abs_pose_min_num_inliers = FEWEST_MATCHES
    options.mapper.abs_pose_max_error = PLACING_PX
    options.mapper.filter_max_reproj_error = ERROR_PX
    options.triangulation.ignore_two_view_tracks = False
    return options


def _result(
    found: Any, pictures: Sequence[Picture], details: Sequence[np.ndarray]
) -> Reconstruction:
    """COLMAP's reconstruction in our words; its images and points in the order of their numbers."""
    n_views = len(pictures)
    poses, focal = np.full((n_views, 3, 4), np.nan), np.full(n_views, np.nan)
    for number, image in found.images.items():
        if image.has_pose:
            poses[number - 1] = image.cam_from_world().matrix()
            focal[number - 1] = found.cameras[image.camera_id].params[0]
    view, point, px, points = [], [], [], []
    for number in sorted(found.points3D):
        for element in found.points3D[number].track.elements:
            view.append(element.image_id - 1)
            point.append(len(points))
            px.append(details[element.image_id - 1][element.point2D_idx])
        points.append(found.points3D[number].xyz)
    centre = np.array([picture.centre_px for picture in pictures])
    tracks = Sightings(
        np.array(view, int),
        np.array(point, int),
        np.array(px).reshape(-1, 2),
        np.full(len(view), FEATURE_SIGMA_PX),
    )
    return Reconstruction(Cameras(poses, focal, centre), np.array(points).reshape(-1, 3), tracks)
