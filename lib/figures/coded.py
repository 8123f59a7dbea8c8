"""What a network sees and says of a face, in its own aligned crop."""

from __future__ import annotations

import cv2
import numpy as np

from lib.artefacts import Capture, Regression
from lib.facemodel.model import FaceModel
from lib.facemodel.object_frame import published_origin
from lib.figures.stages import BLUE, IBUG68_LINES, ORANGE
from lib.geometry import project
from lib.geometry.coded_camera import camera_of_code
from lib.networks.aligned import cut_aligned

ZOOM = 2  # of the crop
FARTHEST = 1e4  # px of the picture that a point may lie off it


def draw_code(model: FaceModel, capture: Capture, codes: Regression, view: int) -> np.ndarray:
    """(h, w, 3) uint8: the crop of a view with the 68 points of the face that its code says.

    Points behind the camera or far off are left out.
    """
    crop = codes.crop(view)
    picture = cut_aligned(capture.image[view], crop)
    picture = cv2.resize(picture, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    vertices = model.vertices(codes.identity[view], codes.expression[view])
    marks = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    origin = published_origin(model, codes.system)
    pose, focal, centre = camera_of_code(
        codes.system, codes.angles[view], codes.translation[view], origin, crop
    )
    seen = project(marks[None], pose[None], np.array([focal]), centre[None])[0]
    shown = (crop.to_crop(seen) + 0.5) * ZOOM - 0.5
    near = (np.abs(shown) < FARTHEST).all(1)  # NaN, behind the camera, is not
    for numbers, closed in IBUG68_LINES:
        if near[list(numbers)].all():
            line = np.rint(shown[list(numbers)]).astype(np.int32)
            cv2.polylines(picture, [line[:, None]], closed, ORANGE, 1, cv2.LINE_AA)
    for x, y in np.rint(shown[near]).astype(int).tolist():
        cv2.circle(picture, (x, y), 2, BLUE, -1, cv2.LINE_AA)
    return picture
