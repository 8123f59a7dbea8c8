"""One face model through all photos of a batch: landmarks, then pixels, then how sure it is."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from lib.artefacts import FaceFit
from lib.errors import ArtefactError, CaptureFailure, ConfigError
from lib.facemodel import FaceModel
from lib.facemodel.object_frame import published_origin
from lib.fitting.average import average_identity, average_person
from lib.fitting.contour import with_contour
from lib.fitting.depth import DepthTerm, depth_normal, depth_term
from lib.fitting.eyelids import can_blink, closed_eyes, with_closed
from lib.fitting.landmarks import LandmarkTerm, landmark_normal, landmark_term
from lib.fitting.optimise import Evidence, choose, optimise
from lib.fitting.options import FitOptions
from lib.fitting.pack import Layout, State
from lib.fitting.parts import PartTerm, part_normal, part_term, shut_eyes, with_seen
from lib.fitting.photometric import (
    FaceCrops,
    PhotometricTerm,
    SurfaceSamples,
    light_prior,
    photometric_normal,
    surface_samples,
)
from lib.fitting.priors import Priors, make_priors
from lib.fitting.regressed import CodedCapture, check_codes, coded_fits, started
from lib.fitting.result import make_fits
from lib.fitting.solve import Normal
from lib.fitting.start import first_cameras, known_cameras
from lib.fitting.views import Subject, View, has_known_cameras, read_views, stack_crops
from lib.fitting.visibility import sample_visibility
from lib.geometry.coded_camera import SIDES_PX

logger = logging.getLogger(__name__)

VIEWS_AT_ONCE = 8  # bounds the memory of the photometric derivatives
BLURS = (3.0, 1.5, 0.7)  # crop px, coarse to fine
SEED = 0
PART_ROUNDS, PART_STEPS = 2, 6
# Share of the information that the stated sigmas rest on: what a network or the light model gets
# wrong is common to many points and pixels, which the fit counts as if they were independent.
TRUSTED_INFORMATION = 0.15


def fit_faces(
    model: FaceModel,
    subjects: Iterable[Subject],
    options: FitOptions,
    device: torch.device | str = "cpu",
) -> dict[str, FaceFit | CaptureFailure]:
    """Fits of all captures, or the reason why one has none.

    Args:
        model: the head model.
        subjects: what was measured; read one by one, so a generator keeps memory flat.
        options: settings.
        device: where the tensors live.

    Returns:
        Capture name -> fit, or the failure of that capture; in the order of `subjects`.

    Source: Blanz & Vetter 1999; Wood et al. 2022 (dense landmarks with their own sigma).
    """
    device = torch.device(device)
    results: dict[str, FaceFit | CaptureFailure] = {}
    views: list[View] = []
    schemes: set[str] = set()
    coded: list[CodedCapture] = []
    for item in subjects:
        if item.regression is not None:
            check_codes(item.regression, model)
            if not options.refine and not has_known_cameras(item):
                results[item.name] = CaptureFailure("fit_failed", "not fitted yet")
                coded.append(
                    CodedCapture(item.name, item.capture.subject, item.regression, item.landmarks)
                )
                continue
        try:
            found = read_views(item, options.crop_px)
        except CaptureFailure as failure:
            results[item.name] = failure
            continue
        results[item.name] = CaptureFailure("fit_failed", "not fitted yet")
        views.extend(found)
        schemes.add(item.landmarks.scheme)
    results.update(coded_fits(model, coded, options.method, options.share_identity))
    if views:
        scheme = _the_scheme(schemes, model)
        state, system, priors, exposure = _fit_views(model, views, scheme, options, device)
        average = torch.tensor(average_identity(model), device=device)
        state = replace(state, identity=state.identity + average)
        results.update(make_fits(model, views, state, system, priors, exposure, options.method))
    return results


def _the_scheme(schemes: set[str], model: FaceModel) -> str:
    if len(schemes) > 1:
        raise ArtefactError(
            f"one batch holds landmarks of several schemes ({', '.join(sorted(schemes))}), "
            "expected one. Rebuild it: snakemake --cores all --forcerun find_landmarks"
        )
    scheme = schemes.pop()
    if scheme not in model.landmarks:
        raise ConfigError(
            f"landmarks are of scheme '{scheme}', which face model '{model.name}' does not know; "
            f"it knows {', '.join(model.landmarks)}. Choose another landmarks.method, or make the "
            f"correspondence: snakemake --cores 1 resources/face_models/{scheme}_{model.name}.json"
        )
    return scheme


def _fit_views(
    model: FaceModel, views: list[View], scheme: str, options: FitOptions, device: torch.device
) -> tuple[State, Normal, Priors, torch.Tensor]:
    """The last state, counted from the average person, its trusted system, priors and exposures."""
    origins = {system: published_origin(model, system) for system in SIDES_PX}
    average = average_identity(model)
    model = average_person(model)
    subject = _subject_index(views, options.share_identity)
    term = landmark_term(
        model,
        scheme,
        np.stack([view.points_px for view in views]),
        np.stack([view.sigma_px for view in views]),
        options.landmark_weight,
        device,
    )
    depth = depth_term(
        model, scheme, np.stack([v.depth_px for v in views]), options.depth_weight, device
    )
    crops = stack_crops(views, device)
    layout = Layout(model.n_identity, model.n_albedo, model.n_expression)
    focal = _tensor([view.focal_px for view in views], device)
    cameras = first_cameras(term, focal, _tensor([v.centre_px for v in views], device), options)
    known = known_cameras(model, scheme, views, cameras)
    share = None if known is None else known.share
    light_mean, light_precision = light_prior(crops.exposure)
    priors = make_priors(model, layout, focal, light_mean, light_precision, options, share)
    n_subjects = int(subject.max()) + 1
    state = State(
        cameras if known is None else known.applied(cameras),
        torch.zeros(n_subjects, layout.n_identity, device=device),
        torch.zeros(n_subjects, layout.n_albedo, device=device),
        torch.zeros(len(views), layout.n_expression, device=device),
        light_mean.clone(),
        torch.tensor(subject, device=device),
        known,
    )
    state = started(model, views, state, average, origins)
    coded = all(view.code is not None for view in views)
    state, term = _landmark_stage(model, scheme, term, depth, state, priors, options, coded)
    closed = closed_eyes(model, views, state)
    if options.parts_weight > 0 and can_blink(model):
        closed |= shut_eyes(views)
    if closed.any():
        term, state, priors = _shut(model, scheme, term, depth, state, priors, options, closed)
    evidence = _geometry(term, depth, layout)
    parts = part_term(model, views, options.parts_weight, device)
    if parts is not None:
        state, evidence = _part_stage(model, parts, evidence, state, priors, views)
    if options.photometric_weight > 0:
        samples = surface_samples(model, options.samples, SEED, device)
        state, evidence = _photometric_stage(
            model, samples, crops, evidence, state, priors, views, options
        )
    system = evidence(state).scaled(TRUSTED_INFORMATION) + priors.local(state)
    return state, system, priors, crops.exposure


def _tensor(values: list[float] | list[np.ndarray], device: torch.device) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32, device=device)


def _subject_index(views: list[View], share: bool) -> np.ndarray:
    """(n,) number of each view's subject: by subject, or by capture when nothing is shared."""
    names = [view.subject if share else view.name for view in views]
    order = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names])


