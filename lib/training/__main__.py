"""Train from a command line, in one process or in several.

python -m lib.training implicit out --configfile my.yaml
torchrun --nproc-per-node 4 -m lib.training implicit out --configfile my.yaml
torchrun --nproc-per-node 4 -m lib.training coarse out --configfile my.yaml
torchrun --nproc-per-node 4 -m lib.training detail_coarse out --configfile my.yaml
torchrun --nproc-per-node 4 -m lib.training highlights out --configfile my.yaml
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from lib.devices import pick_device
from lib.errors import VisagraphError
from lib.log import FORMAT
from lib.planning.presets import with_preset
from lib.planning.settings import checked_settings, read_settings
from lib.training.coarse import CoarseOptions
from lib.training.coarse.run import train_coarse
from lib.training.detail_layer.options import DetailTrainingOptions
from lib.training.detail_layer.run import train_detail_coarse, train_detail_fine
from lib.training.highlights.options import HighlightTrainingOptions
from lib.training.highlights.run import train_highlights
from lib.training.options import TrainingOptions
from lib.training.run import train_implicit, train_parser, train_regularise

TASKS = ("implicit", "regularise", "parser", "coarse", "detail_coarse", "detail_fine", "highlights")
DETAIL = {"detail_coarse": train_detail_coarse, "detail_fine": train_detail_fine}


def main(words: list[str] | None = None) -> int:
    """Run the command; 1 when it was refused."""
    parser = argparse.ArgumentParser(prog="python -m lib.training", description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("folder", type=Path, help="for weights, card, curves and checkpoints")
    parser.add_argument(
        "--configfile",
        type=Path,
        required=True,
        help="with section `training`, or that of the task: `coarse_training` and others",
    )
    parser.add_argument("--implicit", type=Path, help="weights that make volumes for regularise")
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    try:
        settings = checked_settings(with_preset(read_settings(given.configfile)))
        options = TrainingOptions(**settings["training"])
        device = pick_device(settings["device"])
        if given.task == "coarse":
            coarse = CoarseOptions(**settings["coarse_training"])
            trained = train_coarse(coarse, given.folder, device, settings["face_model"])
        elif given.task in DETAIL:
            detail = DetailTrainingOptions(**settings["detail_training"])
            train = DETAIL[given.task]
            trained = train(detail, given.folder, device, settings["face_model"])
        elif given.task == "highlights":
            shown = HighlightTrainingOptions(**settings["highlight_training"])
            trained = train_highlights(shown, given.folder, device)
        elif given.task == "implicit":
            trained = train_implicit(options, given.folder, device)
        elif given.task == "parser":
            trained = train_parser(options, given.folder, device)
        else:
            trained = train_regularise(options, given.folder, device, given.implicit)
    except (VisagraphError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(trained.validation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
