"""Pictures for people: one per stage and capture, and contact sheets of them."""

from lib.figures.batches import NEEDS, TITLES, stage_sheet
from lib.figures.sheets import contact_sheet
from lib.figures.stages import (
    draw_detection,
    draw_fit,
    draw_head,
    draw_landmarks,
    draw_photo,
    draw_skin,
    draw_texture,
)

__all__ = [
    "NEEDS",
    "TITLES",
    "contact_sheet",
    "draw_detection",
    "draw_fit",
    "draw_head",
    "draw_landmarks",
    "draw_photo",
    "draw_skin",
    "draw_texture",
    "stage_sheet",
]
