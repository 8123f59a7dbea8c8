"""Settings of a synthetic world; equal to section `synthesis` of the config schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["photo", "phone_arc", "triple", "quad", "octet", "deca", "hexadeca", "facescape"]

Expressions = Literal[
    "usual", "closed_eyes", "mouth_open", "frown", "mouth_open_closed_eyes", "twisted_mouth",
    "nose", "balanced",
]  # fmt: skip


@dataclass(frozen=True)
class SynthesisOptions:
    """What is drawn, and how finely.

    Args:
        kind: `photo` = one view with any light and any sensor; `phone_arc` = frames along an arc;
            the others = calibrated rigs of 3, 4, 8, 10, 16 and 68 views under studio light.
        seed: of the world; item i of a world is the same whatever else is made.
        count: number of captures.
        shard_size: captures per file.
        captures_per_subject: captures that share one person.
        height_px: of each picture; 0 = as the kind has it.
        width_px: likewise.
        texture_px: side of the skin's maps; 0 = as fine as the pictures need.
        maps_px: side of the surface maps in the truth.
        mesh_level: times that each triangle of the head is cut into four; from 2 on, relief is
            geometry. -1 = as the kind needs.
        supersample: sub-pixels per pixel along each axis.
        identity_sigma: spread of the identity coefficients about the average person.
        free_form_mm: rms of the shape that no coefficient can say; 0 = the model can take it.
        expression: factor on expressions.
        expressions: what faces do: `usual` = what they do in photos; `balanced` = that and each of
            the other sets in turn.
        relief: factor on pores, wrinkles and lip lines.
        wrinkles: factor on the depth of wrinkles alone; deeper ones are wider, too.
        freckles: least share 0..1 of the most freckles that skin of a tone has; 0 = by chance.
        yaw_deg: largest turn of the head in single photos; most are within half of it.
        things: share of single photos with glasses, a hat or a hand before the face, each.
    """

    kind: Kind = "photo"
    seed: int = 0
    count: int = 256
    shard_size: int = 64
    captures_per_subject: int = 1
    height_px: int = 0
    width_px: int = 0
    texture_px: int = 0
    maps_px: int = 256
    mesh_level: int = -1
    supersample: int = 2
    identity_sigma: float = 0.9
    free_form_mm: float = 0.8
    expression: float = 1.0
    expressions: Expressions = "usual"
    relief: float = 1.0
    wrinkles: float = 1.0
    freckles: float = 0.0
    yaw_deg: float = 90.0
    things: float = 0.15
