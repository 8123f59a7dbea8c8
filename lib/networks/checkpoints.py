"""Files of PyTorch weights, read without running code, and fitted to a network key by key."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from lib.errors import ConfigError, MissingModelError
from lib.inputs.files import CappedReader
from lib.inputs.pickles import Kind, scalar

ENVELOPES = ("model_state_dict", "state_dict", "model")  # keys below which weights may lie
FOREIGN = re.compile(r"GLOBAL ([\w.]+)")
TOLD = 4  # differences that a message lists
# Old training loops kept losses as NumPy numbers beside the weights; stand-ins take these.
NUMBERS = [
    (Kind, "numpy.dtype"),
    (scalar, "numpy.core.multiarray.scalar"),
    (scalar, "numpy._core.multiarray.scalar"),
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
            return opened_checkpoint(path)
    except pickle.UnpicklingError as error:
        found = FOREIGN.search(str(error))
        raise CheckpointError(
            f"{path} cannot be read as weights (it asks for {found[1] if found else 'an object'}). "
            f"Expected {what} with tensors and numbers alone: anything else could be code, and is "
            "never run. `python -m lib.networks plain OLD NEW` takes the numbers out of such a "
            "file."
        ) from error
    except Exception as error:  # damaged files raise whatever their parser stumbles on
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} cannot be read as weights ({first}). Expected {what}, saved by torch.save "
            "with tensors and numbers alone. Is the download complete?"
        ) from error


def opened_checkpoint(path: Path) -> object:
    """What PyTorch makes of a file when it may make tensors, numbers and `safe_globals` alone.

    Raises:
        pickle.UnpicklingError: it asks for something else.
        Exception: whatever PyTorch stumbles on.
    """
    if _is_archive(path):
        return torch.load(path, map_location="cpu", weights_only=True)
    with CappedReader(path) as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _is_archive(path: Path) -> bool:
    """Whether torch.save made a file of parts; they are not packed, so not longer than the file.

    Raises:
        ValueError: they are.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as members:
        total = sum(info.file_size for info in members.infolist())
    if total > path.stat().st_size:
        raise ValueError(f"its parts would unpack to {total} bytes")
    return True


def check_stored(tensor: torch.Tensor, name: str, path: str | Path) -> None:
    """That a file holds every value of a tensor: a view of one value can have any shape.

    Raises:
        CheckpointError: it does not.
    """
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise CheckpointError(
            f"{path}: {name} has shape {tuple(tensor.shape)}, of which the file holds less. "
            "Expected weights that are stored whole."
        )


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
    for key, value in state.items():
        check_stored(value, key, path)
    if all(key.startswith("module.") for key in state):  # saved from several GPUs
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state
