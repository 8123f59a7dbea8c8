"""Cameras and meshes."""

from lib.geometry.camera import project, to_camera
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
    "pose_from_points",
    "project",
    "split_quads",
    "to_camera",
    "triangle_areas",
    "vertex_normals",
]
