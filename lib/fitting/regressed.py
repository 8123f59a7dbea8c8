"""A network's codes as fits, and as starts of the optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lib.artefacts import FaceFit, Landmarks, Regression
from lib.errors import ArtefactError, CaptureFailure
from lib.facemodel import FaceModel
from lib.facemodel.object_frame import published_origin
from lib.fitting.camera import Cameras
from lib.fitting.pack import State
from lib.fitting.result import check_fit, ibug68_of, reprojection_of
from lib.fitting.views import View
from lib.geometry import PoseError, pose_from_points, project
from lib.geometry.coded_camera import camera_of_code
from lib.render.plain_light import light_of_code


@dataclass(frozen=True)
class CodedCapture:
    """A capture of which a network's codes are the fit.

    Args:
        name: of the capture.
        subject: whose face.
        regression: the codes.
        landmarks: measured points, for the reported reprojection error.
    """

    name: str
    subject: str
    regression: Regression
    landmarks: Landmarks


def check_codes(regression: Regression, model: FaceModel) -> None:
    """Raise where codes and head model do not belong together.

    Raises:
        ArtefactError: the codes are of another head model.
    """
    found = tuple(
        a.shape[1] for a in (regression.identity, regression.expression, regression.albedo)
    )
    expected = (model.n_identity, model.n_expression, model.n_albedo)
    if regression.model != model.name or found != expected:
        raise ArtefactError(
            f"codes are of head model '{regression.model}' with {found} coefficients, the fit's is "
            f"'{model.name}' with {expected}. Rebuild them: "
            "snakemake --cores all --forcerun regress_coefficients"
        )


def coded_fits(
    model: FaceModel, captures: Sequence[CodedCapture], method: str, share_identity: bool
) -> dict[str, FaceFit | CaptureFailure]:
    """Fits that are the codes themselves; identity and albedo are means over a subject's views.

    Args:
        model: the head model.
        captures: with codes of that model.
        method: for the artefact.
        share_identity: captures of one subject share identity and albedo; else each has its own.
    """
    by_person: dict[str, list[CodedCapture]] = {}
    for item in captures:
        by_person.setdefault(item.subject if share_identity else item.name, []).append(item)
    fits: dict[str, FaceFit | CaptureFailure] = {}
    for person in by_person.values():
        identity = _mean([item.regression.identity for item in person])
        albedo = _mean([item.regression.albedo for item in person])
        for item in person:
            try:
                fits[item.name] = _coded_fit(model, item, identity, albedo, method)
            except CaptureFailure as failure:
                fits[item.name] = failure
    return fits


def _mean(codes: list[np.ndarray]) -> np.ndarray:
    """(k,) over the rows of all that are known."""
    rows = np.concatenate(codes)
    return rows[np.isfinite(rows).all(1)].mean(0)


def _coded_fit(
    model: FaceModel, item: CodedCapture, identity: np.ndarray, albedo: np.ndarray, method: str
) -> FaceFit:
    codes = item.regression
    origin = published_origin(model, codes.system)
    n_views = len(codes.scale)
    expression = bounded(model, codes.expression)
    world_to_camera = np.full((n_views, 3, 4), np.nan)
    focal, centre = np.full(n_views, np.nan), np.full((n_views, 2), np.nan)
    light = np.full((n_views, 9, 3), np.nan, np.float32)
    marks = np.full((n_views, 68, 3), np.nan)
    for view in np.flatnonzero(np.isfinite(codes.scale)):
        angles, shift = codes.angles[view], codes.translation[view]
        camera = camera_of_code(codes.system, angles, shift, origin, codes.crop(view))
        world_to_camera[view], focal[view], centre[view] = camera
        light[view] = light_of_code(codes.system, codes.light[view], angles)
        marks[view] = ibug68_of(model, identity, expression[view], world_to_camera[view])
    told = np.isfinite(focal)
    centre = np.where(told[:, None], centre, codes.image_size[:, ::-1] / 2 - 0.5)
    landmarks_px = project(marks, world_to_camera, focal, centre)
    reprojection, interocular = reprojection_of(item.landmarks.ibug68_px, landmarks_px)
    check_fit(reprojection[told], interocular[told], landmarks_px[told])
    vertices = model.vertices(identity)
    return FaceFit(
        model=model.name,
        method=method,
        identity=identity,
        identity_covariance=np.full((model.n_identity, model.n_identity), np.nan),
        albedo=albedo,
        expression=expression,
        expression_sigma=np.full_like(expression, np.nan),
        world_to_camera=world_to_camera,
        focal_px=focal,
        focal_sigma=np.full(n_views, np.nan),
        centre_px=centre,
        light=light,
        vertices=vertices,
        vertex_sigma_mm=np.full(len(vertices), np.nan),
        landmarks_px=landmarks_px,
        landmarks_mm=marks,
        reprojection_px=reprojection,
        interocular_px=interocular,
    )


def bounded(model: FaceModel, expression: np.ndarray) -> np.ndarray:
    """Expressions as the model can take them: weights within 0..1, others as they are."""
    return np.clip(expression, 0, 1) if model.expression_prior == "weight" else expression


def started(
    model: FaceModel,
    views: Sequence[View],
    state: State,
    average: np.ndarray,
    origins_mm: Mapping[str, np.ndarray],
) -> State:
    """The state with identity, albedo, expression and cameras from the views' codes.

    Views without a code keep theirs; the light is left to the first steps, which find it at once.
    Views of known cameras begin with the mean of their expressions, as they have one.

    Args:
        model: the head model with its mean at the average person, from whom the state counts.
        views: of the batch, some with codes.
        state: a first estimate of every view.
        average: (n_identity,) coefficients of that person, which codes include.
        origins_mm: (3,) origin of each published system, see `published_origin`.
    """
    coded = [k for k, view in enumerate(views) if view.code is not None]
    if not coded:
        return state
    device = state.identity.device
    subject = state.subject.cpu().numpy()
    identity, albedo = state.identity.cpu().numpy(), state.albedo.cpu().numpy()
    for person in np.unique(subject[coded]):
        codes = [views[k].code for k in coded if subject[k] == person]
        identity[person] = np.mean([code.identity for code in codes], 0) - average
        albedo[person] = np.mean([code.albedo for code in codes], 0)
    expression = state.expression.cpu().numpy()
    cameras = state.cameras
    for k in coded:
        expression[k] = bounded(model, views[k].code.expression) * model.free_expressions
    for together in _moving_together(state):
        if told := [k for k in together if k in coded]:
            expression[together] = expression[told].mean(0)
    for k in coded:
        shape = model.vertices(identity[subject[k]], expression[k])
        if state.known is None or not bool(state.known.known[state.known.group[k]]):
            cameras = _with_camera(cameras, k, views[k], model, shape, origins_mm)
    return replace(
        state,
        cameras=cameras,
        identity=torch.tensor(identity, device=device),
        albedo=torch.tensor(albedo, device=device),
        expression=torch.tensor(expression, device=device),
    )


def _moving_together(state: State) -> list[np.ndarray]:
    """Numbers of the views of each capture whose cameras are known: it has one expression."""
    if state.known is None:
        return []
    group, known = state.known.group.cpu().numpy(), state.known.known.cpu().numpy()
    return [np.flatnonzero(group == number) for number in np.flatnonzero(known)]


def _with_camera(
    cameras: Cameras,
    k: int,
    view: View,
    model: FaceModel,
    shape: np.ndarray,
    origins_mm: Mapping[str, np.ndarray],
) -> Cameras:
    """The cameras with that of one view put where it sees the face as its code does.

    Focal length and principal point stay those of the view; the code's belong to its crop.
    """
    marks = model.landmarks["ibug68"].on(shape, model.triangles).astype(np.float64)
    code = view.code
    origin = origins_mm[code.system]
    pose, focal, centre = camera_of_code(
        code.system, code.angles, code.translation, origin, code.crop
    )
    seen = project(marks[None], pose[None], np.array([focal]), centre[None])[0]
    own_focal = float(cameras.log_focal[k].exp())
    try:
        found = pose_from_points(marks, seen, own_focal, cameras.centre_px[k].cpu().numpy())
    except PoseError:
        return cameras
    depth = max(float(found[2, 3]), 1.0)
    place = cameras.centre_px[k].cpu().numpy() + own_focal * found[:2, 3] / depth
    rotation, origins = cameras.rotation.clone(), cameras.origin_px.clone()
    log_scale = cameras.log_scale.clone()
    rotation[k] = torch.tensor(found[:, :3])
    origins[k] = torch.tensor(place)
    log_scale[k] = float(np.log(own_focal / depth))
    return replace(cameras, rotation=rotation, origin_px=origins, log_scale=log_scale)
