"""Settings of `train_highlights` and `test_highlights`: section `highlight_training`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from lib.errors import ConfigError

Flip = Literal["both", "sides", "none"]
LATEST, BEST = "latest", "best"
# What 0 means: the published command; of ours, what it was trained with.
USUAL = {
    "unet_transformer": {"epochs": 80, "batch": 4, "learning_rate": 1e-4},
    "learned": {"epochs": 30, "batch": 4, "learning_rate": 1e-3},
}


@dataclass(frozen=True)
class HighlightTrainingOptions:
    """How networks that take highlights off are trained and tested.

    Args:
        method: `unet_transformer` = the published network; `learned` = the small one.
        data: folders laid out like SHIQ (`1_A.png`, `1_D.png`, `1_T.png`) and shards of truth
            (`shard_0000.h5`); empty = the world of `synthesis`.
        test: the same for validation and test; empty = a share of `data`.
        validation: share of the subjects that are kept out where `test` is empty.
        start: weights to begin with; empty = random.
        weights: network that `test_highlights` tests; empty = those that `train_highlights` makes.
        checkpoint: which state becomes the weights: `latest`, `best`, or a kept epoch.
        optimiser: `adam`, or `sgd` with momentum 0.9.
        epochs: passes over the pictures; 0 = as published, 80; 30 of `learned`.
        batch: pictures per step and process; 0 = as published, 4.
        learning_rate: of the first epoch; 0 = as published, 1e-4; 1e-3 of `learned`.
        schedule: of the rate: `constant`, but for `decay`; `cosine` = down to 0 at the end.
        decay: factor on the rate every `decay_epochs`.
        decay_epochs: 0 = the rate stays.
        least_rate: below which it does not fall.
        weight_decay: pull of the weights to 0.
        crop_px: side of the squares that are cut from pictures; 0 = whole ones of equal size.
        flip: mirror half of the pictures: along `both` axes as published, left and right `sides`
            alone, or `none`.
        detection: weight of the cross entropy of the probability.
        content: weight of the picture without highlights.
        pixel: weight of its absolute and squared difference; not published.
        highlight: how much more a highlight counts in `pixel` than the rest does.
        style: weight of its style; needs `vgg`.
        coarse: weight of what the removing network says.
        vgg: weights of VGG-19 (torchvision's file).
        save_images: `test_highlights` writes pictures.
        bfloat16: compute in 16 bits of a wide range, on a CPU, too: nearly twice as fast where it
            has instructions for it; else a CPU computes in 32 bits and a GPU in the usual 16.
        workers: threads that read the next step's pictures meanwhile; 0 = none.
        save_every: epochs between kept checkpoints, and between validations.
        keep: checkpoints that stay: the last ones, and the best; 0 = all.
        seed: of everything drawn at random.
        resume: go on from the last checkpoint in the output folder, if there is one.
    """

    section: ClassVar[str] = "highlight_training"  # of the settings, for messages

    method: Literal["unet_transformer", "learned"] = "unet_transformer"
    data: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    validation: float = 0.1
    start: str = ""
    weights: str = ""
    checkpoint: str = LATEST
    optimiser: Literal["adam", "sgd"] = "adam"
    epochs: int = 0
    batch: int = 0
    learning_rate: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    decay: float = 1.0
    decay_epochs: int = 0
    least_rate: float = 1e-5
    weight_decay: float = 0.0
    crop_px: int = 200
    flip: Flip = "both"
    detection: float = 1.0
    content: float = 1.0
    pixel: float = 0.0
    highlight: float = 0.0
    style: float = 0.0
    coarse: float = 1.0
    vgg: str = ""
    save_images: bool = False
    bfloat16: bool = False
    workers: int = 4
    save_every: int = 1
    keep: int = 3
    seed: int = 0
    resume: bool = True

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        falls = epoch // self.decay_epochs if self.decay_epochs else 0
        fallen = self.learning_rate * self.decay**falls
        return max(fallen, min(self.least_rate, self.learning_rate))


def filled(options: HighlightTrainingOptions) -> HighlightTrainingOptions:
    """The options with 0 replaced by what it means for the method.

    Raises:
        ConfigError: settings that make no sense together.
    """
    usual = USUAL[options.method]
    options = replace(options, **{k: v for k, v in usual.items() if not getattr(options, k)})
    if options.style > 0 and not options.vgg:
        raise ConfigError(
            f"highlight_training.style is {options.style:g}, but highlight_training.vgg names no "
            "file. Name torchvision's vgg19-dcbb9e9d.pth, or set style: 0."
        )
    if options.checkpoint not in (LATEST, BEST) and not options.checkpoint.isdigit():
        raise ConfigError(
            f"highlight_training.checkpoint is '{options.checkpoint}', expected latest, best, or "
            "the number of an epoch."
        )
    return options
