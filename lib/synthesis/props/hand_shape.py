"""A hand as a skeleton that bends, and its skin.

Frame of a hand: mm, a left hand; origin at the wrist, x to the thumb's side, y to the fingers,
z out of the back of the hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lib.synthesis.chance import smooth_noise
from lib.synthesis.props.blobs import Cones, smooth_union
from lib.synthesis.props.tubes import swept

# Index to little finger: where a metacarpal begins and ends, lengths of the three bones beyond it.
BASES = np.array([(13.0, 6, 0), (4, 4, 1), (-5, 4, 0), (-13, 6, -2)])
KNUCKLES = np.array([(23.0, 88, 0), (3, 92, 2), (-16, 86, 0), (-33, 75, -4)])
BONES = np.array([(42.0, 25, 20), (46, 29, 21), (42, 27, 21), (33, 20, 18)])
RADII = np.array(
    [(8.9, 7.9, 7.3, 6.0), (9.0, 8.0, 7.4, 6.2), (8.6, 7.6, 7.0, 5.9), (7.6, 6.7, 6.1, 5.2)]
)
THUMB = np.array([(21.0, 14, -8), (42, 48, -18)])  # of its metacarpal
THUMB_BONES, THUMB_RADII = (33.0, 24.0), (12.0, 9.8, 9.0, 7.2)
STEP_MM, BLEND_MM = 3.5, 1.8
ARM_MM = 105.0  # of the forearm that is skin; a sleeve begins before
FOREARM_MM = (14.0, 14.5, 20.0)  # radii at the wrist, beyond it, at the end
NAIL_MM = (0.78, 0.62)  # half width and half length over the finger's radius


@dataclass(frozen=True)
class Grip:
    """How a hand is held, angles in degrees.

    Args:
        knuckle, middle, tip: (4,) bends of the joints, index to little finger.
        spread: of the fingers.
        thumb_out: of the thumb, away from the palm's edge.
        thumb_in: of the thumb, in front of the palm.
        thumb_bend: of its outer joint.
    """

    knuckle: tuple[float, float, float, float]
    middle: tuple[float, float, float, float]
    tip: tuple[float, float, float, float]
    spread: float = 6.0
    thumb_out: float = 35.0
    thumb_in: float = 25.0
    thumb_bend: float = 15.0


@dataclass(frozen=True)
class Hand:
    """Skin and nails of a hand in its own frame.

    Args:
        vertices: (v, 3) mm.
        triangles: (t, 3).
        redness: (v,) 0..1 over joints and finger tips.
        palmar: (v,) 0 on the back, 1 on the palm.
        nails: (n, 3) mm and (m, 3) triangles of all nails.
        joints: (15, 3) mm ends of the bones, three of each finger, thumb first.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    redness: np.ndarray
    palmar: np.ndarray
    nails: tuple[np.ndarray, np.ndarray]
    joints: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))


@dataclass(frozen=True)
class _Finger:
    """Joints (k, 3), radii (k,) and the direction out of its nail (3,)."""

    joints: np.ndarray
    radii: np.ndarray
    back: np.ndarray


def shape_hand(
    grip: Grip, elbow: np.ndarray, scale: float, slim: float, chance: np.random.Generator
) -> Hand:
    """A hand with its forearm.

    Args:
        grip: how it is held.
        elbow: (3,) direction in the frame of the hand.
        scale: of all lengths.
        slim: factor on the radii.
        chance: source of random numbers.
    """
    fingers = [_thumb(grip), *(_finger(grip, k, chance) for k in range(4))]
    cones = _skeleton(fingers, elbow, slim)
    vertices, triangles = smooth_union(cones, STEP_MM, BLEND_MM)
    redness = np.zeros(len(vertices))
    for finger in fingers:
        for joint, radius in zip(finger.joints[1:-1], finger.radii[1:-1]):
            place = joint + 0.9 * radius * finger.back
            away = np.linalg.norm(vertices - place, axis=1)
            redness = np.maximum(redness, np.exp(-0.5 * (away / 6.5) ** 2))
        away = np.linalg.norm(vertices - finger.joints[-1], axis=1)
        redness = np.maximum(redness, 0.7 * np.exp(-0.5 * (away / 7.0) ** 2))
    return Hand(
        scale * vertices,
        triangles,
        redness,
        _palmar(vertices, fingers),
        _nails(fingers, scale, slim),
        scale * np.concatenate([f.joints[1:] for f in fingers]),
    )


def _finger(grip: Grip, k: int, chance: np.random.Generator) -> _Finger:
    spread = np.radians(grip.spread * (1.2, 0.2, -0.7, -1.7)[k] + chance.normal(0, 2))
    bends = np.cumsum(np.radians([grip.knuckle[k], grip.middle[k], grip.tip[k]]))
    bends += np.radians(chance.normal(0, 3, 3)).cumsum()
    ahead, palm = np.array([np.sin(spread), np.cos(spread), 0]), np.array([0, 0, -1.0])
    along = np.cos(bends)[:, None] * ahead + np.sin(bends)[:, None] * palm
    joints = KNUCKLES[k] + np.concatenate(
        [np.zeros((1, 3)), np.cumsum(BONES[k][:, None] * along, 0)]
    )
    back = np.sin(bends[-1]) * ahead - np.cos(bends[-1]) * palm
    return _Finger(joints, RADII[k], back)


