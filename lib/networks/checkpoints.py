"""Files of PyTorch weights, read without running code, and fitted to a network key by key."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lib.errors import ConfigError, MissingModelError

ENVELOPES = ("model_state_dict", "state_dict", "model")  # keys below which weights may lie
TOLD = 4  # differences that a message lists
# Old training loops kept losses as NumPy numbers beside the weights.
NUMBERS = [
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),
]


class CheckpointError(ConfigError):
    """A file of weights does not hold what the network needs."""


def read_weights(path: str | Path, what: str) -> dict[str, torch.Tensor]:
    """The weights in a file: a plain state dictionary, or one inside a training's envelope.

    Args:
        path: of the file.
        what: what the file should be, for messages.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it cannot be read as tensors and numbers alone, or holds no weights.
    """
    return weights_in(read_checkpoint(path, what), path, what)


def read_checkpoint(path: str | Path, what: str) -> object:
    """The content of a file, tensors and numbers alone.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it cannot be read so.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there, expected {what}. Name the file you have, or choose a method "
            "that needs none."
        )
    try:
        with torch.serialization.safe_globals(NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} cannot be read as weights ({first}). Expected {what}, saved by torch.save "
            "with tensors and numbers alone. Is the download complete?"
        ) from error


def load_weights(network: nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Put weights into a network; every key and shape must be the network's.

    Raises:
        CheckpointError: keys are missing, unknown or of another shape.
    """
    own = network.state_dict()
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    parts = [
        f"{len(found)} {word}: {', '.join(found[:TOLD])}{', ...' if len(found) > TOLD else ''}"
        for word, found in (("missing", missing), ("unknown", unknown), ("misshapen", wrong))
        if found
    ]
    if parts:
        raise CheckpointError(
            f"{path} does not fit {type(network).__name__}: {'; '.join(parts)}. Expected the "
            f"{len(own)} entries of that network; is it the file of another one?"
        )
    network.load_state_dict(state)


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(parameter.numel() for parameter in network.parameters())


def weights_in(content: object, path: str | Path, what: str) -> dict[str, torch.Tensor]:
    """The weights in the content of a file.

    Raises:
        CheckpointError: there are none.
    """
    if isinstance(content, Mapping):
        for key in ENVELOPES:
            if isinstance(content.get(key), Mapping):
                content = content[key]
                break
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(value, torch.Tensor) for value in content.values())
    ):
        raise CheckpointError(f"{path} holds no weights by name, expected {what}.")
    state = {str(key): value for key, value in content.items()}
    if all(key.startswith("module.") for key in state):  # saved from several GPUs
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state
