"""The training of a highlight network, from pictures to weights and card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from lib.errors import ConfigError, MissingModelError
from lib.imaging import save_bytes
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.checkpoints import read_checkpoint
from lib.networks.highlight_unet import (
    HighlightNetworkOptions,
    packed,
)
from lib.training.curves import Row
from lib.training.highlights.options import BEST, LATEST, HighlightTrainingOptions, filled
from lib.training.highlights.pairs import Item, RenderedItem, find_items
from lib.training.highlights.task import HighlightTask
from lib.training.loop import Trained, Training, best_epoch, learning_rate
from lib.training.processes import joined
from lib.training.state import save_state
from lib.training.store import split_sources

WEIGHTS = "highlights.pt"
PREPARED = "renders"  # folder of what is prepared of shards
PAPER = "Wu et al. 2023, Computational Visual Media 9"
LICENCES = {
    True: "ours; trained on rendered faces alone, of a CC0 head model",
    False: "that of the pictures it was trained with",
}


def train_highlights(
    options: HighlightTrainingOptions,
    folder: Path,
    device: torch.device,
    sizes: HighlightNetworkOptions | None = None,
) -> Trained:
    """Train a network that takes highlights off; weights, card and curves go to a folder.

    Args:
        options: of the training.
        folder: for everything that it writes.
        device: where to compute.
        sizes: of the network; None = those of the method.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    options = filled(options)
    with joined(device) as processes:
        share = processes.rank, processes.world
        items = find_items([*options.data, *options.test], folder / PREPARED, share)
        processes.wait()
        split = split_items(items, options, folder)
        task = HighlightTask(items, options, sizes)
        names = [item.name for item in items]

        def rate(share: float, _rows: Sequence[Row]) -> float:
            if options.schedule == "cosine":
                return learning_rate(options, share)
            return options.rate(int(share * options.epochs + 1e-9))

        trained = Training(task, options, split, names, folder, processes, rate).run()
        if processes.first:
            _write(folder, options, trained, items, split)
        processes.wait()
    return trained


def split_items(
    items: Sequence[Item], options: HighlightTrainingOptions, folder: Path
) -> tuple[list[int], list[int]]:
    """Indices for training and for validation: those of `test`, else a share of the subjects."""
    if not options.test:
        return split_sources(items, options.validation, options.seed, options.section)
    count = len(items) - len(find_items(options.test, folder / PREPARED))
    if count < 1:
        raise ConfigError("highlight_training.data names nothing to learn from beside test.")
    return list(range(count)), list(range(count, len(items)))


def chosen_state(folder: Path, checkpoint: str, trained: Trained) -> tuple[dict[str, Any], int]:
    """Weights of the checkpoint that settings ask for, and its epoch.

    Raises:
        MissingModelError: it was not kept.
    """
    last = int(trained.rows[-1]["epoch"])
    if checkpoint == LATEST:
        return trained.network.state_dict(), last
    epoch = best_epoch(trained.rows) if checkpoint == BEST else int(checkpoint)
    path = folder / f"checkpoint_{epoch:06d}.pt"
    if epoch == last:
        return trained.network.state_dict(), last
    if not path.is_file():
        kept = sorted(int(p.stem[-6:]) for p in folder.glob("checkpoint_[0-9]*.pt"))
        told = ", ".join(map(str, kept)) or "none"
        raise MissingModelError(
            f"highlight_training.checkpoint asks for epoch {epoch} ('{checkpoint}'), but {folder} "
            f"has kept {told}. Ask for one of these, or latest."
        )
    state = read_checkpoint(path, "a checkpoint of highlights")
    return state["model"], epoch


def _write(
    folder: Path,
    options: HighlightTrainingOptions,
    trained: Trained,
    items: Sequence[Item],
    split: tuple[Sequence[int], Sequence[int]],
) -> None:
    """Weights in the published layout, and their card."""
    state, epoch = chosen_state(folder, options.checkpoint, trained)
    network = trained.network
    network.load_state_dict(state)
    path = folder / WEIGHTS
    half = options.method == "learned"
    save_state(path, packed(network, epoch, trained.steps, half))
    rendered = all(isinstance(item, RenderedItem) for item in items)
    told = {
        "card": asdict(card_of(path, options, len(split[0]), rendered)),
        "data": {
            part: {
                "pictures": len(indices),
                "subjects": len({items[index].subject for index in indices}),
            }
            for part, indices in zip(("train", "validation"), split)
        },
        "epoch": epoch,
        "steps": trained.steps,
        "validation": _row_of(trained.rows, epoch),
        "before_training": _row_of(trained.rows, 0),
        "options": asdict(
            replace(
                options,
                data=[Path(item).name for item in options.data],
                test=[Path(item).name for item in options.test],
            )
        ),
        "torch": torch.__version__,
    }
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    save_bytes(folder / "card.json", text.encode())


def card_of(
    path: Path, options: HighlightTrainingOptions, pictures: int, rendered: bool
) -> WeightCard:
    """What a file of weights is, for people."""
    return WeightCard(
        name=f"highlights_{options.method}",
        task="highlights of a picture, and the picture without them",
        file=path.name,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence=LICENCES[rendered],
        source=f"rule train_highlights on {pictures} pictures",
        obtain="snakemake --cores all train_highlights",
        input="(n, 3, h, w) RGB, sRGB encoded, 0..1",
        output="(n, 3, h, w) twice, coarse and without highlights; (n, 1, h, w) probability",
        paper=PAPER,
    )


def _row_of(rows: Sequence[Row], epoch: int) -> dict[str, Any]:
    """The last validation of an epoch or before it."""
    found = [row for row in rows if row["split"] == "validation" and int(row["epoch"]) <= epoch]
    return dict(found[-1]) if found else {}
