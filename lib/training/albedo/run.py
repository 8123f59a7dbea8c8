"""The training of the UV network, from photos to weights and card."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lib.albedo.face_chart import face_chart
from lib.facemodel import load_face_model
from lib.imaging import save_bytes
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.checkpoints import read_checkpoint
from lib.networks.inception_resnet import load_recogniser
from lib.networks.uv_albedo import load_uvnet, packed
from lib.training.albedo.data import Photo, prepare_photos
from lib.training.albedo.options import AlbedoTrainingOptions, checked
from lib.training.albedo.task import AlbedoNetworks, AlbedoTask
from lib.training.loop import Trained, Training, best_epoch
from lib.training.processes import Processes, joined
from lib.training.state import save_state
from lib.training.store import split_sources

log = logging.getLogger(__name__)

WEIGHTS = "albedo.pt"
BEST = "best.pt"  # of all trainings in this folder
LICENCE = "that of the photos, of the head model and of the weights it began with"
PAPER = "3DFaceTexture: self-supervised re-renderable facial albedo from a single image"


@dataclass(frozen=True)
class Prepared:
    """What training and its test share.

    Args:
        task: of the loop.
        photos: all of them.
        split: indices for training, and of those that are kept out.
    """

    task: AlbedoTask
    photos: tuple[Photo, ...]
    split: tuple[list[int], list[int]]


def prepared(
    options: AlbedoTrainingOptions,
    folder: Path,
    processes: Processes,
    face_model: str,
    landmark_models: Path,
) -> Prepared:
    """Photos, chart and task; samples are made by the first process.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    chart = face_chart(load_face_model(face_model), options.chart_px, options.chart)
    recogniser = None
    if options.percep:
        recogniser = load_recogniser(options.recognition).to(processes.device)
    samples = folder / "photos"
    if processes.first:
        prepare_photos(chart, options, samples, landmark_models)
    processes.wait()
    photos = prepare_photos(chart, options, samples, landmark_models)
    split = split_sources(photos, options.validation, options.seed, options.section)
    task = AlbedoTask(tuple(photo.path for photo in photos), chart, options, recogniser)
    return Prepared(task, photos, split)


def train_albedo(
    options: AlbedoTrainingOptions,
    folder: Path,
    device: torch.device,
    face_model: str,
    landmark_models: Path,
) -> Trained:
    """Train the UV network; weights, card, curves and checkpoints go to a folder.

    Of all epochs the best on photos that were kept out is taken; if an earlier training left a
    better network there, that one stays.

    Args:
        options: of the training.
        folder: for everything that it writes.
        device: where to compute.
        face_model: name or file of the head model.
        landmark_models: folder of the landmark networks, for made-up people.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    options = checked(options)
    with joined(device) as processes:
        found = prepared(options, folder, processes, face_model, landmark_models)
        names = [photo.name for photo in found.photos]
        training = Training(found.task, options, found.split, names, folder, processes)
        trained = training.run()
        if processes.first:
            _write(folder, found, trained, names, options)
        processes.wait()
    return trained


def judged(task: AlbedoTask, networks: AlbedoNetworks, kept: Sequence[int]) -> float:
    """Mean loss on some photos, on the CPU."""
    cpu = torch.device("cpu")
    networks = networks.cpu().eval()
    return float(np.mean([task.score(networks, index, cpu)["loss"] for index in kept]))


def _of_epoch(folder: Path, task: AlbedoTask, trained: Trained, epochs: int) -> AlbedoNetworks:
    """The networks after the best epoch."""
    epoch = best_epoch(trained.rows)
    networks = trained.network
    if epoch == epochs:
        return networks
    path = folder / f"checkpoint_{epoch:06d}.pt"
    if not path.is_file():  # before training
        return networks
    with torch.random.fork_rng(devices=[]):
        networks = AlbedoNetworks(task.options)
    state = read_checkpoint(path, "a checkpoint of albedo")["model"]
    networks.load_state_dict(state)
    return networks.eval()


def _write(
    folder: Path,
    found: Prepared,
    trained: Trained,
    names: Sequence[str],
    options: AlbedoTrainingOptions,
) -> None:
    """Weights and card; of this network and the best so far, the better one is promoted."""
    task, best = found.task, folder / BEST
    cpu = replace(task, recogniser=task.recogniser.cpu() if task.recogniser else None)
    networks = _of_epoch(folder, task, trained, options.epochs)
    new = judged(cpu, networks, found.split[1])
    old = None
    if best.is_file():
        with torch.random.fork_rng(devices=[]):
            earlier = AlbedoNetworks(options)
        earlier.generator = load_uvnet(best).network
        old = judged(cpu, earlier, found.split[1])
    promoted = old is None or new < old
    if promoted:
        chart = task.chart
        told = chart.kind, chart.side, chart.model.name
        save_state(best, packed(networks.generator, *told))
    else:
        log.warning("loss %.4f, an earlier training had %.4f: %s stays", new, old, best)
    path = folder / WEIGHTS
    save_bytes(path, best.read_bytes())
    data = {
        part: [names[index] for index in indices]
        for part, indices in zip(("train", "validation"), found.split)
    }
    told = {"card": asdict(_card(path, task, len(data["train"]))), "data": data}
    told |= {"steps": trained.steps, "promoted": promoted, "loss": new, "loss_before": old}
    told |= {"validation": trained.validation}
    told["before_training"] = next(
        (dict(row) for row in trained.rows if row["split"] == "validation"), {}
    )
    told["options"] = asdict(replace(options, data=[Path(item).name for item in options.data]))
    told["torch"] = torch.__version__
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    save_bytes(folder / "card.json", text.encode())


def _card(path: Path, task: AlbedoTask, count: int) -> WeightCard:
    side, model = task.chart.side, task.chart.model
    return WeightCard(
        name=f"albedo_{task.options.method}_{model.name}",
        task="albedo of a face, and the light on each place of it, of one photo",
        file=path.name,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence=LICENCE,
        source=f"rule train_albedo on {count} photos",
        obtain="snakemake --cores all train_albedo",
        input=f"(n, 6, {side}, {side}) of lib/albedo/prior.py on the chart '{task.chart.kind}'",
        output=f"(n, 3, {side}, {side}) sRGB 0..1; (n, 27, {side}, {side}) light on encoded colour",
        paper=PAPER,
    )
