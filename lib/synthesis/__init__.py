"""Heads of any face model as photos with exact truth, each made again from (seed, index) alone."""

from lib.synthesis.light import Environment, draw_environment
from lib.synthesis.person import Person, draw_person
from lib.synthesis.photo import PhotoTruth, SyntheticPhoto, render_photo
from lib.synthesis.shot import Shot, ShotOptions, draw_shot

__all__ = [
    "Environment",
    "Person",
    "PhotoTruth",
    "Shot",
    "ShotOptions",
    "SyntheticPhoto",
    "draw_environment",
    "draw_person",
    "draw_shot",
    "render_photo",
]
