"""The trainings of the detail layer's networks, from records to weights and card."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lib.errors import ConfigError
from lib.facemodel import FaceModel, load_face_model
from lib.imaging import save_bytes, save_png
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.checkpoints import read_checkpoint
from lib.training.detail_layer.dataset import Person, find_people
from lib.training.detail_layer.face import DetailFace
from lib.training.detail_layer.options import DetailTrainingOptions, Part, filled
from lib.training.detail_layer.pictures import draw_coarse, draw_fine
from lib.training.detail_layer.shards import with_records
from lib.training.detail_layer.task import (
    CoarseDetailTask,
    DetailTask,
    FineDetailTask,
    coarse_of_head,
)
from lib.training.loop import Trained, Training, best_epoch
from lib.training.processes import Processes, joined
from lib.training.state import save_state
from lib.training.store import split_sources

WEIGHTS = {"coarse": "coarse.pt", "fine": "fine.pt"}
PICTURED = 4  # validation photos in each picture
LICENCE = "that of the photos, of the head model and of the weights it began with"
PAPER = "Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP"
Draw = Callable[[torch.nn.Module, Sequence[int]], np.ndarray]


@dataclass(frozen=True)
class _Trained:
    """What a training leaves, and what it was made of."""

    part: Part
    options: DetailTrainingOptions
    model: FaceModel
    people: Sequence[Person]
    split: tuple[Sequence[int], Sequence[int]]
    trained: Trained


def train_detail_coarse(
    options: DetailTrainingOptions, folder: Path, device: torch.device, face_model: str
) -> Trained:
    """Train the coarse network; weights, card, curves, pictures and checkpoints go to a folder.

    Args:
        options: of the training.
        folder: for everything that it writes.
        device: where to compute.
        face_model: name or file of the head model.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    options = filled(options, "coarse")
    model = load_face_model(face_model)
    with joined(device) as processes:
        people = _people(options, folder, processes)
        places = [person.place for person in people]
        face = DetailFace.of_model(model, options.chart_px, processes.device)
        task = CoarseDetailTask(face, places, options, processes.device)
        draw = partial(draw_coarse, task)
        return _train("coarse", task, draw, options, model, people, folder, processes)


def train_detail_fine(
    options: DetailTrainingOptions, folder: Path, device: torch.device, face_model: str
) -> Trained:
    """Train the fine network on top of a frozen coarse one; see `train_detail_coarse`.

    Raises:
        ConfigError: data or settings that cannot be used, or the coarse network is of another head.
    """
    options = filled(options, "fine")
    if not options.coarse:
        raise ConfigError(
            f"{options.section}.coarse is empty, expected weights of the coarse network: those of "
            "rule train_detail_coarse, or imported ones (python -m lib.networks import)."
        )
    model = load_face_model(face_model)
    with joined(device) as processes:
        people = _people(options, folder, processes)
        places = [person.place for person in people]
        face = DetailFace.of_model(model, options.chart_px, processes.device)
        coarse = coarse_of_head(options.coarse, face)
        task = FineDetailTask(face, places, options, processes.device, coarse)
        draw = partial(draw_fine, task)
        return _train("fine", task, draw, options, model, people, folder, processes)


def _people(
    options: DetailTrainingOptions, folder: Path, processes: Processes
) -> tuple[Person, ...]:
    """All records; those of shards are made by the first process."""
    if processes.first:
        with_records(options.data, folder / "records")
    processes.wait()
    return find_people(with_records(options.data, folder / "records"))


def decayed(options: DetailTrainingOptions, share: float, _rows: object) -> float:
    """The learning rate when a share of all steps is done."""
    return options.rate(round(share * options.steps))


def _train(
    part: Part,
    task: DetailTask,
    draw: Draw,
    options: DetailTrainingOptions,
    model: FaceModel,
    people: Sequence[Person],
    folder: Path,
    processes: Processes,
) -> Trained:
    """Train, and write what others use."""
    split = split_sources(people, options.validation, options.seed, options.section)
    training = Training(
        task,
        options,
        split,
        [person.name for person in people],
        folder,
        processes,
        rate=partial(decayed, options),
        watch=partial(_watch, draw, split[1][:PICTURED], folder / "pictures", options),
    )
    trained = training.run()
    if processes.first:
        made = _Trained(part, options, model, people, split, trained)
        _finish(folder, task, made)
    processes.wait()
    return trained


def _watch(
    draw: Draw,
    shown: Sequence[int],
    folder: Path,
    options: DetailTrainingOptions,
    network: torch.nn.Module,
    step: int,
) -> None:
    """A picture every so many steps."""
    if options.pictures_every and step % options.pictures_every == 0:
        folder.mkdir(parents=True, exist_ok=True)
        save_png(folder / f"step_{step:07d}.png", draw(network, shown))


def _finish(folder: Path, task: DetailTask, made: _Trained) -> None:
    """The weights of the best validation, and their card.

    Weights that training began with are promoted again when nothing later scores better on
    people who were kept out.
    """
    epoch = best_epoch(made.trained.rows)
    scored = [row for row in made.trained.rows if row["split"] == "validation"]
    best = next(row for row in scored if row["epoch"] == epoch)
    path = folder / WEIGHTS[made.part]
    state = {
        "model": _weights_of(folder, task, made, epoch),
        "steps": int(best["step"]),
        "face_model": made.model.name,
    }
    save_state(path, state)
    content = {
        "card": asdict(_card(path, made)),
        "head_model": {"name": made.model.name, "licence": made.model.licence},
        "data": {
            name: {
                "photos": len(indices),
                "subjects": len({made.people[index].subject for index in indices}),
            }
            for name, indices in zip(("train", "validation"), made.split)
        },
        "steps": made.trained.steps,
        "promoted": {"step": int(best["step"]), "better_than_start": epoch > 0},
        "validation": dict(best),
        "before_training": dict(scored[0]),
        "options": asdict(
            replace(made.options, data=[Path(item).name for item in made.options.data])
        ),
        "torch": torch.__version__,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    save_bytes(folder / "card.json", text.encode())


def _weights_of(
    folder: Path, task: DetailTask, made: _Trained, epoch: int
) -> dict[str, torch.Tensor]:
    """The weights after an epoch."""
    if epoch == made.options.epochs:
        return made.trained.network.state_dict()
    if epoch == 0:
        torch.manual_seed(made.options.seed)  # as `Training` begins
        return task.network().state_dict()
    kept = folder / f"checkpoint_{epoch:06d}.pt"
    return read_checkpoint(kept, "a checkpoint of the detail layer")["model"]


def _card(path: Path, made: _Trained) -> WeightCard:
    """What the weights are."""
    options, layout = made.options, (made.model.n_identity, made.model.n_expression)
    given, gives = {
        "coarse": (
            "(n, 3, 300, 300) RGB 0..255",
            f"coefficients of '{made.model.name}' (of its {layout[0]} identity and {layout[1]} "
            "expression modes), pose, light",
        ),
        "fine": (
            f"(n, 3, {options.chart_px}, {options.chart_px}) difference on the chart over 127.5",
            "relief in mm along the model's z, -1..1",
        ),
    }[made.part]
    return WeightCard(
        name=f"detail_{made.part}_{made.model.name}",
        task=f"{made.part} network of the detail layer",
        file=path.name,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence=LICENCE,
        source=f"rule train_detail_{made.part} on {len(made.split[0])} photos",
        obtain=f"snakemake --cores all train_detail_{made.part}",
        input=given,
        output=gives,
        paper=PAPER,
    )
