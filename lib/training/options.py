"""Settings of training; equal to section `training` of the config schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from lib.errors import ConfigError

Task = Literal["implicit", "regularise", "parser"]
# What 0 means, per task: the published schedule where there is one.
PUBLISHED = {
    "implicit": {"epochs": 200, "batch": 1, "learning_rate": 1e-3},
    "regularise": {"epochs": 25, "batch": 2, "learning_rate": 1e-4},
    "parser": {"epochs": 20, "batch": 8, "learning_rate": 2e-3},  # ours; nobody published it
}


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of `train_implicit`, `train_regularise` and `train_parser`.

    Args:
        method: `mvfr` = the published networks; `learned` = ours.
        data: files of truth (`shard_0000.h5`) and FaceScape folders; empty = the world of section
            `synthesis`.
        responses: where `train_regularise` has its volumes from: files `volume.h5` of runs on the
            captures of `data`; empty = made with the network of `train_implicit`.
        validation: share of the subjects that are kept for validation, at least one.
        epochs: passes over the captures; 0 = as published, 200 and 25; 20 of the parser.
        batch: captures per step and process; 0 = as published, 1 and 2; 8 of the parser.
        learning_rate: of Adam; 0 = as published, 1e-3 and 1e-4; 2e-3 of the parser.
        schedule: of the learning rate: `constant` as published; `cosine` falls to 0; `step` falls
            to a tenth at 60 % and again at 85 % of the way.
        loss: of `train_implicit`; `train_regularise` takes the squared error, and for ours its
            likelihood.
        points: queries per capture and step, half before and half behind the surface.
        sigma: spread of the queries about the surface, in intervals.
        uv_size: texels along each side of the chart.
        d_size: hypotheses per texel; 1 modulo 4 for the published regulariser.
        interval_mm: between hypotheses.
        views: drawn per capture and step; 0 = all.
        long_side_px: larger pictures are reduced to this; the published networks enlarge smaller.
        base_error_mm: root mean square of the smooth error of the bases.
        norm: of the published feature network.
        save_every: epochs between kept checkpoints, and between validations.
        seed: of everything drawn at random.
        resume: go on from the last checkpoint in the output folder, if there is one.
    """

    section: ClassVar[str] = "training"  # of the settings, for messages

    method: Literal["learned", "mvfr"] = "learned"
    data: list[str] = field(default_factory=list)
    responses: list[str] = field(default_factory=list)
    validation: float = 0.1
    epochs: int = 0
    batch: int = 0
    learning_rate: float = 0.0
    schedule: Literal["constant", "cosine", "step"] = "constant"
    loss: Literal["mse", "l1", "bce"] = "mse"
    points: int = 10_000
    sigma: float = 10.0
    uv_size: int = 256
    d_size: int = 201
    interval_mm: float = 0.2
    views: int = 10
    long_side_px: int = 1296
    base_error_mm: float = 2.0
    norm: Literal["group", "batch"] = "group"
    save_every: int = 5
    seed: int = 0
    resume: bool = True

    @property
    def range_mm(self) -> float:
        """How far hypotheses reach to each side."""
        return (self.d_size // 2) * self.interval_mm


def filled(options: TrainingOptions, task: Task) -> TrainingOptions:
    """The options with 0 replaced by what it means for a task.

    Raises:
        ConfigError: numbers that make no sense together.
    """
    changes = {name: value for name, value in PUBLISHED[task].items() if not getattr(options, name)}
    options = replace(options, **changes)
    if options.points < 4 and task == "implicit":
        raise ConfigError(f"training.points is {options.points}, expected at least 4.")
    if options.views == 1:
        raise ConfigError("training.views is 1, expected at least 2, or 0 for all.")
    return options
