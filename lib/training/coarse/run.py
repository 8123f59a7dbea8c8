"""The training of a coefficient regressor, from data to weights and card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lib.facemodel import FaceModel, face_model_file, load_face_model
from lib.facemodel.schema import read_extra
from lib.imaging import save_bytes, save_png
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.regressor import ENVELOPE, CodeLayout
from lib.training.coarse.face import trained_face
from lib.training.coarse.options import CoarseOptions
from lib.training.coarse.rendered import Population
from lib.training.coarse.samples import prepare_samples
from lib.training.coarse.schedules import coarse_rate
from lib.training.coarse.task import CoarseTask, draw_panels
from lib.training.loop import Trained, Training
from lib.training.processes import joined
from lib.training.state import save_state
from lib.training.store import split_sources

WEIGHTS = "net_recon.pth"
PICTURED = 4  # validation samples in each picture
LICENCES = {
    True: "ours; trained on rendered faces alone, of a CC0 head model",
    False: "that of the photos and of the head model it was trained with",
}


@dataclass(frozen=True)
class _Person:
    """A sample as the split of subjects wants it."""

    name: str
    subject: str


def train_coarse(
    options: CoarseOptions, folder: Path, device: torch.device, face_model: str = "makehuman"
) -> Trained:
    """Train a regressor of a head model's coefficients; all files go to a folder.

    Args:
        options: of the training.
        folder: for weights, card, curves, pictures, checkpoints and prepared samples.
        device: where to compute.
        face_model: name or file of the head model.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    model = load_face_model(face_model)
    wrong = options.photo_mask == "published"
    face = trained_face(model, _published_mask(face_model) if wrong else None)
    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    with joined(device) as processes:
        prepare = partial(
            prepare_samples, options.data, folder / "samples", model, face.vertex.numpy()
        )
        if processes.first:
            prepare()
        processes.wait()
        files = prepare()
        people = [
            _Person(f"{file.path.stem}.{name}", subject)
            for file in files
            for name, subject in zip(file.names, file.subjects)
        ]
        split = split_sources(people, options.validation, options.seed, options.section)
        task = CoarseTask(face, layout, files, options, processes.device, Population.of(model))
        training = Training(
            task,
            options,
            split,
            [person.name for person in people],
            folder,
            processes,
            rate=partial(coarse_rate, options),
            watch=partial(_watch, task, split[1][:PICTURED], folder / "pictures"),
        )
        trained = training.run()
        if processes.first:
            _finish(folder, model, options, trained, split, people)
        processes.wait()
    return trained


def _published_mask(face_model: str) -> np.ndarray:
    """(k, 3) the triangles that the published code draws as the front of the face.

    They count the vertices of the front alone, and the published code takes them for vertices of
    the whole: two fifths are no triangles of the mesh, and brows and jaw are left out.
    """
    found = read_extra(face_model_file(face_model), "front_triangles")
    return found.astype(np.int64)


def _watch(
    task: CoarseTask, shown: Sequence[int], folder: Path, network: torch.nn.Module, step: int
) -> None:
    """A picture every so many steps."""
    every = task.options.pictures_every
    if every and step % every == 0 and shown:
        folder.mkdir(parents=True, exist_ok=True)
        save_png(folder / f"step_{step:07d}.png", draw_panels(task, network, shown))


def _finish(
    folder: Path,
    model: FaceModel,
    options: CoarseOptions,
    trained: Trained,
    split: tuple[Sequence[int], Sequence[int]],
    people: Sequence[_Person],
) -> None:
    """Weights in the published envelope, and their card."""
    path = folder / WEIGHTS
    state = {
        ENVELOPE: trained.network.state_dict(),
        "opt_00": trained.optimiser,
        "sched_00": {"last_epoch": options.epochs},
        "input_px": options.input_px,  # ours, like the next; readers of the envelope ignore them
        "face_model": model.name,
    }
    save_state(path, state)
    free = all(Path(item).suffix == ".h5" for item in options.data) and "CC0" in model.licence
    card = WeightCard(
        name=f"coarse_{options.backbone}_{model.name}",
        task=f"coefficients of the head model '{model.name}', of an aligned crop",
        file=WEIGHTS,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence=LICENCES[free],
        source=f"rule train_coarse on {len(split[0])} crops",
        obtain="snakemake --cores all train_coarse",
        input=f"(n, 3, {options.input_px}, {options.input_px}) RGB, sRGB encoded, 0..1, aligned",
        output="(n, k) identity, expression, albedo, angles, light, translation",
        paper="Deng et al. 2019, CVPRW",
    )
    content = {
        "card": asdict(card),
        "head_model": {"name": model.name, "licence": model.licence},
        "data": {
            part: {
                "samples": len(indices),
                "subjects": len({people[index].subject for index in indices}),
            }
            for part, indices in zip(("train", "validation"), split)
        },
        "steps": trained.steps,
        "validation": trained.validation,
        "before_training": next(
            (dict(row) for row in trained.rows if row["split"] == "validation"), {}
        ),
        "options": asdict(replace(options, data=[Path(item).name for item in options.data])),
        "torch": torch.__version__,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    save_bytes(folder / "card.json", text.encode())
