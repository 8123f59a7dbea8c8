"""A photo, where its skin mirrors light, and the photo without it."""

from __future__ import annotations

import numpy as np

from lib.artefacts import Capture, Faces, Highlights
from lib.figures.sheets import fit_into
from lib.render.window import Window

SIDE = 300
SIZE = (SIDE, 3 * SIDE)


def draw_matte(capture: Capture, faces: Faces, highlights: Highlights, view: int) -> np.ndarray:
    """(h, w, 3) uint8: photo, probability of a highlight and matte photo, around the face."""
    image = capture.image[view]
    x0, y0, x1, y1 = np.nan_to_num(faces.box_px[view])
    corners = np.array([[x0, y0], [x1, y1]]) if x1 > x0 else np.empty((0, 2))
    window = Window.around(corners, image.shape[:2], SIDE, 0.35)
    mask = np.repeat(highlights.probability[view][..., None], 3, axis=2)
    cells = [
        fit_into(window.cut(picture), (SIDE, SIDE))
        for picture in (image, mask, highlights.diffuse[view])
    ]
    return np.hstack(cells)
