"""Settings of `train_detail_coarse` and `train_detail_fine`: section `detail_training`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from lib.errors import ConfigError

Part = Literal["coarse", "fine"]
# What 0 means: the values of the published commands.
PUBLISHED = {
    "coarse": {
        "steps": 100_000,
        "batch": 16,
        "decay_steps": 2000,
        "decay_rate": 0.98,
        "least_rate": 1e-6,
    },
    "fine": {
        "steps": 10_001,
        "batch": 48,
        "decay_steps": 5000,
        "decay_rate": 0.99,
        "least_rate": 1e-7,
    },
}
SMALLEST_CHART = 16


@dataclass(frozen=True)
class DetailTrainingOptions:
    """How the networks of the detail layer are trained; defaults are those of `run_train.sh`.

    Args:
        data: TFRecords, folders of them, results folders of runs after `write_detail_dataset`, and
            shards of truth (`shard_0000.h5`); empty = the run's photos, else the world of
            `synthesis`.
        coarse: weights of the coarse network: to begin with for `train_detail_coarse`, those
            beneath the relief for `train_detail_fine`; empty = VGG-Face of `recognition` or random
            weights, and those that `train_detail_coarse` made.
        fine: weights that `train_detail_fine` begins with; empty = random.
        recognition: VGG-Face (`vgg-face.mat` or imported weights), which compares faces and whose
            convolutions the coarse network begins with; empty = gradients of the pictures.
        average: what is taken off the pictures that VGG-Face compares: nothing, as published, or
            the average that its file tells.
        width: share of the published channels of both networks.
        input_px: side that crops of 300 px are reduced to for the coarse network.
        chart_px: side of the chart that the fine network looks at.
        contour: `fixed` = outline points that turned away pull the nearest vertex of the seen
            outline; `published` = they pull nothing, and a brow point counts as outline.
        silhouette: where rendered depths and normals are compared: where `both` meshes are, or as
            `published` also where one is and the other counts as -1.
        validation: share of the subjects that are kept for validation.
        steps: of Adam; 0 = as published.
        batch: photos per step and process; 0 = as published.
        learning_rate: at the first step.
        decay_steps: steps over which the rate falls by `decay_rate`; 0 = as published.
        decay_rate: factor; 0 = as published.
        least_rate: below which the rate does not fall; 0 = as published.
        clip: gradients are cut to plus and minus this.
        colour: largest change of each channel.
        flip: mirror half of the photos.
        scale: largest change of scale.
        landmark3d: weight of the 86 points.
        landmark2d: weight of the outline.
        photo: weight of the colour difference.
        identity: weight of the distance between faces as VGG-Face sees them.
        shape: weight of the identity coefficients' size.
        expression: weight of the expression coefficients' size.
        albedo: weight of the albedo coefficients' size.
        displacement: weight of the relief's size, on the chart, on screen, and where none may be.
        displacement_normal: weight of the change of the normals.
        smooth: weight of the mesh's roughness.
        smooth_normal: weight of the roughness of its normals.
        smooth_uv: weight of the relief's differences between texels.
        workers: threads that read the next step's photos meanwhile; 0 = none.
        save_steps: between checkpoints, and between validations.
        keep: checkpoints that stay: the last ones, and the one of the best validation.
        print_every: steps between lines in the log and rows of the curves; 0 = none.
        pictures_every: steps between pictures of what the networks say; 0 = none.
        seed: of everything drawn at random.
        resume: go on from the last checkpoint in the output folder, if there is one.
    """

    section: ClassVar[str] = "detail_training"  # of the settings, for messages
    schedule: ClassVar[str] = "decay"
    save_every: ClassVar[int] = 1

    data: list[str] = field(default_factory=list)
    coarse: str = ""
    fine: str = ""
    recognition: str = ""
    average: Literal["published", "subtracted"] = "published"
    width: float = 1.0
    input_px: int = 224
    chart_px: int = 512
    contour: Literal["fixed", "published"] = "fixed"
    silhouette: Literal["both", "published"] = "both"
    validation: float = 0.1
    steps: int = 0
    batch: int = 0
    learning_rate: float = 1e-5
    decay_steps: int = 0
    decay_rate: float = 0.0
    least_rate: float = 0.0
    clip: float = 1.0
    colour: float = 0.2
    flip: bool = True
    scale: float = 0.1
    landmark3d: float = 1.0
    landmark2d: float = 0.5
    photo: float = 1.0
    identity: float = 0.8
    shape: float = 3.0
    expression: float = 10.0
    albedo: float = 1.0
    displacement: float = 1e-3
    displacement_normal: float = 1e-3
    smooth: float = 1.0
    smooth_normal: float = 1.0
    smooth_uv: float = 0.01
    workers: int = 4
    save_steps: int = 1000
    keep: int = 3
    print_every: int = 100
    pictures_every: int = 500
    seed: int = 0
    resume: bool = True

    @property
    def epochs(self) -> int:
        """Rounds of `save_steps` steps; the last may be shorter."""
        return -(-self.steps // self.save_steps)

    @property
    def method(self) -> str:
        """What checkpoints are told to be of."""
        return "detail_layer"

    def rate(self, step: int) -> float:
        """The learning rate after so many steps: a continuous exponential decay with an end."""
        decayed = self.learning_rate * self.decay_rate ** (step / self.decay_steps)
        return max(decayed, self.least_rate)


def filled(options: DetailTrainingOptions, part: Part) -> DetailTrainingOptions:
    """The options with 0 replaced by what the published command of a part has.

    Raises:
        ConfigError: numbers that make no sense.
    """
    changes = {name: value for name, value in PUBLISHED[part].items() if not getattr(options, name)}
    options = replace(options, **changes)
    section = options.section
    if options.input_px % 32 or options.input_px < 32:
        raise ConfigError(f"{section}.input_px is {options.input_px}, expected a multiple of 32.")
    levels = math.log2(options.chart_px)
    if levels % 1 or options.chart_px < SMALLEST_CHART:
        raise ConfigError(
            f"{section}.chart_px is {options.chart_px}, expected a power of 2 from "
            f"{SMALLEST_CHART} on; 512 as published."
        )
    return options


def widths_of(published: tuple[int, ...], share: float) -> tuple[int, ...]:
    """A share of published channels, at least one each."""
    return tuple(max(1, round(share * width)) for width in published)
