"""Closed eyes: what the pictures show between the fitted lids, and a fit that believes it.

Landmark networks draw closed eyes half open. Several views of one calibrated head see what lies
there: a closed lid has the tint of the skin about it and is lit evenly; an open eye holds white and
dark.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lib.facemodel import FaceModel
from lib.fitting.landmarks import LandmarkTerm
from lib.fitting.pack import State
from lib.fitting.priors import Priors
from lib.fitting.views import EYE_CROP_PX, EYES, View
from lib.imaging import srgb_to_linear
from lib.render import interpolate, render_buffers

logger = logging.getLogger(__name__)

SIDES = ("Right", "Left")
RING_MM = (4.0, 12.0)  # skin at this distance from the lids' edges is what a lid is compared with
FEWEST_OPENING, FEWEST_RING = 60, 200  # pixels of the crop
FEWEST_VIEWS = 2
# Two closed eyes of a real person were seen at a spread of 0.54, a tint of 0.03 and darkest -0.26.
# Of 28 open ones in captures of many views, real and synthetic, all had spread > 1.1 and darkest
# < -1.2; of 124 in single photos, all but the far eyes of two profiles had darkest < -0.7. One of
# these would have passed for closed, which is why single photos are left alone.
MOST_SPREAD = 0.85  # of log luminance: tenth to ninetieth percentile
MOST_TINT = 0.12  # log blue over red, against the skin's
LEAST_DARKEST = -0.55  # tenth percentile of log luminance, against the skin's
LEAST_TINT_OF_SKIN = 0.15  # the skin's own log red over blue: in grey pictures, tint says nothing
MOVED_BY_BLINK_MM = 0.5  # landmarks that a blink moves by more tell of lids
BLACK = 0.03  # share of the skin's value that is added before logarithms


@dataclass(frozen=True)
class LidEvidence:
    """What one view shows between the fitted lids of one eye.

    Args:
        spread: range of log luminance.
        tint: median log of blue over red, less that of the skin around.
        darkest: log luminance of the darkest tenth, less that of the skin around.
    """

    spread: float
    tint: float
    darkest: float

    @property
    def of_lid(self) -> bool:
        """Whether this is what a closed lid looks like, and no open eye."""
        return (
            self.spread < MOST_SPREAD
            and abs(self.tint) < MOST_TINT
            and self.darkest > LEAST_DARKEST
        )


def closed_eyes(model: FaceModel, views: list[View], state: State) -> np.ndarray:
    """(n, 2) bool: right and left eye closed, in captures of known cameras; False where unsure.

    A model that has no blinks to close them with gets no answer either: False.

    Args:
        model: the head model that the state belongs to.
        views: the views of the state.
        state: current estimate.
    """
    closed = np.zeros((len(views), 2), bool)
    if not can_blink(model):
        return closed
    for name in dict.fromkeys(view.name for view in views if view.setup.known):
        rows = [row for row, view in enumerate(views) if view.name == name]
        for eye in range(2):
            seen = [_look(model, views[row], state, row, eye) for row in rows]
            closed[rows, eye] = _decide([one for one in seen if one is not None], name, eye)
    return closed


def can_blink(model: FaceModel) -> bool:
    """Whether the model has expressions that close its eyes."""
    return {f"eyeBlink{side}" for side in SIDES} <= set(model.expression_names)


def _decide(seen: list[LidEvidence], name: str, eye: int) -> bool:
    if len(seen) < FEWEST_VIEWS:
        return False
    typical = LidEvidence(
        float(np.median([one.spread for one in seen])),
        float(np.median([one.tint for one in seen])),
        float(np.median([one.darkest for one in seen])),
    )
    logger.info(
        "%s: %s eye %s: %d views show between its lids light that spreads by %.2f "
        "(closed: < %.2f), is as dark as %.2f (> %.2f), and off the skin's tint by %.2f (< %.2f)",
        name,
        SIDES[eye].lower(),
        "is closed" if typical.of_lid else "is left to the landmarks",
        len(seen),
        typical.spread,
        MOST_SPREAD,
        typical.darkest,
        LEAST_DARKEST,
        abs(typical.tint),
        MOST_TINT,
    )
    return typical.of_lid


def _look(model: FaceModel, view: View, state: State, row: int, eye: int) -> LidEvidence | None:
    """What a view shows between the lids; None where it does not see the eye well."""
    crop, region = view.eyes[eye], f"eye_{SIDES[eye].lower()}"
    if crop is None or region not in model.region_names:
        return None
    identity = state.identity[state.subject[row]].cpu().numpy()
    mesh = model.vertices(identity, state.expression[row].cpu().numpy())
    opening, ring = _masks(model, mesh, state, view, row, eye)
    if opening.sum() < FEWEST_OPENING or ring.sum() < FEWEST_RING:
        return None
    return lid_evidence(srgb_to_linear(crop.colour), opening, ring)


def _masks(
    model: FaceModel, mesh: np.ndarray, state: State, view: View, row: int, eye: int
) -> tuple[np.ndarray, np.ndarray]:
    """(px, px) bool of a view's eye crop: the opening between the posed lids; skin about them."""
    crop = view.eyes[eye]
    assert crop is not None
    camera = state.cameras.world_to_camera()[row].cpu().numpy().astype(np.float64)
    focal = float(state.cameras.log_focal[row].exp()) * crop.zoom
    centre = (view.centre_px + 0.5 - crop.corner_px) * crop.zoom - 0.5
    size = (EYE_CROP_PX, EYE_CROP_PX)
    buffers = render_buffers(mesh, model.triangles, camera, focal, centre, size)
    triangle = buffers.triangle_id
    region = np.where(buffers.mask, model.triangle_region[triangle], -1)
    ball = region == model.region_names.index(f"eye_{SIDES[eye].lower()}")
    opening = cv2.erode(ball.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    brow = np.zeros(model.n_vertices, bool)
    brow[model.parts[f"{SIDES[eye].lower()}_eyebrow"]] = True
    skin = (region == model.region_names.index("skin")) & ~brow[model.triangles].any(1)[triangle]
    points = interpolate(buffers, mesh, model.triangles)
    lids = model.landmarks["ibug68"].on(mesh, model.triangles)[EYES[eye]]
    distance = cKDTree(_loop(lids)).query(points.reshape(-1, 3))[0].reshape(size)
    return opening, skin & (distance > RING_MM[0]) & (distance < RING_MM[1])


def _loop(corners: np.ndarray, per_side: int = 8) -> np.ndarray:
    """(k * per_side, 3) points along the closed line through (k, 3) corners."""
    share = np.linspace(0, 1, per_side, endpoint=False)[:, None, None]
    return ((1 - share) * corners + share * np.roll(corners, -1, axis=0)).reshape(-1, 3)


def lid_evidence(colour: np.ndarray, opening: np.ndarray, ring: np.ndarray) -> LidEvidence | None:
    """What lies in the opening, against the skin of the ring; None where the skin has no tint.

    Ratios to the ring cancel exposure and white balance.

    Args:
        colour: (h, w, 3) linear RGB.
        opening: (h, w) bool.
        ring: (h, w) bool.
    """
    skin = np.maximum(np.median(colour[ring], axis=0), 1e-4)
    if np.log(skin[0] / skin[2]) < LEAST_TINT_OF_SKIN:
        return None
    relative = np.log((colour[opening] / skin + BLACK) / (1 + BLACK))  # (n, 3)
    low, high = np.quantile(relative[:, 1], (0.1, 0.9))
    tint = np.median(relative[:, 2] - relative[:, 0])
    return LidEvidence(float(high - low), float(tint), float(low))


def with_closed(
    model: FaceModel,
    scheme: str,
    term: LandmarkTerm,
    state: State,
    priors: Priors,
    closed: np.ndarray,
) -> tuple[LandmarkTerm, State, Priors]:
    """The fit with closed eyes held shut, and deaf to what landmarks say of their lids.

    Args:
        model: the head model.
        scheme: of the landmarks.
        term: measured points.
        state: current estimate.
        priors: what is believed beforehand.
        closed: (n, 2) bool: right and left eye of each view.
    """
    sigma, expression = term.detector_sigma_px.clone(), state.expression.clone()
    free = priors.free.clone()
    points = model.landmarks[scheme]
    for eye, side in enumerate(SIDES):
        rows = torch.tensor(closed[:, eye], device=sigma.device)
        names = list(model.expression_names)
        if not closed[:, eye].any() or f"eyeBlink{side}" not in names:
            continue
        blink = names.index(f"eyeBlink{side}")
        moved = points.on(model.expression_basis[blink], model.triangles)
        lids = torch.tensor(np.linalg.norm(moved, axis=1) > MOVED_BY_BLINK_MM, device=sigma.device)
        sigma[rows[:, None] & lids] = torch.inf
        for number, name in enumerate(names):
            if name.startswith("eye") and name.endswith(side):  # lids that are shut do nothing else
                expression[rows, number] = float(number == blink)
                free[rows, number] = False
    return (
        replace(term, detector_sigma_px=sigma),
        replace(state, expression=expression),
        replace(priors, free=free),
    )
