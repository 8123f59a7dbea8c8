"""A hand in front of a face: over the mouth, an eye, a cheek, under the chin, or holding things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import SurfaceTree
from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.fabric import draw_colour
from lib.synthesis.props.hand_shape import Grip, shape_hand, skin_of
from lib.synthesis.props.prop import Prop, joined, make_prop
from lib.synthesis.props.sites import HeadSites, head_sites
from lib.synthesis.props.tubes import swept

Pose = Literal["mouth", "chin", "eye", "cheek", "phone", "cup", "microphone"]
POSES: tuple[Pose, ...] = ("mouth", "chin", "eye", "cheek", "phone", "cup", "microphone")
Mesh = tuple[np.ndarray, np.ndarray]
LIKELY = np.array([0.2, 0.2, 0.13, 0.17, 0.1, 0.1, 0.1])
ROUGHNESS, REFLECTANCE = 0.48, 0.028
CLEAR_MM = 0.8  # from the face
FARTHEST_MM = 80.0  # that a hand gives way
NOSE_MM = 60.0  # what may stand out of the face before a hand that starts too deep
SLEEVE_MM = 330.0
CUPS = ((0.7, 0.69, 0.66), (0.25, 0.16, 0.1), (0.3, 0.03, 0.03))
FLAT = Grip((12, 14, 18, 22), (14, 16, 18, 22), (10, 10, 12, 14), 5.0)
RESTING = Grip((2, 3, 5, 8), (8, 9, 11, 15), (6, 6, 8, 10), 5.0, 40, 25, 10)
FIST = Grip((72, 76, 80, 84), (88, 90, 92, 92), (45, 48, 50, 50), 1.0, 22, 42, 45)
AROUND_THIN = Grip((58, 60, 64, 68), (72, 72, 72, 72), (38, 38, 38, 38), 2.0, 22, 52, 35)
AROUND_WIDE = Grip((30, 32, 34, 38), (42, 42, 42, 42), (26, 26, 26, 26), 4.0, 40, 62, 12)
AROUND_FLAT = Grip((10, 10, 12, 16), (22, 22, 24, 30), (20, 20, 20, 22), 9.0, 52, 30, 25)


@dataclass(frozen=True)
class Placement:
    """Where a hand is, for a left hand; right hands are its mirror image.

    Args:
        grip: of the fingers.
        fingers: (3,) direction of the fingers.
        back: (3,) direction out of the back of the hand.
        held: (3,) mm in the frame of the hand, the point that goes to `target`.
        target: (3,) mm in the head's frame.
        away: (3,) direction in which the hand gives way to the face.
        elbow: (3,) direction from the wrist to the elbow.
    """

    grip: Grip
    fingers: tuple[float, float, float]
    back: tuple[float, float, float]
    held: tuple[float, float, float]
    target: np.ndarray
    away: tuple[float, float, float]
    elbow: tuple[float, float, float]

    @property
    def axes(self) -> np.ndarray:
        """(3, 3) rows: the hand's x, y, z in the head's frame."""
        y = np.array(self.fingers) / np.linalg.norm(self.fingers)
        z = np.array(self.back) - y * (y @ np.array(self.back))
        z /= np.linalg.norm(z)
        return np.stack([np.cross(y, z), y, z])


def draw_hand(
    model: FaceModel,
    vertices: np.ndarray,
    skin_rgb: np.ndarray,
    chance: np.random.Generator,
    sites: HeadSites | None = None,
    pose: Pose | None = None,
    cloth_rgb: np.ndarray | None = None,
) -> list[Prop]:
    """A hand with its sleeve, and what it holds.

    Args:
        model: of the head.
        vertices: (n_vertices, 3) mm, posed.
        skin_rgb: (3,) linear RGB.
        chance: source of random numbers.
        sites: of the model, where they are known already.
        pose: a given one instead of a random one.
        cloth_rgb: (3,) linear RGB of the sleeve instead of a random colour.
    """
    sites = sites or head_sites(model)
    drawn = POSES[chance.choice(len(POSES), p=LIKELY)]
    pose = pose or drawn
    side = np.array([-1.0 if chance.random() < 0.5 else 1.0, 1, 1])
    head = vertices.astype(np.float64) * side  # a right hand is a left one on the mirrored head
    marks = model.landmarks["ibug68"].on(head, model.triangles).astype(np.float64)
    if side[0] < 0:
        marks = marks[_mirrored_marks()]
    placement = _shaken(PLACES[pose](marks), chance)
    scale = float(chance.uniform(0.86, 1.04))
    elbow = placement.axes @ (np.array(placement.elbow) / np.linalg.norm(placement.elbow))
    hand = shape_hand(placement.grip, elbow, scale, float(chance.uniform(0.88, 1.06)), chance)
    things = _held_thing(pose, scale, chance)
    cloth = draw_colour(chance)
    sleeve = _sleeve(elbow, scale, cloth if cloth_rgb is None else cloth_rgb, chance)
    skin = make_prop(
        hand.vertices, hand.triangles, skin_of(hand, np.asarray(skin_rgb, float), chance),
        "hand", ROUGHNESS, REFLECTANCE,
    )  # fmt: skip
    nail_rgb = np.clip(np.asarray(skin_rgb) ** np.array([0.75, 0.85, 0.85]), 0, 1)
    nails = make_prop(*hand.nails, nail_rgb, "hand", 0.25, 0.04)
    offset = _offset(
        sites, model, head, placement, scale, [hand.vertices, *(t.vertices for t in things)]
    )
    return [_placed(p, placement, offset, side) for p in (joined([skin, nails]), *things, sleeve)]


def _mirrored_marks() -> np.ndarray:
    """Order of the iBUG points on a mirrored face."""
    pairs = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    pairs += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    pairs += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    return np.array(pairs)


def _over_mouth(m: np.ndarray) -> Placement:
    at = m[[51, 57]].mean(axis=0) + [0, -2, 6]
    return Placement(
        FLAT, (-0.86, 0.5, -0.12), (0.1, 0, 1), (4, 100, -14), at, (0, 0, 1), (0.75, -1, 0.15)
    )


def _under_chin(m: np.ndarray) -> Placement:
    at = m[8] + [6, -6, -4]
    return Placement(
        FIST,
        (-0.62, 0.5, -0.6),
        (0.25, 0.35, 0.9),
        (0, 100, -8),
        at,
        (0, -0.9, 0.45),
        (0.3, -1, 0.3),
    )


def _over_eye(m: np.ndarray) -> Placement:
    at = m[42:48].mean(axis=0) + [3, 0, 6]
    return Placement(
        FLAT, (-0.35, 0.92, -0.12), (0.2, 0, 1), (0, 78, -14), at, (0.1, 0, 1), (0.35, -1, 0.15)
    )


def _over_cheek(m: np.ndarray) -> Placement:
    at = (m[12] + m[54]) / 2 + [8, 4, 0]
    return Placement(
        RESTING,
        (-0.05, 0.95, -0.28),
        (0.8, 0.2, 0.55),
        (0, 80, -14),
        at,
        (0.75, 0, 0.65),
        (0.2, -1, 0.12),
    )


def _with_phone(m: np.ndarray) -> Placement:
    at = m[[33, 57]].mean(axis=0) + [0, -22, 40]
    return Placement(
        AROUND_FLAT, (-0.93, 0.25, 0.1), (0.2, 0.1, 1), (36, 82, -24), at, (0, 0, 1), (0.8, -1, 0.0)
    )


def _with_cup(m: np.ndarray) -> Placement:
    at = m[57] + [0, -38, 42]
    return Placement(
        AROUND_WIDE,
        (-0.95, 0.2, -0.1),
        (0.35, 0, 1),
        (15, 82, -50),
        at,
        (0, -0.2, 1),
        (0.75, -1, 0.1),
    )


def _with_microphone(m: np.ndarray) -> Placement:
    at = m[57] + [0, 0, 30]
    return Placement(
        AROUND_THIN,
        (-0.85, 0.15, 0.2),
        (0.35, 0.6, 0.75),
        (128, 84, -24),
        at,
        (0, -0.3, 1),
        (0.7, -1, 0.2),
    )


PLACES: dict[Pose, Callable[[np.ndarray], Placement]] = {
    "mouth": _over_mouth,
    "chin": _under_chin,
    "eye": _over_eye,
    "cheek": _over_cheek,
    "phone": _with_phone,
    "cup": _with_cup,
    "microphone": _with_microphone,
}


def _shaken(place: Placement, chance: np.random.Generator) -> Placement:
    """The same by somebody else."""
    turn = chance.normal(0, 0.10, (3, 3))
    fingers, back, elbow = (
        tuple(np.array(v) + t) for v, t in zip((place.fingers, place.back, place.elbow), turn)
    )
    target = place.target + chance.normal(0, [5.0, 5.0, 1.0])
    return Placement(place.grip, fingers, back, place.held, target, place.away, elbow)


def _offset(
    sites: HeadSites,
    model: FaceModel,
    head: np.ndarray,
    placement: Placement,
    scale: float,
    parts: list[np.ndarray],
) -> np.ndarray:
    """(3,) mm where the wrist goes, so that the hand touches the face and does not enter it."""
    start = placement.target - scale * np.array(placement.held) @ placement.axes
    points = np.concatenate(parts)
    points = points[np.linalg.norm(points, axis=1) < 260][::7] @ placement.axes + start
    reach = NOSE_MM * np.abs(placement.away) + 10
    box = (head > points.min(axis=0) - 40) & (head < points.max(axis=0) + reach)
    near = box.all(axis=1)[sites.skin].all(axis=1)
    if not near.any():
        return start
    away = np.array(placement.away) / np.linalg.norm(placement.away)
    outwards = np.linalg.det(placement.axes) > 0
    face = sites.skin[near]
    area = head[face]
    normal = np.cross(area[:, 1] - area[:, 0], area[:, 2] - area[:, 0]).sum(axis=0)
    if (normal @ away < 0) == outwards:  # a mirrored head is inside out
        face = face[:, ::-1]
    tree = SurfaceTree(head, face)
    moved, asked = 0.0, points
    for _ in range(12):
        distance = tree.nearest(asked + moved * away, signed=True).distance_mm
        lacking = CLEAR_MM - distance.min()
        if lacking <= 0 and len(asked) < len(points):
            asked = points  # others may have come near on the way
            continue
        if lacking <= 0 or moved > FARTHEST_MM:
            break
        moved += 1.15 * lacking + 0.1
        asked = asked[distance < distance.min() + 15]
    return start + moved * away


def _placed(prop: Prop, placement: Placement, offset: np.ndarray, side: np.ndarray) -> Prop:
    prop.vertices[:] = (prop.vertices @ placement.axes + offset) * side
    if side[0] < 0:
        prop.triangles[:] = prop.triangles[:, ::-1].copy()
    return prop


def _sleeve(
    elbow: np.ndarray, scale: float, cloth_rgb: np.ndarray, chance: np.random.Generator
) -> Prop:
    """The end of a sleeve on the forearm, in folds that are no rings."""
    length = np.linspace(scale * chance.uniform(35, 85), SLEEVE_MM, 50)
    wide = scale * (33 + 0.06 * length)
    wide[0] *= 0.8  # the cuff is turned in
    vertices, triangles = swept(
        np.outer(length, elbow), np.stack([wide, 0.85 * wide], axis=1), 32, cap=2
    )
    along = vertices @ elbow
    out = vertices - along[:, None] * elbow
    bent = along[:, None] * elbow + 0.8 * out
    noise = smooth_noise(bent, 42.0, chance, 12)
    share = np.clip((along - length[0] - 16) / 10, 0, 1)
    folds = 0.05 * noise + 0.06 * (0.6 - np.abs(noise))
    vertices += out * (share * folds)[:, None]
    seam = np.exp(-0.5 * ((along - length[0] - 15) / 1.5) ** 2)
    colour = np.asarray(cloth_rgb) * (1 - 0.3 * seam)[:, None]
    return make_prop(vertices, triangles, colour, "cloth", 0.85, 0.028)


def _lathed(middle: tuple[float, float, float], profile: list[tuple[float, float]]) -> Mesh:
    """A round thing about an axis along the hand's x: (place, radius) in mm along it."""
    along, radius = np.array(profile, float).T
    fine = np.linspace(0, len(along) - 1, 6 * len(along))
    along, radius = (np.interp(fine, np.arange(len(along)), v) for v in (along, radius))
    path = np.array(middle) + along[:, None] * [1.0, 0, 0]
    path += np.arange(len(path))[:, None] * [1e-4, 0, 0]  # flat ends keep their direction
    return swept(path, np.stack([radius, radius], axis=1), 32, np.array([0, 0, 1.0]), cap=0)


