"""Captures of made-up people with exact truth, each made again from seed and index alone."""

from lib.synthesis.draw import SyntheticCapture, capture_name, draw_capture
from lib.synthesis.light import Environment, draw_environment
from lib.synthesis.options import SynthesisOptions
from lib.synthesis.person import Person, draw_person
from lib.synthesis.photo import PhotoTruth, SyntheticPhoto, render_photo
from lib.synthesis.shards import join_samples, shard_items, write_photos, write_shard
from lib.synthesis.shot import Shot, ShotOptions, draw_shot
from lib.synthesis.studio import Studio, open_studio

__all__ = [
    "Environment",
    "Person",
    "PhotoTruth",
    "Shot",
    "ShotOptions",
    "Studio",
    "SynthesisOptions",
    "SyntheticCapture",
    "SyntheticPhoto",
    "capture_name",
    "draw_capture",
    "draw_environment",
    "draw_person",
    "draw_shot",
    "join_samples",
    "open_studio",
    "render_photo",
    "shard_items",
    "write_photos",
    "write_shard",
]
