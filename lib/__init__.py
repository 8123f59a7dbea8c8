"""visagraph: photos and multi-view captures of faces to detailed, textured 3D heads."""

__version__ = "0.1.0"
