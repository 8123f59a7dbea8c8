"""Finished heads as files that other programs open."""

from lib.export.head import FILES, export_head
from lib.export.options import ExportOptions

__all__ = ["FILES", "ExportOptions", "export_head"]
