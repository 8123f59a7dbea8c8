"""Cameras and meshes."""

from lib.geometry.camera import project, to_camera
from lib.geometry.mesh import split_quads, triangle_areas, vertex_normals
from lib.geometry.pose import PoseError, pose_from_points

__all__ = [
    "PoseError",
    "pose_from_points",
    "project",
    "split_quads",
    "to_camera",
    "triangle_areas",
    "vertex_normals",
]
