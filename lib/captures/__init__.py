"""The import stage: photos and known cameras to captures."""

from lib.captures.importing import ImportOptions, import_capture

__all__ = ["ImportOptions", "import_capture"]
