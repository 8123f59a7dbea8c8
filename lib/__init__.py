"""visagraph: raw photos and multi-view captures of faces to detailed, textured, relightable 3D heads."""

__version__ = "0.1.0"
