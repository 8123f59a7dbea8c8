"""Score a benchmark whose folder you have, for the scoreboard.

python -m lib.evaluation benchmark now FOLDER --predictions heads --out now.tsv
snakemake --cores 1 scoreboard --config evaluation='{benchmarks: [now.tsv]}'
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.errors import VisagraphError
from lib.evaluation.benchmark import BENCHMARKS, benchmark_rows
from lib.evaluation.scoreboard import write_rows
from lib.facemodel import DEFAULT_MODEL, load_face_model


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 = done, 2 = something is missing or of another form."""
    options = _parser().parse_args(arguments)
    try:
        model = load_face_model(options.face_model)
        folder, predictions = Path(options.folder), Path(options.predictions)
        rows = list(benchmark_rows(options.kind, folder, predictions, model))
        write_rows(options.out, rows)
    except VisagraphError as error:
        print(error, file=sys.stderr)
        return 2
    items = {row.capture for row in rows if row.capture}
    lost = sum(row.outcome != "ok" for row in rows)
    print(f"{options.out}: {len(items)} items, {lost} of them without a prediction")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.evaluation",
        description="Score a benchmark whose folder you have, for the scoreboard.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verb = verbs.add_parser(
        "benchmark",
        help="score the predictions for a benchmark",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="what the folder of predictions holds:\n"
        + "\n".join(f"  {kind:10s} {words}" for kind, (_, words) in BENCHMARKS.items()),
    )
    verb.add_argument("kind", choices=BENCHMARKS, help="which benchmark")
    verb.add_argument("folder", help="the data set as it unpacks")
    verb.add_argument("--predictions", required=True, help="folder of predictions")
    verb.add_argument("--out", required=True, help="table to write, for evaluation.benchmarks")
    verb.add_argument(
        "--face-model",
        default=DEFAULT_MODEL,
        help="whose mean face and average person are scored too (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