def _held_thing(pose: Pose, scale: float, chance: np.random.Generator) -> list[Prop]:
    """What the hand holds, in its frame."""
    parts: list[tuple[Mesh, np.ndarray | float, float, float]] = []
    if pose == "phone":
        path = np.array([38, 82.0, -22]) + np.outer(np.linspace(-70, 70, 24), [1.0, 0, 0])
        body = swept(path, np.array([36.0, 4.0]), 32, np.array([0, 0, 1.0]), squareness=9, cap=2)
        parts = [(body, draw_colour(chance), 0.3, 0.05)]
    elif pose == "cup":
        colour = np.array(CUPS[chance.integers(len(CUPS))])
        side = [(-55, 0.1), (-55, 28), (-53, 29), (45, 38), (45, 0.1)]
        lid = [(44, 0.1), (44, 39.5), (51, 39.5), (52, 37), (58, 36), (60, 34), (58, 31), (57, 0.1)]
        rgb = 0.02 if chance.random() < 0.5 else 0.7
        parts = [(_lathed((15, 82, -50), side), colour, 0.55, 0.04)]
        parts.append((_lathed((15, 82, -50), lid), rgb, 0.35, 0.04))
    elif pose == "microphone":
        body = [(-75, 0.1), (-75, 9), (-72, 11), (50, 13), (78, 17), (90, 20)]
        angle = np.linspace(0.02, np.pi - 0.7, 9)[::-1]
        grille = [(108 + 24 * np.cos(a), 23 * np.sin(a)) for a in angle]
        parts = [(_lathed((0, 84, -24), body), 0.02, 0.4, 0.05)]
        parts.append((_lathed((0, 84, -24), grille), 0.12, 0.35, 0.3))
    return [
        make_prop(scale * mesh[0], mesh[1], rgb, "hand", roughness, reflectance)
        for mesh, rgb, roughness, reflectance in parts
    ]
