"""Look inside the files under results/ without writing code.

python -m lib.artefacts show results/b0001/fit.h5
python -m lib.artefacts diff results/b0001/fit.h5 before/b0001/fit.h5
python -m lib.artefacts docs > docs/artefacts.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lib.artefacts import ARTEFACTS
from lib.artefacts.contents import differences, docs_page, show
from lib.errors import ArtefactError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 = done and no difference, 1 = files differ, 2 = a file cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "show":
            print("\n\n".join(show(file, options.capture) for file in options.files))
        elif options.verb == "docs":
            print(docs_page(ARTEFACTS), end="")
        else:
            return _print_differences(options.first, options.second, options.rows)
    except ArtefactError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _print_differences(first: str, second: str, rows: int) -> int:
    found = differences(first, second)
    for item in found[:rows]:
        size = "" if item.size == float("inf") else f"{item.size:.3g} {item.unit}, "
        print(f"{item.place}: {size}{item.words}")
    if len(found) > rows:
        print(f"and {len(found) - rows} more")
    if not found:
        print("no difference")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.artefacts",
        description="Look inside the files under results/ without writing code.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verb = verbs.add_parser("show", help="list the arrays in a file with shapes and units")
    verb.add_argument("files", nargs="+", metavar="FILE", help="artefact file")
    verb.add_argument("--capture", help="whose arrays (default: those of the first capture)")
    verb = verbs.add_parser(
        "diff", help="compare two files array by array, largest difference first"
    )
    verb.add_argument("first", metavar="FILE", help="artefact file")
    verb.add_argument("second", metavar="FILE", help="artefact file")
    verb.add_argument("--rows", type=int, default=40, help="rows to print (default: 40)")
    verbs.add_parser("docs", help="print docs/artefacts.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
