"""A photo's head in grey under a light from the side: as it was fitted, and with its relief."""

from __future__ import annotations

import numpy as np

from lib.artefacts import Capture, FaceFit, Surface
from lib.facemodel.model import FaceModel
from lib.uvspace.grey import face_window, grey_head, squared, surface_tilt, view_camera
from lib.uvspace.shown import posed_vertices

SIZE = (320, 960)  # (h, w) px: photo, head as fitted, head with relief


def draw_shaded(
    model: FaceModel, capture: Capture, fit: FaceFit, surface: Surface, side: int = SIZE[0]
) -> np.ndarray:
    """(side, 3 * side, 3) uint8: the photo around the face, the grey head, and its relief over it.

    Args:
        model: the fitted head model.
        capture: the photo.
        fit: of the capture.
        surface: of the same capture, in the head's frame.
        side: of each of the three pictures.
    """
    view = fit.frontal_view
    vertices, camera = posed_vertices(model, fit, view), view_camera(fit, view)
    image = capture.image[view]
    window = face_window(model, vertices, camera, image.shape[:2], side)
    panels = [window.cut(image)]
    for tilt in (None, surface_tilt(surface)):
        panels.append(grey_head(model, vertices, window, camera, tilt))
    return np.hstack([squared(panel, side) for panel in panels])
