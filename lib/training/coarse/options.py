"""Settings of `train_coarse`; equal to section `coarse_training` of the config schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

Schedule = Literal["step", "linear", "cosine", "plateau", "constant"]


@dataclass(frozen=True)
class CoarseOptions:
    """How a coefficient regressor is trained. Defaults are those of Deep3DFaceRecon.

    Args:
        data: shards of truth (`shard_0000.h5`), results folders of runs on photos, and lists of
            masks in the published layout (`masks.txt`); empty = the run's own photos, else the
            world of `synthesis`.
        backbone: of the network.
        start: weights to begin with: a backbone's (ImageNet) or a regressor's; empty = random.
        input_px: side of the crops that the network sees; 224 as published.
        render_px: side of the pictures that are compared; 224 as published.
        recognition: ArcFace weights for the perceptual term; empty = gradients of the picture.
        photo_mask: `front` = the front of the face; `published` = the triangles that the published
            code took for it (published topology alone).
        validation: share of the subjects that are kept for validation.
        epochs: passes over the data.
        batch: crops per step and process.
        learning_rate: of Adam.
        schedule: `step` = times 0.2 every `decay_epochs`; `linear` falls to 0; `cosine`; `plateau`
            = times 0.2 after 5 validations without gain; `constant`.
        decay_epochs: of `step`.
        shift_px: largest shift of augmented crops.
        scale: largest change of scale.
        rotation_deg: largest turn.
        flip: mirror half of the crops.
        colour: largest change of brightness and of each channel; 0 as published.
        rendered: share of the crops over whose faces a random face of the head model is drawn, with
            its shape known; 0 as published.
        perceptual: weight of the distance of recognition embeddings.
        photometric: weight of the colour difference.
        landmark: weight of the 68 points.
        regularisation: weight of the coefficients' size.
        identity: share of identity in it.
        expression: share of expression in it.
        albedo: share of albedo in it.
        light: weight of the light's colour.
        reflectance: weight of uneven albedo of the skin.
        parts: weight of the part re-projection distance, where parts are known.
        truth: weight of the distance to the true shape in mm, where it is known.
        workers: threads that prepare the next step's crops meanwhile; 0 = none.
        save_every: epochs between kept checkpoints, and between validations.
        print_every: steps between lines in the log and rows of the curves; 0 = epochs alone.
        pictures_every: steps between pictures of what the network says; 0 = none.
        seed: of everything drawn at random.
        resume: go on from the last checkpoint in the output folder, if there is one.
    """

    section: ClassVar[str] = "coarse_training"  # of the settings, for messages

    data: list[str] = field(default_factory=list)
    backbone: Literal["resnet50", "resnet18", "mobilenet_v3"] = "resnet50"
    start: str = ""
    input_px: int = 224
    render_px: int = 224
    recognition: str = ""
    photo_mask: Literal["front", "published"] = "front"
    validation: float = 0.1
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 1e-4
    schedule: Schedule = "step"
    decay_epochs: int = 10
    shift_px: float = 10.0
    scale: float = 0.1
    rotation_deg: float = 10.0
    flip: bool = True
    colour: float = 0.0
    rendered: float = 0.0
    perceptual: float = 0.2
    photometric: float = 1.92
    landmark: float = 1.6e-3
    regularisation: float = 3e-4
    identity: float = 1.0
    expression: float = 0.8
    albedo: float = 1.7e-2
    light: float = 10.0
    reflectance: float = 5.0
    parts: float = 0.0
    truth: float = 0.0
    workers: int = 4
    save_every: int = 1
    print_every: int = 100
    pictures_every: int = 1000
    seed: int = 0
    resume: bool = True

    @property
    def method(self) -> str:
        """What checkpoints are told to be of."""
        return self.backbone
