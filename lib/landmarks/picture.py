"""A picture of landmarks on a head model, to see whether they lie where they should."""

from __future__ import annotations

import cv2
import numpy as np

from lib.facemodel import FaceModel, SurfacePoints
from lib.geometry import project
from lib.landmarks.renders import painted
from lib.landmarks.surface import normals_at
from lib.render import Paint, facing, render_head, turntable_cameras

_SIZE = (800, 720)
_YAWS_DEG = (-50, 0, 50)
_SIGMA_MM = 5.0  # and more: the warm end of the colours


def draw_on_head(model: FaceModel, points: SurfacePoints) -> np.ndarray:
    """(800, 2160, 3) uint8 sRGB: the mean head from three sides, its visible points coloured.

    Blue points are sure; red ones have a standard deviation of 5 mm and more.
    """
    paint = painted(model)
    paint = Paint(colours=np.where(np.isnan(paint), model.albedo(), paint))
    places = points.on(model.mean, model.triangles)
    normals = normals_at(points, model.mean, model.triangles)
    share = np.clip(points.sigma_mm / _SIGMA_MM, 0, 1)
    colours = cv2.applyColorMap(np.uint8(255 * share)[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    face = model.mean[model.parts["face_mask"]]
    pictures = []
    for camera in turntable_cameras(face, _SIZE, _YAWS_DEG, 700.0):
        picture = render_head(model.mean, model.triangles, camera, _SIZE, paint)[..., :3].copy()
        seen = facing(places, normals, camera) > 0.05
        for place, colour in zip(project(places, *camera)[seen], colours[seen].tolist()):
            x, y = np.round(place * 16).astype(int).tolist()
            cv2.circle(picture, (x, y), 48, colour, -1, cv2.LINE_AA, shift=4)
        pictures.append(picture)
    return np.hstack(pictures)
