"""Which photos there are and which batch each belongs to. Imports nothing but the standard library
and, for a sample sheet, jsonschema and yaml: the Snakefile imports this room while it is parsed."""

from lib.planning.captures import scan_captures
from lib.planning.ledger import Ledger, Row, assign, batch_digest, read_ledger, update_ledger
from lib.planning.run import Plan, plan_job, plan_run
from lib.planning.samples import Sample, scan_photos
from lib.planning.sheet import read_samples
from lib.planning.sources import find_samples

__all__ = [
    "Ledger",
    "Plan",
    "Row",
    "Sample",
    "assign",
    "batch_digest",
    "find_samples",
    "plan_job",
    "plan_run",
    "read_ledger",
    "read_samples",
    "scan_captures",
    "scan_photos",
    "update_ledger",
]
