"""Cameras and meshes."""

from lib.geometry.camera import project, to_camera
from lib.geometry.mesh import split_quads, triangle_areas, vertex_normals

__all__ = ["project", "split_quads", "to_camera", "triangle_areas", "vertex_normals"]
