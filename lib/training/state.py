"""Checkpoints of training: all that going on needs, written in one step."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lib.atomic import atomic_path
from lib.errors import ConfigError
from lib.networks.checkpoints import CheckpointError, read_checkpoint

if TYPE_CHECKING:
    from lib.training.albedo.options import AlbedoTrainingOptions
    from lib.training.coarse.options import CoarseOptions
    from lib.training.detail_layer.options import DetailTrainingOptions
    from lib.training.highlights.options import HighlightTrainingOptions
    from lib.training.options import TrainingOptions

    Options = (
        TrainingOptions
        | CoarseOptions
        | DetailTrainingOptions
        | HighlightTrainingOptions
        | AlbedoTrainingOptions
    )

LAST = "checkpoint_last.pt"
FORMAT = 1
# Options that may change between a run and its continuation without changing what was done so far.
FREE = (
    *("save_every", "resume", "data", "responses"),
    *("workers", "pictures_every", "print_every", "keep"),
    *("checkpoint", "weights", "test", "save_images"),
)
FREE_WHEN_CONSTANT = ("epochs",)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and text; a killed process leaves the old file."""
    with atomic_path(path) as part:
        torch.save(state, part)


def load_state(
    path: Path,
    task: str,
    options: Options,
    data: str,
) -> dict[str, Any]:
    """The state that a run ended with.

    Args:
        path: of the checkpoint.
        task: what is trained.
        options: of the run that goes on.
        data: digest of its captures.

    Raises:
        ConfigError: it is damaged, or of a run with other settings or data.
    """
    section = options.section
    advice = f"Give another output folder, or set {section}.resume: false to start anew."
    try:
        state = read_checkpoint(path, f"a checkpoint of {task}")
        found = dict(json.loads(state["options"]))
    except (CheckpointError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}). {advice}") from error
    if state.get("format") != FORMAT or state.get("task") != task:
        raise ConfigError(
            f"{path} is of task {state.get('task')!r}, format {state.get('format')}; expected "
            f"{task!r}, format {FORMAT}. {advice}"
        )
    free = FREE + (FREE_WHEN_CONSTANT if options.schedule == "constant" else ())
    wanted = asdict(options)
    changed = [name for name in wanted if name not in free and wanted[name] != found.get(name)]
    if changed:
        told = ", ".join(f"{name} {found.get(name)} -> {wanted[name]}" for name in changed)
        raise ConfigError(f"{path} was trained with other settings: {section}.{told}. {advice}")
    if state["data"] != data:
        raise ConfigError(f"{path} was trained on other captures. {advice}")
    return state
