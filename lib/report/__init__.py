"""What a run made and how each capture ended: a page for people, a table for programs."""

from lib.report.options import ReportOptions
from lib.report.provenance import write_run_provenance
from lib.report.scores import collect_scores, write_scoreboard_page
from lib.report.status import COLUMNS, StatusRow, collect_status, read_status, write_status
from lib.report.summary import summary
from lib.report.timings import JobTime, RuleTime, read_timings, sum_by_rule, write_timings
from lib.report.verify import Finding, verify_artefacts, verify_heads
from lib.report.write import write_report

__all__ = [
    "COLUMNS",
    "Finding",
    "JobTime",
    "ReportOptions",
    "RuleTime",
    "StatusRow",
    "collect_scores",
    "collect_status",
    "read_status",
    "read_timings",
    "sum_by_rule",
    "summary",
    "verify_artefacts",
    "verify_heads",
    "write_report",
    "write_run_provenance",
    "write_scoreboard_page",
    "write_status",
    "write_timings",
]
