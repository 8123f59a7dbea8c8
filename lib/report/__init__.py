"""What a run made and how each capture ended: a page for people, a table for programs."""

from lib.report.options import ReportOptions
from lib.report.scores import collect_scores, write_scoreboard_page
from lib.report.status import COLUMNS, StatusRow, collect_status, read_status, write_status
from lib.report.summary import summary
from lib.report.timings import JobTime, RuleTime, read_timings, sum_by_rule, write_timings
from lib.report.write import write_report

__all__ = [
    "COLUMNS",
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
    "write_report",
    "write_scoreboard_page",
    "write_status",
    "write_timings",
]
