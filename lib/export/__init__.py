"""Finished heads as files that other programs open."""

from lib.export.head import FILES, HeadExporter
from lib.export.options import ExportOptions

__all__ = ["FILES", "ExportOptions", "HeadExporter"]
