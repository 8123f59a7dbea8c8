"""Landmarks by the 468-point mesh network, with honest sigmas and the 68 iBUG points."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.landmarks.ibug import ibug_of_mesh
from lib.landmarks.mesh import MeanMesh, MeshMeasurer
from lib.landmarks.options import FaceSeen, LandmarkOptions, ViewLandmarks
from lib.landmarks.pose import RoughPose, rough_pose
from lib.landmarks.surface import normals_at

_CROP_OVER_FACE = 1.5
# Standard deviations per axis, in sides of the face box, of the network's points against points
# annotated by hand: what the spread over crops cannot show because every crop shares it.
_FLOOR = 0.007
_IBUG_FLOOR = np.full(68, 0.008)
_IBUG_FLOOR[:17], _IBUG_FLOOR[17:27] = 0.04, 0.016
_HIDDEN_COSINE, _HIDDEN_GROWTH = 0.35, 6.0  # a point seen at 90 degrees has 3.1 times the sigma
_TURNED_RAD, _TURNED_GROWTH = (0.17, 0.87), 1.5  # all points of a head turned by 50 degrees: 2.5
_NEIGHBOURS = 9  # mesh points over which normals are smoothed: lids and lips curl inwards


class BlazeLandmarker:
    """468 points per face, and the 68 iBUG points with the visible outline of the jaw.

    Args:
        options: settings.
        models: folder of the network files.
        model: the head model; tells which points are hidden and where the iBUG points lie.

    Raises:
        MissingModelError: the network is missing.
    """

    scheme = "mesh468"
    n_points = 468

    def __init__(self, options: LandmarkOptions, models: str | Path, model: FaceModel):
        self._options = options
        self._measurer = MeshMeasurer(models, options.augmentations)
        self._ibug = ibug_of_mesh(model)
        self._places = self._normals = None
        if "mesh468" in model.landmarks:
            points = model.landmarks["mesh468"]
            self._places = points.on(model.mean, model.triangles).astype(np.float64)
            self._normals = _smooth(self._places, normals_at(points, model.mean, model.triangles))

    def find(self, image: np.ndarray, face: FaceSeen) -> ViewLandmarks:
        """Landmarks of one face in an (h, w, 3) uint8 RGB image.

        Raises:
            CaptureFailure: `landmarks_unsure`: the network does not hold it for a face.
        """
        mesh = self._measurer.measure(image, face.box_px, face.roll_rad)
        self._check(mesh, face)
        side = mesh.frame.side_px / _CROP_OVER_FACE
        outside = _outside(mesh.points_px, image.shape[:2])
        sigma = np.hypot(mesh.spread_px, _FLOOR * side) * np.where(outside, 3.0, 1.0)
        ibug = self._ibug.points(mesh.points_px)
        ibug_spread = np.abs(self._ibug.weights) @ mesh.spread_px
        ibug_sigma = np.hypot(ibug_spread, _IBUG_FLOOR * side)
        if self._places is not None and self._normals is not None:
            pose = self._pose(mesh)
            cosine = -self._normals @ pose.rotation[2]
            ibug_cosine = self._ibug.weights @ cosine
            sigma = sigma * _growth(cosine) * _turned(pose)
            ibug_sigma[:17] *= _turned(pose)  # hidden ones move to the outline, which is seen
            ibug_sigma[17:] *= _growth(ibug_cosine[17:]) * _turned(pose)
            ibug[:17] = _outline(ibug, mesh.points_px, ibug_cosine[:17])
        return ViewLandmarks(mesh.points_px, sigma, mesh.depth_px, ibug, ibug_sigma, mesh.presence)

    def _check(self, mesh: MeanMesh, face: FaceSeen) -> None:
        if mesh.presence < self._options.min_presence:
            raise CaptureFailure(
                "landmarks_unsure",
                f"The mesh network holds the region for a face with probability "
                f"{mesh.presence:.2f}, expected at least {self._options.min_presence:.2f}: is the "
                "face covered, cut off or turned away? Lower landmarks.min_presence to try.",
            )
        moved = np.asarray(mesh.frame.centre_px) - (face.box_px[:2] + face.box_px[2:]) / 2
        side = (face.box_px[2:] - face.box_px[:2]).max()
        if np.linalg.norm(moved) > 0.6 * side:
            raise CaptureFailure(
                "landmarks_unsure",
                f"The mesh network drifted {np.linalg.norm(moved):.0f} px away from a face box of "
                f"{side:.0f} px: it sees another face, or none here.",
            )

    def _pose(self, mesh: MeanMesh) -> RoughPose:
        assert self._places is not None
        weight = np.ones(len(mesh.points_px))
        return rough_pose(self._places, mesh.points_px, mesh.depth_px, weight)


def _smooth(places: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(468, 3) unit normals, each the mean over the nearest mesh points."""
    _, near = cKDTree(places).query(places, k=_NEIGHBOURS)
    mean = normals[near].mean(1)
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)


def _turned(pose: RoughPose) -> float:
    """Factor on all sigmas of a head that is turned to the side: the network saw few profiles."""
    first, last = _TURNED_RAD
    return 1 + _TURNED_GROWTH * float(np.clip((abs(pose.yaw_rad) - first) / (last - first), 0, 1))


def _growth(cosine: np.ndarray) -> np.ndarray:
    """Factor on the sigma of points that the head turns away from the camera."""
    return 1 + _HIDDEN_GROWTH * np.clip(_HIDDEN_COSINE - cosine, 0, 0.7)


def _outside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) bool: the point lies beyond the border of the photo, where the network only guesses."""
    return ((points < -0.5) | (points > np.array(size)[::-1] - 0.5)).any(1)


def _outline(ibug: np.ndarray, mesh: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """(17, 2) jaw points; those that face away are moved out to the outline of the face.

    The outline is the convex hull of the mesh points; a hidden point moves along the ray from the
    middle of eyes and mouth, as an annotator, who marks what is visible, would do.
    """
    centre = (ibug[36:48].mean(0) + ibug[48:68].mean(0)) / 2
    hull = cv2.convexHull(mesh.astype(np.float32))[:, 0].astype(np.float64)
    reach = _ray_to_polygon(centre, ibug[:17] - centre, hull)
    share = np.clip((0.3 - cosine) / 0.3, 0, 1)[:, None]  # all the way once it is hidden
    return ibug[:17] + share * np.maximum(reach - 1, 0)[:, None] * (ibug[:17] - centre)


def _ray_to_polygon(start: np.ndarray, rays: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(n,) multiple of each ray (n, 2) at which it leaves a convex polygon around `start`."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    offset = polygon - start
    across = rays[:, None, 0] * edge[None, :, 1] - rays[:, None, 1] * edge[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (offset[:, 0] * edge[:, 1] - offset[:, 1] * edge[:, 0]) / across
        on_edge = (offset[:, 0] * rays[:, None, 1] - offset[:, 1] * rays[:, None, 0]) / across
    hit = (along > 0) & (on_edge >= -1e-9) & (on_edge <= 1 + 1e-9)
    nearest = np.where(hit, along, np.inf).min(1)
    return np.where(np.isfinite(nearest), nearest, 1.0)
