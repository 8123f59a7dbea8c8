"""Hairstyles by their numbers, and how often they are worn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class HairStyle:
    """What a style is; lengths are of full strands, before edges and chance shorten them.

    Args:
        name: of the style.
        comb: the way of the hair on top.
        top_mm: length on the top.
        side_mm: length at the sides.
        back_mm: length at the back.
        edge_mm: length at the ears and the nape.
        edge_slope: mm of length gained per mm from there.
        hem_mm: height over the chin where long hair ends; None = lengths as above.
        part_mm: x of the parting; its sign is the side of the whorl.
        sides_back: 0 = sides hang .. 1 = are combed back.
        volume_mm: height of the outermost strands over the scalp.
        rise: 0 = lies flat .. 1 = stands.
        follow: 1/mm, how fast strands turn along the comb.
        weight: 1/mm, how fast they turn down.
        over_ears: 0 = behind or above the ears .. 1 = hides them.
        clump_coarse: how far locks of a finger's width close.
        clump_fine: how far locks of a few strands close.
        wave_mm: amplitude of waves.
        wavelength_mm: of the waves.
        coil: 0 = flat waves .. 1 = curls.
        locks_apart: 0 = all wave together .. 1 = each lock by itself.
        own_phase: 0 = a lock's strands wave as one .. 2 = each by itself.
        frizz: random bending as a share of the length.
        tousle: random turns of the comb.
        uneven: random lengths from place to place.
        layers: random lengths from strand to strand.
        strays: share of strands that stick out.
        fringe_mm: length of a fringe.
        fringe_up_mm: mm above the brows that a long fringe ends.
        fringe_deep: mm behind the hairline that the fringe begins; 0 = none.
        fringe_wide: mm to each side of the middle.
        fringe_side: how far the fringe is swept to a side.
        knot: (3,) way from the middle of the head to a tail or bun.
        knot_mm: its radius.
        wound: share of the strands that stay in it.
        hold: 1/mm, how fast strands turn back to their height over the scalp.
        cover: how dark the roots make the scalp.
        fade: how far the scalp shows through short sides.
        thickness: of strands over what covers the scalp.
        colour_spread: of the logarithm of strands' brightness.
        hairline_up: mm that the hairline has receded in front.
        temples: mm that it has receded in the corners.
        balding: 0..1 of hairs lost on the crown.
        points_factor: points of a strand over the usual number.
    """

    name: str
    comb: str = "whorl"
    top_mm: float = 30.0
    side_mm: float = 15.0
    back_mm: float = 15.0
    edge_mm: float = 4.0
    edge_slope: float = 0.4
    hem_mm: float | None = None
    part_mm: float = 12.0
    sides_back: float = 0.3
    volume_mm: float = 8.0
    rise: float = 0.4
    follow: float = 0.08
    weight: float = 0.004
    over_ears: float = 0.0
    clump_coarse: float = 0.25
    clump_fine: float = 0.45
    wave_mm: float = 0.0
    wavelength_mm: float = 40.0
    coil: float = 0.0
    locks_apart: float = 1.0
    own_phase: float = 0.25
    frizz: float = 0.025
    tousle: float = 0.12
    uneven: float = 0.08
    layers: float = 0.35
    strays: float = 0.05
    fringe_mm: float = 60.0
    fringe_up_mm: float = 6.0
    fringe_deep: float = 0.0
    fringe_wide: float = 45.0
    fringe_side: float = 0.2
    knot: tuple[float, float, float] = (0.0, 0.2, -1.1)
    knot_mm: float = 12.0
    wound: float = 0.0
    hold: float = 0.12
    cover: float = 0.9
    fade: float = 0.0
    thickness: float = 1.0
    colour_spread: float = 0.22
    hairline_up: float = 0.0
    temples: float = 0.0
    balding: float = 0.0
    points_factor: float = 1.0


STYLES = (
    HairStyle("bald"),
    HairStyle(
        "buzz", top_mm=5, side_mm=3, back_mm=3, edge_mm=1.5, edge_slope=0.1, volume_mm=2,
        rise=0.6, cover=0.78, fade=0.3, thickness=0.5, clump_fine=0, clump_coarse=0,
        frizz=0.02, hold=0, points_factor=0.5,
    ),
    HairStyle(
        "short crop", top_mm=26, side_mm=9, back_mm=10, edge_mm=2.5, edge_slope=0.16, rise=0.35,
        volume_mm=6, fade=0.3, fringe_mm=26, fringe_deep=14, fringe_side=0.3, follow=0.12,
        tousle=0.2,
    ),
    HairStyle(
        "textured", top_mm=55, side_mm=14, back_mm=14, edge_mm=3, edge_slope=0.25, rise=0.5,
        volume_mm=15, tousle=0.24, clump_coarse=0.5, clump_fine=0.6, fade=0.3, wave_mm=2.5,
        wavelength_mm=45, uneven=0.12, follow=0.1, hold=0.1,
    ),
    HairStyle(
        "side part", comb="part", top_mm=85, side_mm=26, back_mm=20, edge_mm=4, edge_slope=0.35,
        part_mm=30, volume_mm=13, rise=0.35, sides_back=0.6, weight=0.006, follow=0.15,
        hold=0.16, tousle=0.08, fade=0.15,
    ),
    HairStyle(
        "swept back", comb="back", top_mm=110, side_mm=50, back_mm=45, edge_mm=8, edge_slope=0.8,
        sides_back=0.9, volume_mm=14, rise=0.5, weight=0.004, follow=0.16, hold=0.16,
        tousle=0.08,
    ),
    HairStyle(
        "medium wavy", comb="part", hem_mm=-45, top_mm=190, part_mm=22,
        volume_mm=17, rise=0.4, weight=0.02, over_ears=0.8,
        wave_mm=6, wavelength_mm=65, coil=0.5, locks_apart=0.5, sides_back=0.2, layers=0.3,
        frizz=0.012,
        clump_coarse=0.5, points_factor=1.5,
    ),
    HairStyle(
        "bob", comb="part", hem_mm=5, top_mm=230, part_mm=8,
        volume_mm=14, rise=0.3, weight=0.03, over_ears=1, sides_back=0.0, layers=0.1,
        wave_mm=1.5, wavelength_mm=120, clump_coarse=0.25, frizz=0.012, points_factor=1.5,
        tousle=0.06, strays=0.03,
    ),
    HairStyle(
        "long straight", comb="part", hem_mm=-190, top_mm=400, part_mm=5,
        volume_mm=11, rise=0.28, weight=0.03, over_ears=0.9,
        sides_back=0.05, layers=0.25, wave_mm=2.0, wavelength_mm=160, clump_coarse=0.4,
        frizz=0.01, points_factor=1.75, tousle=0.06, strays=0.03,
    ),
    HairStyle(
        "long wavy", comb="part", hem_mm=-200, top_mm=400, part_mm=12,
        volume_mm=17, rise=0.35, weight=0.025, over_ears=0.9,
        sides_back=0.15, layers=0.3, wave_mm=10, wavelength_mm=95, coil=0.7, locks_apart=0.4,
        clump_coarse=0.65, clump_fine=0.6, frizz=0.012, points_factor=2.0, tousle=0.08,
    ),
    HairStyle(
        "curly", comb="part", top_mm=120, side_mm=95, back_mm=90, edge_mm=40, edge_slope=1.4,
        part_mm=20, volume_mm=26, rise=0.75, weight=0.012, over_ears=0.9, wave_mm=6,
        wavelength_mm=26, coil=1, clump_coarse=0.35, clump_fine=0.8, tousle=0.3, frizz=0.03,
        own_phase=0.35, uneven=0.12, strays=0.04, sides_back=0.4, points_factor=2, hold=0.06,
        layers=0.3,
    ),
    HairStyle(
        "afro", comb="out", top_mm=52, side_mm=46, back_mm=46, edge_mm=12, edge_slope=1.6,
        volume_mm=45, rise=0.85, follow=0.0, weight=0.0, wave_mm=4.5, wavelength_mm=15, coil=1,
        clump_coarse=0.05, clump_fine=0.3, tousle=0.5, frizz=0.06, own_phase=1.6, strays=0,
        layers=0.35, uneven=0.04, points_factor=2, hold=0, thickness=1.2,
    ),
    HairStyle(
        "short curls", comb="whorl", top_mm=20, side_mm=9, back_mm=9, edge_mm=2, edge_slope=0.15,
        volume_mm=9, rise=0.7, weight=0.0, wave_mm=1.8, wavelength_mm=7, coil=1, frizz=0.05,
        own_phase=1.2, clump_coarse=0.2, clump_fine=0.6, tousle=0.4, fade=0.3, cover=0.92,
        hold=0.05,
    ),
    HairStyle(
        "ponytail", comb="knot", top_mm=330, side_mm=310, back_mm=260, edge_mm=300, edge_slope=0.2,
        volume_mm=5, rise=0.12, follow=0.2, weight=0.0, clump_coarse=0.3, frizz=0.004,
        layers=0.15, strays=0.03, tousle=0.03, knot=(0.0, 0.25, -1.0), points_factor=2.0,
        uneven=0.02,
    ),
    HairStyle(
        "bun", comb="knot", top_mm=300, side_mm=280, back_mm=240, edge_mm=280, edge_slope=0.2,
        volume_mm=4, rise=0.1, follow=0.2, weight=0.0, clump_coarse=0.3, frizz=0.004,
        layers=0.15, strays=0.03, tousle=0.03, knot=(0.0, 0.7, -0.75), knot_mm=24, wound=1.0,
        points_factor=2.0, uneven=0.02,
    ),
)  # fmt: skip
SHARES = {
    "bald": 0.04, "buzz": 0.09, "short crop": 0.12, "textured": 0.1, "side part": 0.11,
    "swept back": 0.08, "medium wavy": 0.08, "bob": 0.05, "long straight": 0.08,
    "long wavy": 0.08, "curly": 0.06, "afro": 0.03, "short curls": 0.03, "ponytail": 0.03,
    "bun": 0.02,
}  # fmt: skip


def style_named(name: str) -> HairStyle:
    """The style of that name at its usual numbers."""
    return next(style for style in STYLES if style.name == name)


def draw_style(chance: np.random.Generator, age: float) -> HairStyle:
    """A style by how often it is worn, with its numbers varied."""
    weights = np.array([SHARES[style.name] for style in STYLES])
    style = STYLES[chance.choice(len(STYLES), p=weights / weights.sum())]
    return varied(style, chance, age)


def varied(style: HairStyle, chance: np.random.Generator, age: float) -> HairStyle:
    """The style as one person of that age wears it."""
    longer = np.exp(0.18 * chance.standard_normal())
    side, fringe, bald = chance.random(3)
    old = np.clip((age - 28) / 45, 0, 1)
    short = style.top_mm < 120
    losing = short and bald < 0.15 + 0.35 * old
    changes = {
        name: getattr(style, name) * longer
        for name in ("top_mm", "side_mm", "back_mm", "fringe_mm")
    }
    for name in ("volume_mm", "rise", "wave_mm", "wavelength_mm", "tousle", "clump_coarse"):
        changes[name] = getattr(style, name) * np.exp(0.2 * chance.standard_normal())
    if style.hem_mm is not None:
        changes["hem_mm"] = style.hem_mm + chance.normal(0, 14 if style.name == "bob" else 30)
    changes["rise"] = min(changes["rise"], 0.9)
    changes["part_mm"] = (style.part_mm + chance.normal(0, 4)) * (1 if side < 0.5 else -1)
    changes["hairline_up"] = chance.normal(0, 3.5) + (14 * old * losing)
    changes["temples"] = max(chance.normal(3, 3), -2) * short + 22 * old * losing
    changes["balding"] = float(losing) * np.clip(1.6 * old - 0.2, 0, 0.97)
    wants = style.name in ("medium wavy", "bob", "long straight") and fringe < 0.3
    if wants:
        changes["fringe_deep"] = chance.uniform(32, 50)
        changes["fringe_up_mm"] = chance.uniform(-6, 12)
        changes["fringe_side"] = chance.normal(0, 0.3)
    return replace(style, **changes)
