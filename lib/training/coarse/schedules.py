"""Learning rates of `train_coarse` over its epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lib.training.coarse.options import CoarseOptions
from lib.training.curves import Row

STEP_FACTOR = 0.2
PATIENCE, LEAST_GAIN = 5, 0.01  # of `plateau`: validations, relative


def coarse_rate(options: CoarseOptions, share: float, rows: Sequence[Row]) -> float:
    """The learning rate when a share of all steps is done.

    Args:
        options: of the training.
        share: 0..1.
        rows: of the curves so far; `plateau` looks at the validations' losses.
    """
    epoch = int(share * options.epochs + 1e-9)
    rate = options.learning_rate
    if options.schedule == "step":
        return rate * STEP_FACTOR ** (epoch // options.decay_epochs)
    if options.schedule == "linear":
        return rate * max(0.0, 1 - share)
    if options.schedule == "cosine":
        return rate * 0.5 * (1 + float(np.cos(np.pi * epoch / max(options.epochs, 1))))
    if options.schedule == "plateau":
        return rate * STEP_FACTOR ** _plateaus(rows)
    return rate


def _plateaus(rows: Sequence[Row]) -> int:
    """How often the validation loss stood still for longer than `PATIENCE` validations."""
    best, waited, count = np.inf, 0, 0
    for row in rows:
        if row["split"] != "validation":
            continue
        if float(row["loss"]) < best * (1 - LEAST_GAIN):
            best, waited = float(row["loss"]), 0
        else:
            waited += 1
        if waited > PATIENCE:
            count, waited = count + 1, 0
    return count
