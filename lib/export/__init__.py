"""Finished heads as files that other programs open."""

from lib.export.head import FILES, MEASURED_FILES, HeadExporter
from lib.export.measured import Measured
from lib.export.options import ExportOptions

__all__ = ["FILES", "MEASURED_FILES", "ExportOptions", "HeadExporter", "Measured"]
