"""Whether results are still as a run made them.

python -m lib.report verify results
python -m lib.report verify --artefacts results
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.errors import VisagraphError
from lib.report.verify import verify_artefacts, verify_heads


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 = all as it was, 1 = something is not, 2 = it cannot be told."""
    options = _parser().parse_args(arguments)
    try:
        return _verify(options.results, options.artefacts)
    except VisagraphError as error:
        print(error, file=sys.stderr)
        return 2


def _verify(results: Path, artefacts: bool) -> int:
    checks = [verify_heads(results), verify_artefacts(results) if artefacts else ()]
    good = bad = 0
    for finding in itertools.chain(*checks):
        if finding is None:
            good += 1
            continue
        bad += 1
        print(finding)
    print(f"{good} {'heads and artefacts' if artefacts else 'heads'} as they were, {bad} findings")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.report", description="Whether results are still as a run made them."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verb = verbs.add_parser("verify", help="check the files of all heads against their hashes")
    verb.add_argument("results", type=Path, metavar="RESULTS", help="results folder")
    verb.add_argument("--artefacts", action="store_true", help="also read every artefact")
    return parser


if __name__ == "__main__":
    sys.exit(main())
