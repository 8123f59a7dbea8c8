"""What a training leaves for others: weights, a card that tells what they are, curves."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch

from lib.imaging import save_bytes
from lib.networks.cards import WeightCard, file_sha256
from lib.training.loop import Trained
from lib.training.options import Task, TrainingOptions
from lib.training.state import save_state

WEIGHTS = {
    ("implicit", "mvfr"): "checkpoint_if.pkl",
    ("implicit", "learned"): "matcher.pt",
    ("regularise", "mvfr"): "checkpoint_reg.pkl",
    ("regularise", "learned"): "smoother.pt",
    ("parser", "learned"): "parser.pt",
}
SYNTHETIC_LICENCE = "ours; trained on rendered faces alone, of a CC0 head model"
OTHER_LICENCE = (
    "that of the data it was trained on: FaceScape's allows research alone and forbids passing on"
)
MVFR_PAPER = "Xiao et al. 2022, AAAI, arXiv 2201.01016"
INPUTS = {
    ("implicit", "mvfr"): "views (1, 3, h, w) BGR 0..255; points in mm; distance 2 d / D",
    ("implicit", "learned"): "views (1, 3, h, w) sRGB 0..1; points in mm; cosine where seen",
    ("regularise", "mvfr"): "(1, 1, D, H, W) responses 0..1, D = 1 mod 4, H and W mod 4 = 0",
    ("regularise", "learned"): "(1, D, H, W) responses 0..1; (1, H, W) views compared",
    ("parser", "learned"): "(n, 3, 144, 144) sRGB 0..1, 1.35 times the extent of 68 points",
}
OUTPUTS = {
    ("implicit", "mvfr"): "(p,) response 0..1",
    ("implicit", "learned"): "(p,) log odds that the surface passes",
    (
        "regularise",
        "mvfr",
    ): "(1, 1, D, H, W) scores; their soft-argmax is the distance in intervals",
    ("regularise", "learned"): "(1, H, W) distance and sigma in intervals",
    ("parser", "learned"): "(n, 9, 144, 144) scores of background and eight parts",
}
TASKS = {
    "implicit": "whether a surface passes at a point, told by several views",
    "regularise": "the surface in a volume of responses",
    "parser": "eight parts of the face on photos",
}


def write_weights(folder: Path, task: Task, options: TrainingOptions, trained: Trained) -> Path:
    """Write the weights: those of published networks in the published envelope, ours in our own."""
    path = folder / WEIGHTS[task, options.method]
    state = trained.network.state_dict()
    if options.method == "learned":
        save_state(path, {"model": state})
        return path
    losses = [float(row["loss"]) for row in trained.rows if row["split"] == "train"]
    save_state(
        path,
        {
            "model_state_dict": state,
            "optimizer_state_dic": trained.optimiser,  # the published envelope's own spelling
            "loss_list": losses,
            "epoch": options.epochs,
            "global_step": trained.steps,
            "long_side_px": options.long_side_px,  # ours; whoever knows the envelope ignores it
        },
    )
    return path


def write_card(
    folder: Path,
    weights: Path,
    task: Task,
    options: TrainingOptions,
    trained: Trained,
    captures: dict[str, list[str]],
    synthetic: bool,
) -> Path:
    """Write `card.json`: the weight card, the data, the settings and the scores.

    Args:
        folder: of the training.
        weights: file that the card tells of.
        task: what was trained.
        options: `filled`.
        trained: with its scores.
        captures: names by part, `train` and `validation`.
        synthetic: all captures were rendered.
    """
    key = task, options.method
    card = WeightCard(
        name=f"{task}_{options.method}",
        task=TASKS[task],
        file=weights.name,
        sha256=file_sha256(weights),
        size_mb=round(weights.stat().st_size / 1e6, 3),
        licence=SYNTHETIC_LICENCE if synthetic else OTHER_LICENCE,
        source=f"rule train_{task} on {len(captures['train'])} captures",
        obtain=f"snakemake --cores all train_{task}",
        input=INPUTS[key],
        output=OUTPUTS[key],
        paper=MVFR_PAPER if options.method == "mvfr" else "none",
    )
    content = {
        "card": asdict(card),
        "data": captures,
        "steps": trained.steps,
        "validation": trained.validation,
        "before_training": next(
            (dict(row) for row in trained.rows if row["split"] == "validation"), {}
        ),
        "options": asdict(replace(options, data=[Path(item).name for item in options.data])),
        "torch": torch.__version__,
    }
    path = folder / "card.json"
    save_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path
