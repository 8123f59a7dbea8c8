"""Files as Deep3DFaceRecon and 3DDFA_V3 write them, from any fit and any head model."""

from lib.export.published.write import PublishedExporter, PublishedInputs

__all__ = ["PublishedExporter", "PublishedInputs"]
