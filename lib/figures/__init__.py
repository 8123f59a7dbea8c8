"""Pictures for people: one per stage and capture, and contact sheets of them."""

from lib.figures.batches import NEEDS, TITLES, stage_sheet
from lib.figures.heat import draw_errors, preferred_alignment, shown_head, shown_measure
from lib.figures.measured import draw_base, draw_surface
from lib.figures.rigs import draw_rig
from lib.figures.sheets import contact_sheet
from lib.figures.stages import (
    draw_detection,
    draw_fit,
    draw_head,
    draw_landmarks,
    draw_parts,
    draw_photo,
    draw_skin,
    draw_texture,
)
from lib.figures.synthetic import synthetic_sheet, truth_layers

__all__ = [
    "NEEDS",
    "TITLES",
    "contact_sheet",
    "draw_base",
    "draw_detection",
    "draw_errors",
    "draw_fit",
    "draw_head",
    "draw_landmarks",
    "draw_parts",
    "draw_photo",
    "draw_rig",
    "draw_skin",
    "draw_surface",
    "draw_texture",
    "preferred_alignment",
    "shown_head",
    "shown_measure",
    "stage_sheet",
    "synthetic_sheet",
    "truth_layers",
]
