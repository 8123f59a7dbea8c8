"""Which photos there are and which batch each belongs to. Imports nothing but the standard library
and, for a sample sheet, jsonschema and yaml: the Snakefile imports this room while it is parsed."""

from lib.planning.captures import scan_captures
from lib.planning.ledger import Ledger, Row, assign, batch_digest, read_ledger, update_ledger
from lib.planning.samples import Sample, read_samples, scan_photos
from lib.planning.sources import find_samples

__all__ = [
    "Ledger",
    "Row",
    "Sample",
    "assign",
    "batch_digest",
    "find_samples",
    "read_ledger",
    "read_samples",
    "scan_captures",
    "scan_photos",
    "update_ledger",
]
