"""Weights out of checkpoints that hold objects of other programs, without importing or running any.

`read_checkpoint` refuses such files. Here every foreign class becomes an empty shell that keeps its
state, from which tensors are gathered; what was refused is told.
"""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from lib.inputs.pickles import Inert
from lib.networks.checkpoints import (
    ENVELOPES,
    NUMBERS,
    CheckpointError,
    check_stored,
    opened_checkpoint,
)

log = logging.getLogger(__name__)

FOREIGN = re.compile(r"Unsupported (?:global|operand.*): GLOBAL ([\w.]+)")
MOST_NAMES = 300
DEEPEST = 60


def write_plain_weights(source: str | Path, target: str | Path) -> dict[str, torch.Tensor]:
    """Write the tensors of a checkpoint, by name, as a file that `read_weights` takes.

    Of a training's envelope those below `state_dict`, `model_state_dict` or `model` are taken; of a
    whole network that was pickled, its parameters and buffers under the names of `state_dict()`.

    Args:
        source: file of `torch.save`.
        target: file to write.

    Returns:
        What was written.

    Raises:
        CheckpointError: the file names what could start a program, cannot be read, or has no
            tensors.
    """
    content, shells = _with_shells(Path(source))
    for name in shells:
        log.info("%s: %s is not taken over, only numbers in it", source, name)
    if isinstance(content, Mapping):
        content = next((content[key] for key in ENVELOPES if key in content), content)
    state = {}
    for name, tensor in _tensors(content, "", 0):
        check_stored(tensor, name, source)
        state[name] = tensor.detach().clone().contiguous()
    if not state:
        raise CheckpointError(f"{source} holds no tensors. Is it a file of weights?")
    torch.save(state, target)
    return state


def _with_shells(path: Path) -> tuple[object, list[str]]:
    """What a file holds, and the names that shells stand in for."""
    shells: list[str] = []
    while len(shells) < MOST_NAMES:
        with torch.serialization.safe_globals([*NUMBERS, *((Inert, name) for name in shells)]):
            try:
                return opened_checkpoint(path), shells
            except pickle.UnpicklingError as error:
                found = FOREIGN.search(str(error))
                if found is None or found[1] in shells:
                    raise _refused(path, error) from error
                shells.append(found[1])
            except Exception as error:  # damaged files raise whatever their parser stumbles on
                raise _refused(path, error) from error
    raise CheckpointError(f"{path} names more than {MOST_NAMES} classes, expected weights.")


def _refused(path: Path, error: Exception) -> CheckpointError:
    told = str(error).strip().splitlines() or [type(error).__name__]
    lines = [line for line in told if "GLOBAL" in line or "module" in line] or told
    return CheckpointError(f"{path} cannot be made plain ({lines[0].strip()[:300]}).")


def _tensors(value: Any, name: str, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors below a value and their dotted names."""
    if depth > DEEPEST:
        return
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Inert):
        parts = [value.state.get(key) for key in ("_parameters", "_buffers", "_modules")]
        for part in parts if any(parts) else [value.state]:
            yield from _tensors(part, name, depth + 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(item, f"{name}.{key}".lstrip("."), depth + 1)
