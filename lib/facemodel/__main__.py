"""Compare head models with published surveys, and convert models that you have."""

from __future__ import annotations

import argparse
import sys

from lib.facemodel.anthropometry import SOURCES, comparison_table
from lib.facemodel.converters import CONVERTERS, convert_model
from lib.facemodel.load import DEFAULT_MODEL, RESOURCES, load_face_model
from lib.facemodel.schema import model_source


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
    for kind, converter in CONVERTERS.items():
        convert = verbs.add_parser(f"convert-{kind}", help=f"{converter.title} to a model file")
        convert.add_argument("source", help=converter.source)
        convert.add_argument(
            "--output",
            default=str(RESOURCES / f"{kind}.h5"),
            help=f"file to write (default: %(default)s, which the name `{kind}` finds)",
        )
        convert.set_defaults(kind=kind)
    options = parser.parse_args(arguments)
    if options.verb == "compare":
        lines = [comparison_table(load_face_model(options.model)), ""]
        lines += [f"{key}: {text}" for key, text in SOURCES.items()]
    else:
        stale = convert_model(options.kind, options.source, options.output)
        lines = [options.output, model_source(options.output)]
        lines += [f"{path} was found on another mesh: delete it" for path in stale]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
