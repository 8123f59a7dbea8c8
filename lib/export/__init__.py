"""Finished heads as files that other programs open."""

from lib.export.appearance import Appearance
from lib.export.head import FILES, MEASURED_FILES, HeadExporter
from lib.export.measured import Measured
from lib.export.options import ExportOptions
from lib.export.provenance import PROVENANCE, origins, photo_table, write_provenance
from lib.export.published import PublishedExporter, PublishedInputs

__all__ = [
    "FILES",
    "MEASURED_FILES",
    "PROVENANCE",
    "Appearance",
    "ExportOptions",
    "HeadExporter",
    "Measured",
    "PublishedExporter",
    "PublishedInputs",
    "origins",
    "photo_table",
    "write_provenance",
]
