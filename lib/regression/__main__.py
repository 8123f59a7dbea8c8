"""Tools about coefficient regressors.

python -m lib.regression show net_recon.pth
python -m lib.regression export-onnx net_recon.pth net_recon.onnx
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lib.errors import VisagraphError
from lib.geometry.orthographic import CROP_PX
from lib.networks.checkpoints import count_parameters
from lib.networks.regressor import load_regressor
from lib.regression.coarse import CoarseRegressor, coarse_regressor
from lib.regression.onnx import export_onnx


def main(words: list[str] | None = None) -> int:
    """Run the command; 1 when it was refused."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.regression",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="tell what network a checkpoint holds")
    export = verbs.add_parser("export-onnx", help="write a checkpoint as an ONNX file")
    for verb in (show, export):
        verb.add_argument("weights", type=Path, help="checkpoint: published, or of train_coarse")
    export.add_argument("output", type=Path, help=".onnx file to write")
    given = parser.parse_args(words)
    try:
        network = coarse_regressor(given.weights)
        if network is not None:
            return _show_coarse(network, given)
        network = load_regressor(given.weights)
        if given.verb == "export-onnx":
            export_onnx(network, given.output)
    except (VisagraphError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    sizes = " + ".join(map(str, network.layout.sizes))
    print(
        f"{type(network.backbone).__name__}, {count_parameters(network)} parameters, crops of "
        f"{network.input_px} px, {network.layout.total} coefficients ({sizes})"
    )
    return 0


def _show_coarse(network: CoarseRegressor, given: argparse.Namespace) -> int:
    if given.verb != "show":
        print(
            f"{given.weights} is a network of the detail layer; only those of Deep3DFaceRecon's "
            "and 3DDFA_V3's kind are written as ONNX files.",
            file=sys.stderr,
        )
        return 1
    side, sizes = network.network.encoder.side, " + ".join(map(str, network.layout.sizes))
    print(
        f"VggFace, {count_parameters(network)} parameters, crops of {CROP_PX} px reduced to "
        f"{side}, {network.layout.total} coefficients ({sizes})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
