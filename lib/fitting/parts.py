"""Parts of the face on the photo as evidence: the re-projection distance loss for Gauss-Newton.

The residuals are the differences of `part_distance`'s descriptors, one per anchor, part and
function, in mm; their sum of squares is the loss. A part's points are spread evenly over its skin,
so that their mean distance means what that of a mask's pixels means.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from lib.errors import ConfigError
from lib.facemodel import PARTS, FaceModel, triangles_of_parts
from lib.fitting.camera import project_with_derivatives
from lib.fitting.pack import Layout, LinearPoints, State, linear_points
from lib.fitting.part_distance import (
    CLOSEST_PX,
    N_FUNCTIONS,
    anchor_grid,
    farthest_points,
    mask_points,
    part_targets,
)
from lib.fitting.solve import Normal, empty_normal
from lib.fitting.views import EYES, View
from lib.geometry import vertex_normals
from lib.render import Camera, facing, render_buffers, visible

logger = logging.getLogger(__name__)

ANCHORS = 24  # along each side of the crop
POINTS = {"skin": 400, "nose": 200}  # spread over a part; the others:
FEW_POINTS = 120
CANDIDATES = 12  # per point, from which evenly spread ones are taken
LID_SHARES = (0.2, 0.4, 0.6, 0.8)  # between the lids, where an eye's points lie
SIGMA_MM = 1.0  # of a distance, where the part is drawn well
PART_WEIGHT = {"skin": 0.1, "nose": 0.3}  # beside 1 for eyes, brows and lips
FEWEST_PX = 12  # of the crop: a smaller part tells nothing
BROWS = slice(17, 27)  # of the 68 points
LEAST_COSINE = 0.05
SEEN_MM, BUFFER_PX = 3.0, 256
FEWEST_POINTS = 8
FARTHEST_MM = 25.0  # between a part's middles on the photo and on the head of the landmarks
BACKGROUND, SKIN_LABEL = 0, 1 + PARTS.index("skin")
MOST_EYE, LEAST_LID = 0.05, 0.8  # shares of what lies between the landmarks of a shut eye


@dataclass(frozen=True)
class PartPoints:
    """Points on the parts of a head model.

    Args:
        points: p points; those of one part stand together.
        part: (p,) index into PARTS.
        vertices: (p,) the model's vertex next to each, for telling whether it is seen.
    """

    points: LinearPoints
    part: np.ndarray
    vertices: np.ndarray


@dataclass(frozen=True)
class PartTerm:
    """What the parts of n views say.

    Args:
        points: of the model.
        anchors: (n, a, 2) px.
        targets: (n, 8, a, 3) px, distances to the parts on the photo.
        present: (n, 8) bool.
        middles: (n, 8, 2) px of the parts on the photo; NaN where there is none.
        counts: (n, p) bool, points that are seen and below the brows.
        scale: (n,) px per mm, at which distances are judged; fixed while the camera moves.
        weight: of the whole term.
    """

    points: PartPoints
    anchors: torch.Tensor
    targets: torch.Tensor
    present: torch.Tensor
    middles: torch.Tensor
    counts: torch.Tensor
    scale: torch.Tensor
    weight: float


def part_points(model: FaceModel, device: torch.device) -> PartPoints:
    """Points spread evenly over each part of the mean head, and between the lids.

    Args:
        model: the head model.
        device: where tensors live.

    Raises:
        ConfigError: the model has no parts.
    """
    chance = np.random.default_rng(0)
    corners, weights, parts = [], [], []
    of_part = triangles_of_parts(model)
    skin = model.region("skin")
    for index, name in enumerate(PARTS):
        triangles = model.triangles[of_part[index] & skin]
        if not len(triangles):
            continue
        ball = f"eye_{name.split('_')[0]}"
        if name.endswith("_eye") and ball in model.region_names:
            rows, shares = _between_lids(model.mean, np.unique(triangles))
        else:
            rows, shares = _spread(model.mean, triangles, POINTS.get(name, FEW_POINTS), chance)
        corners.append(rows)
        weights.append(shares)
        parts.append(np.full(len(rows), index))
    if not corners:
        raise ConfigError(
            f"fit.parts_weight is above 0, but face model '{model.name}' has none of the parts "
            f"{', '.join(PARTS)}. Set fit.parts_weight: 0, or take a face model that has them."
        )
    corner, weight = np.concatenate(corners), np.concatenate(weights)
    return PartPoints(
        linear_points(model, corner, weight, device),
        np.concatenate(parts),
        corner[np.arange(len(corner)), weight.argmax(axis=1)],
    )


def _spread(
    mean: np.ndarray, triangles: np.ndarray, count: int, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(count, 3) corners and weights of points that lie evenly on triangles."""
    a, b, c = (mean[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = chance.choice(len(triangles), CANDIDATES * count, p=area / area.sum())
    first, second = np.sqrt(chance.random(len(chosen))), chance.random(len(chosen))
    weights = np.stack([1 - first, first * (1 - second), first * second], axis=1)
    places = np.einsum("nk,nkd->nd", weights, mean[triangles[chosen]])
    kept = farthest_points(places, count)
    return triangles[chosen[kept]], weights[kept]


def _between_lids(mean: np.ndarray, rim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(p, 3) vertices and weights: the lids' rims, and points between the upper and the lower.

    They close as the lids do, which an eyeball's surface would not.
    """
    place = mean[rim]
    corners = place[[place[:, 0].argmin(), place[:, 0].argmax()]]
    line = np.interp(place[:, 0], corners[:, 0], corners[:, 1])
    upper, lower = rim[place[:, 1] > line], rim[place[:, 1] <= line]
    below = lower[np.abs(mean[upper, 0][:, None] - mean[lower, 0]).argmin(axis=1)]
    pairs = np.stack([upper, below, below], axis=1)
    rows, weights = [np.stack([rim] * 3, axis=1)], [np.tile([1.0, 0.0, 0.0], (len(rim), 1))]
    for share in LID_SHARES:
        rows.append(pairs)
        weights.append(np.tile([1 - share, share, 0.0], (len(pairs), 1)))
    return np.concatenate(rows), np.concatenate(weights)


def part_term(
    model: FaceModel, views: list[View], weight: float, device: torch.device
) -> PartTerm | None:
    """The term of some views; None where none of them has parts.

    Args:
        model: the head model.
        views: with the parts of their crops.
        weight: of the term.
        device: where tensors live.
    """
    if weight <= 0 or all(view.parts is None for view in views):
        return None
    points = part_points(model, device)
    anchors, targets, present, middles = [], [], [], []
    for view in views:
        label = np.zeros((1, 1), np.uint8) if view.parts is None else view.parts.label
        step = len(label) / ANCHORS
        sets = _target_points(view)
        found = part_targets(sets, anchor_grid(label.shape, step))
        known = np.zeros(len(PARTS), bool) if view.parts is None else view.parts.known
        grid = np.resize(found.anchors.numpy(), (ANCHORS**2, 2))
        anchors.append((grid + 0.5) / view.zoom - 0.5 + view.corner_px)
        rows = np.resize(found.descriptors.numpy(), (len(PARTS), ANCHORS**2, N_FUNCTIONS))
        targets.append(rows / view.zoom)
        present.append(found.present.numpy() & known)
        middle = [p.mean(axis=0) if len(p) else np.full(2, np.nan) for p in sets]
        middles.append((np.array(middle) + 0.5) / view.zoom - 0.5 + view.corner_px)

    def tensor(values: list[np.ndarray]) -> torch.Tensor:
        return torch.tensor(np.stack(values), dtype=torch.float32, device=device)

    everything = torch.ones(len(views), len(points.part), dtype=torch.bool, device=device)
    return PartTerm(
        points,
        tensor(anchors),
        tensor(targets),
        tensor(present).bool(),
        tensor(middles),
        everything,
        torch.ones(len(views), device=device),
        weight,
    )


def shut_eyes(views: list[View]) -> np.ndarray:
    """(n, 2) bool: right and left eye, of which the photo shows skin where the landmarks are.

    Its part is empty then and weighs nothing, as in the paper; but whoever knows eyes and sees
    lids alone says that they are shut.
    """
    shut = np.zeros((len(views), 2), bool)
    for row, view in enumerate(views):
        if view.parts is None:
            continue
        for eye, rows in enumerate(EYES):
            lids = (view.ibug68_px[rows] + 0.5 - view.corner_px) * view.zoom - 0.5
            if not view.parts.known[eye] or not np.isfinite(lids).all():
                continue
            between = np.zeros(view.parts.label.shape, np.uint8)
            cv2.fillConvexPoly(between, cv2.convexHull(np.rint(lids).astype(np.int32)), 1)
            inside = view.parts.label[between > 0]
            shows = [(inside == label).mean() for label in (eye + 1, SKIN_LABEL)]
            shut[row, eye] = shows[0] < MOST_EYE and shows[1] > LEAST_LID
    return shut


def _target_points(view: View) -> list[np.ndarray]:
    """(n, 2) crop px of each part; none of those that are too small to tell anything."""
    if view.parts is None:
        return [np.zeros((0, 2))] * len(PARTS)
    found = []
    for index, name in enumerate(PARTS):
        points = mask_points(view.parts.label == index + 1)
        if name == "skin" and len(points):
            working = (points + 0.5) / view.zoom - 0.5 + view.corner_px
            points = points[_below_brows(view, working)]
        found.append(points if len(points) >= FEWEST_PX else np.zeros((0, 2)))
    return found


def _below_brows(view: View, points_px: np.ndarray) -> np.ndarray:
    """(n,) bool: points on the mouth's side of the line through the brows."""
    marks = view.ibug68_px[np.isfinite(view.ibug68_px).all(axis=1)]
    brows = view.ibug68_px[BROWS]
    brows = brows[np.isfinite(brows).all(axis=1)]
    if len(brows) < 2:
        return np.ones(len(points_px), bool)
    middle = brows.mean(axis=0)
    along = np.linalg.svd(brows - middle)[2][0]
    down = np.array([-along[1], along[0]])
    down = down * np.sign(down @ (marks.mean(axis=0) - middle))
    return (points_px - middle) @ down > 0


def with_seen(term: PartTerm, model: FaceModel, state: State, views: list[View]) -> PartTerm:
    """The term with the points that each view sees at the current estimate.

    Of the skin, those above the brows are left out, as they are of the photo, and those that fall
    on what the photo shows to be something else, such as hair.
    """
    counts = np.zeros(tuple(term.counts.shape), bool)
    world_to_camera = state.cameras.world_to_camera().cpu().numpy().astype(np.float64)
    focal = state.cameras.log_focal.exp().cpu().numpy()
    image, _, _ = project_with_derivatives(state.cameras, term.points.points.at(state.shape()))
    skin = term.points.part == PARTS.index("skin")
    for row, view in enumerate(views):
        if view.parts is None:
            continue
        identity = state.identity[state.subject[row]].cpu().numpy()
        mesh = model.vertices(identity, state.expression[row].cpu().numpy())
        zoom = BUFFER_PX / (len(view.colour) / view.zoom)
        camera = Camera(
            world_to_camera[row],
            float(focal[row] * zoom),
            (view.centre_px + 0.5 - view.corner_px) * zoom - 0.5,
        )
        buffers = render_buffers(mesh, model.triangles, *camera, (BUFFER_PX, BUFFER_PX))
        at = term.points.vertices
        normals = vertex_normals(mesh, model.triangles)[at]
        seen = visible(mesh[at], normals, buffers, camera, SEEN_MM)
        seen = seen & (facing(mesh[at], normals, camera) > LEAST_COSINE)
        # Lids turn away as they close, and an eye is where they are.
        seen |= np.isin(term.points.part, [0, 1])
        here = image[row].cpu().numpy()
        seen &= ~skin | (_below_brows(view, here) & _on_face(view, here))
        counts[row] = seen
    scale = state.cameras.log_scale.detach().exp()
    term = replace(term, counts=torch.tensor(counts, device=term.counts.device), scale=scale)
    return _without_strays(term, image, views)


def _without_strays(term: PartTerm, image: torch.Tensor, views: list[View]) -> PartTerm:
    """The term without parts that a mask has somewhere else than landmarks: mixed-up labels."""
    present = term.present.clone()
    for row, index in np.argwhere(term.present.cpu().numpy()):
        chosen = torch.as_tensor(term.points.part == index, device=image.device)
        chosen = chosen & term.counts[row]
        if PARTS[index] == "skin" or not bool(chosen.any()):
            continue
        away = float((image[row, chosen].mean(0) - term.middles[row, index]).norm())
        if away > FARTHEST_MM * float(term.scale[row]):
            logger.warning(
                "%s: the %s on the photo is %.0f mm from where the landmarks have it and is not "
                "followed: are the labels of its masks right?",
                views[row].name, PARTS[index], away / float(term.scale[row]),
            )  # fmt: skip
            present[row, index] = False
    return replace(term, present=present)


def _on_face(view: View, points_px: np.ndarray) -> np.ndarray:
    """(n,) bool: the photo shows some part of the face there."""
    assert view.parts is not None
    label = view.parts.label
    place = (points_px + 0.5 - view.corner_px) * view.zoom - 0.5
    place = np.clip(np.rint(place), 0, len(label) - 1).astype(np.int64)
    return label[place[:, 1], place[:, 0]] != BACKGROUND


def part_normal(term: PartTerm, state: State, layout: Layout) -> Normal:
    """Gauss-Newton system of the term at the current estimate."""
    image, by_camera, by_point = project_with_derivatives(
        state.cameras, term.points.points.at(state.shape())
    )
    normal = empty_normal(len(image), layout, image.device)
    index = torch.cat(
        [
            torch.arange(layout.n_identity, device=image.device),
            torch.arange(layout.n_shared, layout.expression.stop, device=image.device),
        ]
    )
    for row in range(len(image)):
        by_shape = by_point[row] @ term.points.points.basis  # (p, 2, identity + expression)
        k = layout.n_identity
        columns = torch.cat([by_shape[..., :k], by_camera[row], by_shape[..., k:]], -1)
        hessian, gradient, cost = _of_view(term, row, image[row], columns)
        normal.hessian[row, index[:, None], index] = hessian
        normal.gradient[row, index] = gradient
        normal.cost[row] = cost
    return normal


def _of_view(
    term: PartTerm, row: int, image: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hessian, gradient and cost of one view, for points (p, 2) and derivatives (p, 2, k)."""
    size = columns.shape[-1]
    hessian = torch.zeros(size, size, dtype=torch.float64, device=image.device)
    gradient, cost = hessian[0].clone(), hessian[0, 0].clone()
    sigma_px = float(term.scale[row]) * SIGMA_MM
    part = torch.as_tensor(term.points.part, device=image.device)
    anchors = term.anchors[row]
    for index, name in enumerate(PARTS):
        chosen = (part == index) & term.counts[row]
        if not bool(term.present[row, index]) or int(chosen.sum()) < FEWEST_POINTS:
            continue
        found, moved = descriptor_with_derivatives(image[chosen], columns[chosen], anchors)
        residual = (found - term.targets[row, index]) / sigma_px
        jacobian = moved / sigma_px
        share = term.weight * PART_WEIGHT.get(name, 1.0) / len(anchors)
        flat = jacobian.reshape(-1, size)
        hessian += share * (flat.T @ flat).double()
        gradient += share * (flat.T @ residual.reshape(-1)).double()
        cost += share * 0.5 * (residual**2).sum().double()
    return hessian, gradient, cost


def descriptor_with_derivatives(
    points: torch.Tensor, columns: torch.Tensor, anchors: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Farthest, nearest and mean distances (a, 3), and their derivatives (a, 3, k).

    Args:
        points: (n, 2) px.
        columns: (n, 2, k) how they move with the unknowns.
        anchors: (a, 2) px.
    """
    way = points - anchors[:, None]  # (a, n, 2)
    distance = way.square().sum(-1).sqrt()
    unit = torch.where(
        (distance > CLOSEST_PX)[..., None], way / distance.clamp_min(CLOSEST_PX)[..., None], 0.0
    )
    far, far_at = distance.max(1)
    near, near_at = distance.min(1)
    rows = torch.arange(len(anchors), device=points.device)
    by_far = torch.einsum("ad,adk->ak", unit[rows, far_at], columns[far_at])
    by_near = torch.einsum("ad,adk->ak", unit[rows, near_at], columns[near_at])
    by_mean = unit.flatten(1) @ columns.flatten(0, 1) / len(points)
    return (
        torch.stack([far, near, distance.mean(1)], 1),
        torch.stack([by_far, by_near, by_mean], 1),
    )
