"""One view of a fitted head in the conventions of coefficient regressors: crop, pose and colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import Capture, FaceFit, Regression
from lib.facemodel import FaceModel, base_texture, eyeball_regions
from lib.facemodel.object_frame import object_origin
from lib.geometry import vertex_normals
from lib.geometry.aligned_crop import AlignedCrop, align_face, standard_five
from lib.geometry.coded_camera import DEEP3D
from lib.geometry.crop_camera import (
    CENTRE_PX,
    FOCAL_PX,
    TO_OPENCV,
    camera_of_pose,
    image_up,
    pose_of_camera,
    rotation_of_angles,
    to_object,
)
from lib.imaging import linear_to_srgb
from lib.render import Camera, irradiance, sample_texture
from lib.render.encoded_light import encoded_light, encoded_shading
from lib.uvspace.coded import is_code
from lib.uvspace.shown import posed_vertices

POSE_POINTS = 500  # of the face, from which the fixed camera's pose is told
INNER_PX = 512  # side of the painted texture that eyes, teeth and mouth are coloured from


@dataclass(frozen=True)
class PublishedView:
    """A posed head as the published systems describe it.

    Args:
        crop: of the working image.
        original_to_crop: (2, 3) affine map of the upright original's px; integers are centres.
        vertices_mm: (V, 3) model frame, with expression.
        angles: (3,) rad: pitch, yaw, roll.
        translation: (3,) decimetres.
        gamma: (27,) light on encoded colour.
        world: (V, 3) decimetres: object frame . R + translation.
        colours: (V, 3) sRGB-encoded 0..1, albedo under the light.
        fixed: the fixed camera before the crop, in mm of the model frame.
        camera: of the fit, of the working image.
    """

    crop: AlignedCrop
    original_to_crop: np.ndarray
    vertices_mm: np.ndarray
    angles: np.ndarray
    translation: np.ndarray
    gamma: np.ndarray
    world: np.ndarray
    colours: np.ndarray
    fixed: Camera
    camera: Camera

    @property
    def in_camera(self) -> np.ndarray:
        """(V, 3) mm from the fit's camera: x right, y up, z towards the viewer."""
        pose = np.asarray(self.camera.world_to_camera, np.float64)
        return (self.vertices_mm @ pose[:, :3].T + pose[:, 3]) @ TO_OPENCV

    def marks(self, model: FaceModel) -> np.ndarray:
        """(68, 2) crop px with y down, by the published formula: (x, 223 - y_up)."""
        up = image_up(model.landmarks["ibug68"].on(self.world, model.triangles))
        return np.stack([up[:, 0], self.crop.side - 1 - up[:, 1]], axis=1)


def published_view(
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    view: int,
    regression: Regression | None,
    inner: np.ndarray,
) -> PublishedView:
    """A fitted view in published terms.

    Where the fit is the network's code itself, its numbers are given back. Of any other fit these
    are the pose and the light under which the fixed camera sees nearly the same.

    Args:
        model: the fitted head model.
        capture: the photos.
        fit: the fitted face.
        view: which one, fitted.
        regression: what a network read, if one was asked.
        inner: (V, 3) linear albedo of what is not skin, NaN on the skin; see `inner_colours`.

    Raises:
        PoseError: the face does not tell a pose.
    """
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
    vertices = posed_vertices(model, fit, view)
    origin = object_origin(model)
    coded = is_code(model, fit, regression, view, DEEP3D)
    if coded:
        crop = regression.crop(view)
        angles, shift = regression.angles[view], regression.translation[view]
    else:
        size = capture.image[view].shape[:2]
        crop = align_face(standard_five(fit.landmarks_px[view]), size)
        face = model.parts["face_mask"]
        some = vertices[face[:: max(len(face) // POSE_POINTS, 1)]].astype(np.float64)
        angles, shift = pose_of_camera(some, *camera, origin, crop)
    rotation = rotation_of_angles(angles)
    normals = vertex_normals(vertices, model.triangles, by_area=not coded)
    light = np.nan_to_num(fit.light[view])
    gamma = regression.light[view] if coded else encoded_light(light, rotation)
    albedo = np.where(np.isnan(inner), _skin_albedo(model, fit), inner)
    if coded:
        colours = linear_to_srgb(albedo) * encoded_shading(normals @ rotation, gamma)
    else:
        colours = linear_to_srgb(np.clip(albedo * irradiance(normals, light), 0, 1))
    pose, _, _ = camera_of_pose(angles, shift, origin, crop)
    return PublishedView(
        crop=crop,
        original_to_crop=_from_original(crop, capture.working_to_original[view]),
        vertices_mm=vertices,
        angles=np.asarray(angles, np.float64),
        translation=np.asarray(shift, np.float64),
        gamma=gamma,
        world=to_object(vertices.astype(np.float64), origin) @ rotation + shift,
        colours=np.clip(colours, 0, 1).astype(np.float32),
        fixed=Camera(pose, FOCAL_PX, np.full(2, CENTRE_PX)),
        camera=camera,
    )


def inner_colours(model: FaceModel) -> np.ndarray:
    """(V, 3) linear albedo of eyes, teeth and mouth at their vertices; NaN on the skin.

    Eyes that are patches of the skin have the model's own colours, and are NaN, too.
    """
    result = np.full((model.n_vertices, 3), np.nan, np.float32)
    patches = [
        n for n in model.region_names if n.startswith("eye_") and n not in eyeball_regions(model)
    ]
    inside = ~model.region("skin", *patches)
    if inside.any():
        painted = base_texture(model, INNER_PX)
        at = model.uv_triangles[inside]
        result[model.triangles[inside]] = sample_texture(painted, model.uv[at])
    result[model.triangles[~inside]] = np.nan
    return result


def _skin_albedo(model: FaceModel, fit: FaceFit) -> np.ndarray:
    return model.albedo(fit.albedo if model.n_albedo else None)


def _from_original(crop: AlignedCrop, working_to_original: np.ndarray) -> np.ndarray:
    """(2, 3) map from px of the original to crop px; integers are pixel centres in both."""
    step = 1 / np.asarray(working_to_original, np.float64)
    to_working = np.column_stack([np.diag(step), 0.5 * step - 0.5])
    linear = crop.matrix[:, :2] @ to_working[:, :2]
    return np.column_stack([linear, crop.matrix[:, :2] @ to_working[:, 2] + crop.matrix[:, 2]])
