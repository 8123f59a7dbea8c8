"""What takes the steps of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from lib.training.loop import Options

MOMENTUM = 0.9  # of `sgd`


def optimiser_of(options: Options, network: nn.Module) -> torch.optim.Optimizer:
    """Adam, or what `optimiser` names where options have it."""
    weights, rate = network.parameters(), options.learning_rate
    decay = getattr(options, "weight_decay", 0.0)
    if getattr(options, "optimiser", "adam") == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=MOMENTUM, weight_decay=decay)
    return torch.optim.Adam(weights, lr=rate, weight_decay=decay)
