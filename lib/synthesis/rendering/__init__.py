"""Light, materials and pictures of a scene."""
