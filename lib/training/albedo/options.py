"""Settings of `train_albedo` and `test_albedo`: section `albedo_training`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from lib.errors import ConfigError
from lib.networks.uv_albedo import MULTIPLE


@dataclass(frozen=True)
class AlbedoTrainingOptions:
    """How the UV network is trained; defaults are those of the published `config_with_gl.yml`.

    Args:
        method: `face_texture` = by photos alone; `learned` = with the true albedo of made-up
            people, too.
        data: results or batch folders of runs, shards of truth (`shard_0000.h5`), and folders in
            the published layout (`file_list.txt`); empty = the run's photos, else the world of
            `synthesis`.
        start: weights that training begins with; empty = random.
        recognition: InceptionResnetV1 or ArcFace, which tells whether two pictures show the same
            person; `percep` needs it.
        chart: file `BFM_UV.mat` of the published chart; empty = the square about the face on the
            head's chart.
        width: channels of the first layer; 64 as published.
        chart_px: side of the chart; a multiple of 16.
        image_px: side of the crops that pictures are compared on.
        validation: share of the subjects that are kept for validation and for `test_albedo`.
        epochs: passes over the photos.
        batch: photos per step and process.
        learning_rate: of Adam, of the network and of its critics.
        photo: weight of the colour distance of render and photo.
        percep: weight of the distance of faces as the recognition network sees them.
        style: weight of the distance of their textures' statistics.
        reg_detail: weight of the albedo's distance to the head model's.
        grad: weight of the distance of gradients of albedo times light and the unwrapped photo.
        symmetry: weight of the albedo's distance to its mirror image.
        symmetry_threshold: distance up to which it counts nothing.
        chroma: weight of the albedo's changes where the photo's colour does not change.
        reg_light: weight of the light's distance to grey and to the global light.
        sparsity: weight of the albedo's distance to the head model's, larger on eyes and nose.
        uv_gan: weight of what a critic of charts says.
        img_gan: weight of what a critic of pictures says.
        gan: what critics are taught by: `lsgan` = squared distance to 1 and 0, `bce` = cross
            entropy.
        critic: `patch` = patches of a picture are judged, `global` = their mean.
        penalty: weight of the critics' gradient penalty; 10 in WGAN-GP, 0 = none.
        truth: weight of the distance to the true albedo, of method `learned`.
        workers: threads that read the next step's photos meanwhile; 0 = none.
        save_every: epochs between checkpoints and validations.
        keep: checkpoints that stay: the last ones, and the best; 0 = all.
        seed: of everything drawn at random.
        resume: go on from the last checkpoint in the output folder, if there is one.
    """

    section: ClassVar[str] = "albedo_training"  # of the settings, for messages
    schedule: ClassVar[str] = "constant"

    method: Literal["face_texture", "learned"] = "face_texture"
    data: list[str] = field(default_factory=list)
    start: str = ""
    recognition: str = ""
    chart: str = ""
    width: int = 64
    chart_px: int = 256
    image_px: int = 224
    validation: float = 0.1
    epochs: int = 10
    batch: int = 16
    learning_rate: float = 1e-4
    photo: float = 1.0
    percep: float = 0.2
    style: float = 1.0
    reg_detail: float = 1.0
    grad: float = 1.0
    symmetry: float = 0.1
    symmetry_threshold: float = 0.0
    chroma: float = 0.1
    reg_light: float = 1.0
    sparsity: float = 0.0
    uv_gan: float = 0.001
    img_gan: float = 0.001
    gan: Literal["lsgan", "bce"] = "lsgan"
    critic: Literal["patch", "global"] = "patch"
    penalty: float = 0.0
    truth: float = 1.0
    workers: int = 2
    save_every: int = 1
    keep: int = 3
    seed: int = 0
    resume: bool = True


def checked(options: AlbedoTrainingOptions) -> AlbedoTrainingOptions:
    """The options, if they can be trained with.

    Raises:
        ConfigError: they cannot.
    """
    section = options.section
    if options.percep and not options.recognition:
        raise ConfigError(
            f"{section}.percep is {options.percep}, but {section}.recognition is empty: nobody "
            "tells whether two pictures show the same person. Name weights of InceptionResnetV1 "
            f"or ArcFace (docs/training.md), or set {section}.percep: 0."
        )
    if options.chart_px % MULTIPLE or options.chart_px < MULTIPLE:
        raise ConfigError(
            f"{section}.chart_px is {options.chart_px}, expected a multiple of {MULTIPLE}; 256 as "
            "published."
        )
    return options