def _thumb(grip: Grip) -> _Finger:
    out, inside, bend = np.radians([grip.thumb_out, grip.thumb_in, grip.thumb_bend])
    along = np.array([np.sin(out) * np.cos(inside), np.cos(out) * np.cos(inside), -np.sin(inside)])
    start = THUMB[0]
    knuckle = start + np.linalg.norm(THUMB[1] - start) * along
    back = np.array([0.75, -0.1, 0.65])
    back -= along * (back @ along)
    back /= np.linalg.norm(back)
    second = np.cos(0.4 * bend) * along - np.sin(0.4 * bend) * back
    last = np.cos(bend) * along - np.sin(bend) * back
    joints = [start, knuckle, knuckle + THUMB_BONES[0] * second]
    joints.append(joints[-1] + THUMB_BONES[1] * last)
    nail = back - last * (back @ last)
    return _Finger(np.array(joints), np.array(THUMB_RADII), nail / np.linalg.norm(nail))


def _skeleton(fingers: list[_Finger], elbow: np.ndarray, slim: float) -> Cones:
    rows: list[tuple[np.ndarray, np.ndarray, float, float]] = []
    for finger in fingers:
        for k in range(3):
            a, b = finger.joints[k], finger.joints[k + 1]
            if k == 2:
                b = b - finger.radii[3] * (b - a) / np.linalg.norm(b - a)
            rows.append((a, b, finger.radii[k], finger.radii[k + 1]))
    palm = np.array([0, 0, -5.0])
    for base, knuckle in zip(BASES, KNUCKLES):
        rows.append((base, knuckle, 11.5, 9.8))
        rows.append((base + palm, 0.85 * knuckle + palm, 9.5, 8.5))
    rows.append((THUMB[0] + [-3, 4, 0], fingers[0].joints[1], 15.0, 11.0))
    rows.append((np.array([-14.0, 12, -9]), np.array([-28.0, 56, -9]), 11.5, 9.5))
    way = elbow / np.linalg.norm(elbow)
    side = np.array([1.0, 0, 0]) - way * way[0]
    side /= np.linalg.norm(side)
    for sign in (-1, 1):
        start = np.array([0, 8.0, -2]) + sign * 9.5 * side
        wrist = 25 * way + sign * 9.0 * side
        rows.append((start, wrist, FOREARM_MM[0], FOREARM_MM[0]))
        rows.append((wrist, ARM_MM * way + sign * 10 * side, *FOREARM_MM[1:]))
    a, b, ra, rb = (np.array(values) for values in zip(*rows))
    return Cones(a, b, slim * ra, slim * rb)


def _palmar(vertices: np.ndarray, fingers: list[_Finger]) -> np.ndarray:
    """(v,) 1 on the side of the palm: in front of the nearest bone's back."""
    nearest = np.full(len(vertices), np.inf)
    side = np.clip(0.5 - (vertices[:, 2] + 3) / 14, 0, 1)
    for finger in fingers:
        for k in range(3):
            a, b = finger.joints[k], finger.joints[k + 1]
            along = (b - a) / np.linalg.norm(b - a)
            back = finger.back - along * (finger.back @ along)
            if k < 2 and finger is not fingers[0]:
                back = np.cross(np.cross(along, [0.0, 0, 1.0]) + 1e-9, along)
            back /= max(np.linalg.norm(back), 1e-9)
            share = np.clip((vertices - a) @ along / np.linalg.norm(b - a), 0, 1)
            offset = vertices - (a + share[:, None] * (b - a))
            distance = np.linalg.norm(offset, axis=1)
            closer = (distance < nearest) & (distance < 13)
            side = np.where(closer, np.clip(0.5 - offset @ back / 9, 0, 1), side)
            nearest = np.minimum(nearest, distance)
    return side


def _nails(fingers: list[_Finger], scale: float, slim: float) -> tuple[np.ndarray, np.ndarray]:
    """Flat caps on the backs of the finger tips."""
    vertices, triangles, n = [], [], 0
    for finger in fingers:
        a, b = finger.joints[2:4]
        along = (b - a) / np.linalg.norm(b - a)
        radius = slim * finger.radii[3]
        half = NAIL_MM[1] * radius * 1.35
        middle = b - along * (radius * 0.95) + finger.back * radius * 0.93
        path = middle + np.linspace(-half, half, 7)[:, None] * (along - 0.10 * finger.back)
        wide = NAIL_MM[0] * radius * np.array([0.72, 0.92, 1, 1, 0.98, 0.9, 0.6])
        section = np.stack([wide, np.full(7, 0.16 * radius)], axis=1)
        points, cells = swept(path, section, 12, finger.back, squareness=2.4, cap=2)
        vertices.append(points)
        triangles.append(cells + n)
        n += len(points)
    return scale * np.concatenate(vertices), np.concatenate(triangles)


def skin_of(hand: Hand, skin_rgb: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(v, 3) linear RGB: redder over the joints, lighter on the palm, slightly mottled."""
    red = np.array([1.0, 0.80, 0.80])
    light = np.clip(skin_rgb, 0, 1) ** np.array([0.75, 0.78, 0.80])
    colour = np.outer(np.ones(len(hand.vertices)), skin_rgb)
    colour = colour * (1 - 0.8 * hand.palmar[:, None]) + 0.8 * light * hand.palmar[:, None]
    colour = colour * red ** (0.9 * hand.redness[:, None])
    veins = smooth_noise(hand.vertices, 18.0, chance, 12)
    return np.clip(colour * np.exp(0.04 * veins)[:, None], 0, 1)
