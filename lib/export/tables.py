"""The JSON files of a head: coefficients, camera and landmarks, for people and other programs.

Cameras and points count in the original photo, upright; integers are pixel centres. A value that
is not known is null.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from lib.artefacts import Capture, FaceFit, Landmarks
from lib.facemodel.model import FaceModel

LIGHT_CONVENTION = (
    "Linear-light RGB coefficients of the incoming light in 9 orthonormal real spherical harmonics "
    "(bands 0-2) of the unit normal (x, y, z) in the model frame, in the order 1, y, z, x, xy, yz, "
    "3zz-1, xz, xx-yy. Colour = albedo * sum over k of A_k Y_k(normal) light_k, with A = 1 for "
    "band 0, 2/3 for band 1 and 1/4 for band 2."
)
MODEL_FRAME = "mm, right-handed: x to the subject's left, y up, z out of the face"
PIXELS = "upright original photo; (x, y); integers are pixel centres"

Json = Any  # None, bool, int, float, str, list or dict of these


def write_json(path: Path, content: Json) -> None:
    """Write JSON with one line per entry of the outer levels; not-a-number becomes null."""
    path.write_text(_indented(content, 0) + "\n", encoding="utf-8", newline="\n")


def coefficient_table(model: FaceModel, capture: Capture, fit: FaceFit) -> Json:
    """Named coefficients of a fit with their standard deviations."""
    scale = capture.working_to_original[:, 0]
    identity_sigma = np.sqrt(np.maximum(np.diagonal(fit.identity_covariance), 0))
    views = [
        {
            "photo": Path(capture.path[view]).name,
            "expression": {
                name: {"value": plain(value), "sigma": plain(sigma)}
                for name, value, sigma in zip(
                    model.expression_names,
                    fit.expression[view],
                    fit.expression_sigma[view],
                    strict=True,
                )
            },
            "light": plain(fit.light[view]),
            "focal_px": {
                "value": plain(fit.focal_px[view] * scale[view], 3),
                "sigma": plain(fit.focal_px[view] * scale[view] * fit.focal_sigma[view], 3),
                "source": capture.focal_source[view],
            },
            "reprojection_percent": plain(reprojection_percent(fit)[view], 3),
        }
        for view in range(len(fit.focal_px))
    ]
    return {
        "model": fit.model,
        "model_licence": model.licence,
        "method": fit.method,
        "subject": capture.subject,
        "identity": {
            "unit": "standard deviations of the model's population",
            "value": plain(fit.identity),
            "sigma": plain(identity_sigma),
        },
        "albedo": {
            "unit": "standard deviations of the model's population",
            "value": plain(fit.albedo),
        },
        "light_convention": LIGHT_CONVENTION,
        "vertex_sigma_mm": {
            "median_face": plain(np.median(fit.vertex_sigma_mm[_face_vertices(model)]), 3)
        },
        "views": views,
    }


def camera_table(capture: Capture, fit: FaceFit) -> Json:
    """The camera of every view in the OpenCV convention, for the original photo."""
    views = []
    for view in range(len(fit.focal_px)):
        scale = capture.working_to_original[view]
        centre = original_px(fit.centre_px[view], scale)
        height, width = capture.original_size[view].tolist()
        focal = fit.focal_px[view] * scale
        views.append(
            {
                "photo": Path(capture.path[view]).name,
                "width": width,
                "height": height,
                "K": plain(
                    np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]]), 4
                ),
                "world_to_camera": plain(fit.world_to_camera[view], 9),
            }
        )
    return {
        "convention": "OpenCV: x right, y down, z forward; x_camera = [R|t] x_model; no distortion",
        "pixels": PIXELS,
        "world": MODEL_FRAME,
        "views": views,
    }


def landmark_table(capture: Capture, landmarks: Landmarks, fit: FaceFit) -> Json:
    """Measured points with sigma and, for iBUG-68, the fitted face's points in 2D and 3D.

    The schemes of the first view stand at the top level; those of all views below `views` when
    there are several.
    """
    views = [_landmarks_of_view(capture, landmarks, fit, k) for k in range(len(fit.focal_px))]
    result = {"pixels": PIXELS, "model_frame": MODEL_FRAME, **views[0]}
    return {**result, "views": views} if len(views) > 1 else result


def reprojection_percent(fit: FaceFit) -> np.ndarray:
    """(n_views,) mean distance of the inner 51 points in percent of the interocular distance."""
    return 100 * fit.reprojection_px / np.maximum(fit.interocular_px, 1e-6)


def original_px(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(..., 2) points of the working image in the upright original photo."""
    return (points + 0.5) * scale - 0.5


def _landmarks_of_view(capture: Capture, landmarks: Landmarks, fit: FaceFit, view: int) -> Json:
    scale = capture.working_to_original[view]
    mean_scale = float(np.sqrt(scale.prod()))
    schemes = {
        "ibug68": {
            "image_px": plain(original_px(landmarks.ibug68_px[view], scale), 2),
            "sigma_px": plain(landmarks.ibug68_sigma_px[view] * mean_scale, 2),
            "fitted_px": plain(original_px(fit.landmarks_px[view], scale), 2),
            "model_mm": plain(fit.landmarks_mm[view], 3),
        }
    }
    if landmarks.scheme != "ibug68":
        schemes[landmarks.scheme] = {
            "image_px": plain(original_px(landmarks.points_px[view], scale), 2),
            "sigma_px": plain(landmarks.sigma_px[view] * mean_scale, 2),
        }
    return schemes


def _face_vertices(model: FaceModel) -> np.ndarray:
    return np.asarray(model.parts.get("face_mask", np.arange(model.n_vertices)))


def plain(values: np.ndarray | float, digits: int = 5) -> Json:
    """Rounded plain numbers; not-a-number and infinity become None."""
    rounded = np.round(np.asarray(values, np.float64), digits) + 0.0  # no minus zero
    if rounded.ndim == 0:
        return float(rounded) if np.isfinite(rounded) else None
    finite = np.isfinite(rounded)
    if finite.all():
        return rounded.tolist()
    return np.where(finite, rounded, None).tolist()


def _indented(content: Json, depth: int, deepest: int = 3) -> str:
    """JSON text: dictionaries and lists of dictionaries are broken into lines, numbers are not."""
    pad, close = "  " * (depth + 1), "  " * depth
    if isinstance(content, dict) and content and depth <= deepest:
        rows = [f"{pad}{json.dumps(k)}: {_indented(v, depth + 1)}" for k, v in content.items()]
        return "{\n" + ",\n".join(rows) + f"\n{close}}}"
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return "[\n" + ",\n".join(pad + _indented(v, depth + 1) for v in content) + f"\n{close}]"
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
