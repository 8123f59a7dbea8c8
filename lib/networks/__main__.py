"""Turn published files into weights that networks here take.

python -m lib.networks import ckpt/coarse-131000 resources/weights/detail_layer
python -m lib.networks import ckpt/fine-10000 resources/weights/detail_layer
python -m lib.networks import resources/vgg-face.mat resources/weights/detail_layer

The first two are checkpoints of TensorFlow by their prefix, the third is VGG-Face of MatConvNet.

python -m lib.networks plain old.pth new.pth

takes the numbers out of a file of PyTorch that holds objects of other programs; none is run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from lib.errors import VisagraphError
from lib.log import FORMAT
from lib.networks.import_tf import import_weights
from lib.networks.plain_weights import write_plain_weights


def main(words: list[str] | None = None) -> int:
    """Run the command; 1 when it was refused."""
    parser = argparse.ArgumentParser(
        prog="python -m lib.networks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("import", "plain"))
    parser.add_argument("source", help="prefix of a TensorFlow checkpoint, vgg-face.mat, or file")
    parser.add_argument("target", type=Path, help="folder for weights and cards; plain: a file")
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    try:
        if given.command == "plain":
            print(f"{len(write_plain_weights(given.source, given.target))} tensors")
            return 0
        for path in import_weights(given.source, given.target):
            print(path)
    except (VisagraphError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
