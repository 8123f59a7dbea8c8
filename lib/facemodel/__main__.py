"""Compare head models with published surveys, and convert models that you have."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lib.facemodel.anthropometry import SOURCES, comparison_table
from lib.facemodel.ict import ict_model, read_ict_checkout, read_ict_development_copy
from lib.facemodel.load import DEFAULT_MODEL, RESOURCES, load_face_model
from lib.facemodel.schema import Provenance, write_face_model


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lib.facemodel", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    compare = verbs.add_parser("compare", help="distances of a model beside published ones")
    compare.add_argument(
        "model",
        nargs="?",
        default=DEFAULT_MODEL,
        help="name or .h5 file of a head model (default: %(default)s)",
    )
    convert = verbs.add_parser("convert-ict", help="ICT-FaceKit to a head model file")
    convert.add_argument("source", help="checkout of ICT-FaceKit, or its development copy (.h5)")
    convert.add_argument(
        "--output",
        default=str(RESOURCES / "ict.h5"),
        help="file to write (default: %(default)s, which the name `ict` finds)",
    )
    options = parser.parse_args(arguments)
    if options.verb == "compare":
        lines = [comparison_table(load_face_model(options.model)), ""]
        lines += [f"{key}: {text}" for key, text in SOURCES.items()]
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        convert_ict(options.source, options.output)
        sys.stdout.write(f"{options.output}\n")


def convert_ict(source: str | Path, output: str | Path) -> None:
    """Write the head model of an ICT-FaceKit checkout or of its development copy.

    Raises:
        MissingModelError: a file of the source is missing.
    """
    source = Path(source)
    read = read_ict_development_copy if source.suffix == ".h5" else read_ict_checkout
    arrays = read(source)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    provenance = Provenance(
        created_by="python -m lib.facemodel convert-ict",
        copyright="Copyright (c) 2020 USC Institute for Creative Technologies",
        licence_text=arrays.licence_text,
    )
    write_face_model(output, ict_model(arrays), provenance=provenance, half_precision=True)


if __name__ == "__main__":
    main(sys.argv[1:])
