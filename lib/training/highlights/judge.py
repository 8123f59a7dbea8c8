"""The test of a highlight network: scores of pictures whose truth is known, and pictures of all."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from lib.imaging import save_bytes, save_png
from lib.log import progress
from lib.networks.highlight_tiles import remove_by_tiles
from lib.networks.highlight_unet import Removed, load_highlight_network
from lib.training.highlights.augment import Pair
from lib.training.highlights.options import HighlightTrainingOptions, filled
from lib.training.highlights.pairs import Item, find_items
from lib.training.highlights.run import split_items
from lib.training.highlights.task import pixels, planes, scores

log = logging.getLogger(__name__)

TABLE, MEANS, PICTURES = "scores.csv", "means.json", "pictures"
Scores = Mapping[str, float | None]


def judge_highlights(
    options: HighlightTrainingOptions, weights: str | Path, folder: Path, device: torch.device
) -> dict[str, float]:
    """Test a network; a table, means and, where they are wanted, pictures go to a folder.

    Pictures without truth have no scores; with `save_images` the network's answer is written.

    Args:
        options: `test` names the pictures; where it is empty, those of `data` that the training
            kept out.
        weights: file of the network.
        folder: for everything that it writes.
        device: where to compute.

    Returns:
        The means; empty where no picture has a truth.

    Raises:
        ConfigError: data or weights that cannot be used.
    """
    options = filled(options)
    network = load_highlight_network(weights).to(device)
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Scores] = {}
    for item in progress(items_to_test(options, folder), "test"):
        pair = item.whole()
        found = remove_by_tiles(network, planes(pair.photo))
        rows[item.name] = scores(found, pair)
        if options.save_images:
            save_pictures(folder / PICTURES, item.name, options.method, pair, found)
    means = means_of(list(rows.values()))
    _write_table(folder / TABLE, rows, means)
    save_bytes(folder / MEANS, (json.dumps(means, indent=1) + "\n").encode())
    log.info("means of %d pictures: %s", len(rows), means)
    return means


def items_to_test(options: HighlightTrainingOptions, folder: Path) -> list[Item]:
    """The pictures of `test`, else those of `data` that the training kept out."""
    if options.test:
        return find_items(options.test, folder, truth=False)
    items = find_items(options.data, folder)
    return [items[index] for index in split_items(items, options, folder)[1]]


def means_of(rows: Sequence[Scores]) -> dict[str, float]:
    """The mean of every score over the pictures that tell it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    told = {name: [row[name] for row in rows if row.get(name) is not None] for name in names}
    return {name: float(np.mean(values)) for name, values in told.items() if values}


def save_pictures(folder: Path, name: str, run: str, pair: Pair, found: Removed) -> None:
    """The published files of a picture; those of a truth that is not known are left out.

    Args:
        folder: where to.
        name: of the picture, with which the files begin.
        run: what the names of the answers end with.
        pair: the picture and its truth.
        found: the answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    label = pixels(found.label)[..., 0].astype(np.float32)
    files = {
        "rgb_input": pair.photo,
        "diffuse_input": pair.diffuse,
        "label_input": pair.mask,
        f"diffuse_output_{run}": pixels(found.diffuse),
        f"label_output_{run}": label,
    }
    for ending, picture in files.items():
        if picture is not None:
            cut = (np.clip(picture, 0, 1) * 255).astype(np.uint8)  # rounded down, as published
            save_png(folder / f"{name}_{ending}.png", cut)


def _write_table(path: Path, rows: Mapping[str, Scores], means: Mapping[str, float]) -> None:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, ("picture", *names), lineterminator="\n", restval="")
    writer.writeheader()
    for name, row in (*rows.items(), ("mean", means)):
        told = {key: f"{value:.6g}" for key, value in row.items() if value is not None}
        writer.writerow({"picture": name, **told})
    save_bytes(path, text.getvalue().encode())
