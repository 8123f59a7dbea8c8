"""Files as Deep3DFaceRecon, 3DDFA_V3 and the detail layer write them, from any fit and head."""

from lib.export.published.write import PublishedExporter, PublishedInputs

__all__ = ["PublishedExporter", "PublishedInputs"]