def _landmark_stage(
    model: FaceModel,
    scheme: str,
    term: LandmarkTerm,
    depth: DepthTerm,
    state: State,
    priors: Priors,
    options: FitOptions,
    coded: bool,
) -> tuple[State, LandmarkTerm]:
    """Pose first, then everything that landmarks tell, with the outline followed as it moves.

    Where a network told all poses, these are not sought first.
    """
    layout = priors.layout
    dark = (layout.albedo, layout.light)
    if not coded:
        rigid = (layout.identity, layout.expression, *dark)
        state = optimise(state, _geometry(term, depth, layout), priors, 6, rigid)
    steps = max(1, options.landmark_iterations // 2)
    for _ in range(2):
        term = with_contour(model, scheme, term, state)
        state = optimise(state, _geometry(term, depth, layout), priors, steps, dark)
    return state, term


def _shut(
    model: FaceModel,
    scheme: str,
    term: LandmarkTerm,
    depth: DepthTerm,
    state: State,
    priors: Priors,
    options: FitOptions,
    closed: np.ndarray,
) -> tuple[LandmarkTerm, State, Priors]:
    """The subjects with closed eyes fitted again with these shut; the others stay as they are."""
    layout = priors.layout
    term, start, priors = with_closed(model, scheme, term, state, priors, closed)
    steps = max(1, options.landmark_iterations // 2)
    evidence = _geometry(term, depth, layout)
    again = optimise(start, evidence, priors, steps, (layout.albedo, layout.light))
    touched = torch.zeros(len(state.identity), dtype=torch.bool, device=state.identity.device)
    touched[state.subject[torch.tensor(closed.any(1), device=touched.device)]] = True
    return term, choose(touched, again, state), priors


def _geometry(term: LandmarkTerm, depth: DepthTerm, layout: Layout) -> Evidence:
    """What points and their depths say."""
    return lambda trial: landmark_normal(term, trial, layout) + depth_normal(depth, trial, layout)


def _part_stage(
    model: FaceModel,
    term: PartTerm,
    geometry: Evidence,
    state: State,
    priors: Priors,
    views: list[View],
) -> tuple[State, Evidence]:
    """Landmarks and the parts of the face together; what is seen is asked again as it moves."""
    layout = priors.layout
    for _ in range(PART_ROUNDS):
        seen = with_seen(term, model, state, views)

        def evidence(trial: State, seen: PartTerm = seen) -> Normal:
            return geometry(trial) + part_normal(seen, trial, layout)

        state = optimise(state, evidence, priors, PART_STEPS, (layout.albedo, layout.light))
    return state, evidence


def _photometric_stage(
    model: FaceModel,
    samples: SurfaceSamples,
    crops: FaceCrops,
    geometry: Evidence,
    state: State,
    priors: Priors,
    views: list[View],
    options: FitOptions,
) -> tuple[State, Evidence]:
    """Landmarks and colour together, from blurred to sharp pixels."""
    layout = priors.layout
    steps = max(1, options.photometric_iterations // len(BLURS))
    for level, blur in enumerate(BLURS):
        visible = sample_visibility(model, samples.vertices, state, views)
        colour = PhotometricTerm(samples, crops.blurred(blur), visible, options.photometric_weight)

        def evidence(trial: State, colour: PhotometricTerm = colour) -> Normal:
            return geometry(trial) + _in_pieces(colour, trial, layout)

        if level == 0:  # light and tone first: they are linear, and everything rests on them
            shape = (layout.identity, layout.camera, layout.expression)
            state = optimise(state, evidence, priors, 3, shape)
        state = optimise(state, evidence, priors, steps)
    return state, evidence


def _in_pieces(term: PhotometricTerm, state: State, layout: Layout) -> Normal:
    pieces = []
    for start in range(0, len(state.expression), VIEWS_AT_ONCE):
        views = slice(start, start + VIEWS_AT_ONCE)
        pieces.append(photometric_normal(term.rows(views), _rows(state, views), layout))
    return Normal(
        torch.cat([piece.hessian for piece in pieces]),
        torch.cat([piece.gradient for piece in pieces]),
        torch.cat([piece.cost for piece in pieces]),
    )


def _rows(state: State, views: slice) -> State:
    cameras = state.cameras
    return replace(
        state,
        cameras=replace(
            cameras,
            rotation=cameras.rotation[views],
            origin_px=cameras.origin_px[views],
            log_scale=cameras.log_scale[views],
            log_focal=cameras.log_focal[views],
            centre_px=cameras.centre_px[views],
        ),
        expression=state.expression[views],
        light=state.light[views],
        subject=state.subject[views],
    )
