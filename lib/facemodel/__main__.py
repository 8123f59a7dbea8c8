"""Compare a head model's distances with published surveys: `python -m lib.facemodel [MODEL]`."""

from __future__ import annotations

import argparse
import sys

from lib.facemodel.anthropometry import SOURCES, comparison_table
from lib.facemodel.load import DEFAULT_MODEL, load_face_model


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.facemodel", description=__doc__)
    parser.add_argument(
        "model",
        nargs="?",
        default=DEFAULT_MODEL,
        help="name or .h5 file of a head model (default: %(default)s)",
    )
    model = load_face_model(parser.parse_args(arguments).model)
    lines = [comparison_table(model), "", *(f"{key}: {text}" for key, text in SOURCES.items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
