"""Cameras, lenses and meshes."""

from lib.geometry.align import align_points
from lib.geometry.camera import project, to_camera
from lib.geometry.directions import sphere_directions
from lib.geometry.distortion import distort, keeps_order, rational_of_polynomial, rectify
from lib.geometry.mesh import split_quads, triangle_areas, vertex_normals
from lib.geometry.pose import PoseError, pose_from_points
from lib.geometry.proximity import (
    NearestPoints,
    RayHits,
    SurfaceError,
    SurfaceTree,
    VertexVisibility,
)

__all__ = [
    "NearestPoints",
    "PoseError",
    "RayHits",
    "SurfaceError",
    "SurfaceTree",
    "VertexVisibility",
    "align_points",
    "distort",
    "keeps_order",
    "pose_from_points",
    "project",
    "rational_of_polynomial",
    "rectify",
    "sphere_directions",
    "split_quads",
    "to_camera",
    "triangle_areas",
    "vertex_normals",
]
