"""The trainings, from data to weights and card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from lib.errors import ConfigError
from lib.training.card import WEIGHTS, write_card, write_weights
from lib.training.implicit import ImplicitTask
from lib.training.loop import Trained, Training
from lib.training.options import Task, TrainingOptions, filled
from lib.training.parser import ParserTask, crops_of_shards
from lib.training.processes import Processes, joined
from lib.training.regularise import RegulariseTask, examples_of_scenes, examples_of_volumes
from lib.training.store import Source, find_sources, open_store, split_sources


def train_implicit(
    options: TrainingOptions, folder: Path, device: torch.device, model: str = ""
) -> Trained:
    """Train an implicit function; weights, card, curves and checkpoints go to a folder.

    Args:
        options: of the training.
        folder: for everything that it writes.
        device: where to compute.
        model: file of the face model; empty = the one that each truth names.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    options = filled(options, "implicit")
    with joined(device) as processes:
        sources = find_sources(options.data, model)
        store = open_store(sources, folder, options)
        store.prepare(processes.rank, processes.world)
        processes.wait()
        task = ImplicitTask(store, options)
        split = split_sources(sources, options.validation, options.seed)
        return _finish("implicit", task, options, split, sources, folder, processes)


def train_regularise(
    options: TrainingOptions,
    folder: Path,
    device: torch.device,
    implicit: Path | None = None,
    model: str = "",
) -> Trained:
    """Train a regulariser on volumes of runs, or on those of an implicit function.

    Args:
        options: of the training.
        folder: for everything that it writes.
        device: where to compute.
        implicit: weights of the implicit function, where `options.responses` names no volumes.
        model: file of the face model; empty = the one that each truth names.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    options = filled(options, "regularise")
    with joined(device) as processes:
        if options.responses:
            files, names, subjects = examples_of_volumes(options.responses, options.data, folder)
            sources = [Source(*pair, "", _never) for pair in zip(names, subjects)]
        else:
            if implicit is None:
                raise ConfigError("training.responses is empty and there are no implicit weights.")
            sources = find_sources(options.data, model)
            store = open_store(sources, folder, options)
            share = processes.rank, processes.world
            files = examples_of_scenes(store, implicit, folder, options, processes.device, share)
        processes.wait()
        task = RegulariseTask(files, options)
        split = split_sources(sources, options.validation, options.seed)
        return _finish("regularise", task, options, split, sources, folder, processes)


def train_parser(options: TrainingOptions, folder: Path, device: torch.device) -> Trained:
    """Train our face parser on synthetic photos; weights, card and curves go to a folder.

    Args:
        options: of the training; `data` names shards of truth.
        folder: for everything that it writes.
        device: where to compute.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    if options.method != "learned" or any(Path(item).suffix != ".h5" for item in options.data):
        raise ConfigError(
            f"training.method is '{options.method}' and training.data names {len(options.data)} "
            "things; train_parser trains `learned`, on shards of truth (.h5) alone."
        )
    options = filled(options, "parser")
    with joined(device) as processes:
        share = processes.rank, processes.world
        files, names, subjects = crops_of_shards(options.data, folder, share)
        processes.wait()
        sources = [Source(*pair, "", _never) for pair in zip(names, subjects)]
        split = split_sources(sources, options.validation, options.seed)
        task = ParserTask(files)
        return _finish("parser", task, options, split, sources, folder, processes)


def weights_file(task: Task, method: str) -> str:
    """Name of the file of weights that a training writes."""
    return WEIGHTS[task, method]


def _finish(
    name: Task,
    task: ImplicitTask | RegulariseTask | ParserTask,
    options: TrainingOptions,
    split: tuple[Sequence[int], Sequence[int]],
    sources: Sequence[Source],
    folder: Path,
    processes: Processes,
) -> Trained:
    """Train, and write what others use."""
    names = [source.name for source in sources]
    trained = Training(task, options, split, names, folder, processes).run()
    if processes.first:
        weights = write_weights(folder, name, options, trained)
        captures = {
            part: [names[index] for index in indices]
            for part, indices in zip(("train", "validation"), split)
        }
        synthetic = not any(name.startswith("facescape_") for name in names)
        write_card(folder, weights, name, options, trained, captures, synthetic)
    processes.wait()
    return trained


def _never(*_: object) -> None:
    raise AssertionError("volumes of runs are read from files")
