"""Captures of made-up people with exact truth, each made again from seed and index alone."""

from lib.synthesis.draw import SyntheticCapture, capture_name, draw_capture
from lib.synthesis.options import SynthesisOptions
from lib.synthesis.shards import join_samples, shard_items, write_photos, write_shard
from lib.synthesis.studio import Studio, open_studio

__all__ = [
    "Studio",
    "SynthesisOptions",
    "SyntheticCapture",
    "capture_name",
    "draw_capture",
    "join_samples",
    "open_studio",
    "shard_items",
    "write_photos",
    "write_shard",
]
