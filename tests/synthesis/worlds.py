"""Small worlds that tests draw from."""

from lib.synthesis import SynthesisOptions

PHOTOS = SynthesisOptions(height_px=128, width_px=128, texture_px=256, maps_px=128, things=0.0)
RIG = SynthesisOptions(
    kind="triple", height_px=160, width_px=160, texture_px=512, maps_px=256, mesh_level=2
)
