"""Training of a coefficient regressor: what a step asks, its loss, and how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from lib.artefacts import BatchReader
from lib.artefacts.samples import PART_UNKNOWN, CoarseSample
from lib.errors import ConfigError
from lib.facemodel import PARTS
from lib.fitting.part_distance import PartTargets
from lib.geometry.crop_camera import MM_PER_UNIT
from lib.networks.arcface import load_arcface
from lib.networks.checkpoints import read_checkpoint, weights_in
from lib.networks.regressor import CodeLayout, CoefficientRegressor, recon_weights, split_code
from lib.training.coarse.augment import (
    Change,
    changed_image,
    changed_labels,
    changed_points,
    draw_change,
    no_change,
)
from lib.training.coarse.face import Picture, TrainedFace, picture
from lib.training.coarse.losses import (
    landmark_loss,
    light_loss,
    photometric_loss,
    reflectance_loss,
    regularisation_loss,
    shape_loss,
)
from lib.training.coarse.options import CoarseOptions
from lib.training.coarse.parts import crop_targets, part_loss
from lib.training.coarse.recognition import (
    Describer,
    gradient_histogram,
    matrices_of,
    perceptual_distance,
)
from lib.training.coarse.rendered import Population, rendered_sample
from lib.training.coarse.samples import SampleFile

CROP_PX = 224
FAR_OFF = 1000  # px, beyond what a picture of points draws
BACKBONE_KEY = "backbone."


@dataclass(frozen=True)
class Asked:
    """Crops of a step and what is known of them.

    Args:
        image: (n, 3, 224, 224) sRGB 0..1.
        skin: (n, 224, 224) 0..1.
        landmarks_up: (n, 68, 2) crop px, y up; 0 where unknown.
        landmarks_known: (n, 68) bool.
        anchors: (n, a, 2) px of the part distance; a = 0 where it has no weight.
        descriptors: (n, 8, a, 3) px of the true parts.
        present: (n, 8) bool.
        neutral_mm: (n, v, 3) about the object origin; 0 where unknown.
        posed_mm: (n, v, 3) with expression.
        truth_known: (n,) bool.
    """

    image: torch.Tensor
    skin: torch.Tensor
    landmarks_up: torch.Tensor
    landmarks_known: torch.Tensor
    anchors: torch.Tensor
    descriptors: torch.Tensor
    present: torch.Tensor
    neutral_mm: torch.Tensor
    posed_mm: torch.Tensor
    truth_known: torch.Tensor

    def to(self, device: torch.device) -> Asked:
        """The same on a device."""
        return Asked(*(getattr(self, f.name).to(device) for f in fields(self)))


def joined_asks(parts: Sequence[Asked]) -> Asked:
    """One ask of several."""
    names = [f.name for f in fields(Asked)]
    return Asked(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


class CoarseTask:
    """What `lib.training.loop` asks for, with batches seen as a whole.

    Args:
        face: tensors of the head model.
        layout: of the code.
        files: prepared samples.
        options: of the training.
        device: where it computes.
        people: whom faces for `rendered` are drawn from.
    """

    name = "coarse"

    def __init__(
        self,
        face: TrainedFace,
        layout: CodeLayout,
        files: Sequence[SampleFile],
        options: CoarseOptions,
        device: torch.device,
        people: Population | None = None,
    ):
        self.drawn_face = face
        self.people = people if options.rendered > 0 else None
        self.face, self.layout, self.options = face.to(device), layout, options
        self.places = [(file.path, name) for file in files for name in file.names]
        self.describe: Describer = gradient_histogram
        if options.recognition:
            self.describe = load_arcface(options.recognition).to(device)
        self._readers: dict[Path, BatchReader[CoarseSample]] = {}

    def network(self) -> CoefficientRegressor:
        """A network that says the mean face, or one with the weights of `start`."""
        network = CoefficientRegressor(
            self.options.backbone, self.layout, input_px=self.options.input_px
        )
        if self.options.start:
            load_start(network, self.options.start)
        return network

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """One sample, or a random face over its surroundings, changed at random."""
        sample = self.sample(index)
        if self.people is not None and chance.random() < self.options.rendered:
            sample = rendered_sample(self.drawn_face, self.people, sample, chance)
        return self.asked(sample, draw_change(self.options, CROP_PX, chance))

    def sample(self, index: int) -> CoarseSample:
        """A prepared sample."""
        path, name = self.places[index]
        if path not in self._readers:
            self._readers[path] = BatchReader(path, CoarseSample)
        return self._readers[path][name]

    def asked(self, sample: CoarseSample, change: Change) -> Asked:
        """A sample after a change, as a batch of one."""
        marks = changed_points(sample.landmarks_px.astype(np.float64), change)
        known = np.isfinite(marks).all(1)
        up = np.where(known[:, None], marks * [1, -1] + [0, CROP_PX - 1], 0)
        shapes = [self._shape(mesh, change) for mesh in (sample.neutral_mm, sample.posed_mm)]
        image = changed_image(sample.image, change)
        return Asked(
            torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255,
            torch.from_numpy(changed_image(sample.skin, change))[None].float() / 255,
            torch.from_numpy(up.astype(np.float32))[None],
            torch.from_numpy(known)[None],
            *self._parts(sample.part, change),
            *shapes,
            torch.tensor([len(sample.neutral_mm) > 0]),
        )

    def _parts(
        self, labels: np.ndarray, change: Change
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Anchors, descriptors and presence of the parts of a crop, as a batch of one."""
        if self.options.parts <= 0:
            nothing = torch.zeros(1, len(PARTS), 0, 3)
            return torch.zeros(1, 0, 2), nothing, torch.zeros(1, len(PARTS), dtype=torch.bool)
        unknown = labels[0, 0] == PART_UNKNOWN
        found = crop_targets(labels if unknown else changed_labels(labels, change))
        return found.anchors[None], found.descriptors, found.present

    def _shape(self, mesh: np.ndarray, change: Change) -> torch.Tensor:
        """(1, v, 3) true vertices, seen in a mirror where the crop is."""
        if not len(mesh):
            return torch.zeros(1, len(self.face.vertex), 3)
        if change.flip:
            mesh = mesh[self.face.mirror.cpu().numpy()] * np.float32([-1, 1, 1])
        return torch.tensor(mesh)[None]

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        return asked.to(device)

    def loss(self, network: torch.nn.Module, asked: Asked) -> torch.Tensor:
        return self.batch_loss(network, [asked])

    def batch_loss(self, network: torch.nn.Module, batch: Sequence[Asked]) -> torch.Tensor:
        """The weighted sum of all terms."""
        asked = joined_asks(batch)
        code = network(asked.image).float()
        with torch.autocast(asked.image.device.type, enabled=False):
            terms, _ = self.terms(code, asked)
        return sum(terms.values())

    def terms(self, code: torch.Tensor, asked: Asked) -> tuple[dict[str, torch.Tensor], Picture]:
        """Every weighted term of codes (n, total), and the picture that they make."""
        options, face = self.options, self.face
        parts = split_code(code, self.layout)
        seen = picture(face, parts, options.render_px)
        photo, skin = self._photo(asked)
        terms = {
            "photo": options.photometric
            * photometric_loss(seen.colour, photo.permute(0, 2, 3, 1), skin * seen.front),
            "landmarks": options.landmark
            * landmark_loss(seen.landmarks_up, asked.landmarks_up, asked.landmarks_known),
            "size": options.regularisation * regularisation_loss(parts, options),
            "light": options.light * light_loss(parts.light),
            "reflectance": options.reflectance * reflectance_loss(seen.texture, face.skin),
        }
        if options.perceptual > 0:
            scale = options.render_px / CROP_PX
            terms["perceptual"] = options.perceptual * perceptual_distance(
                self.describe,
                seen.colour.permute(0, 3, 1, 2),
                photo,
                matrices_of(seen.landmarks_up * scale, options.render_px),
                matrices_of(asked.landmarks_up * scale, options.render_px),
            )
        if options.parts > 0:
            targets = PartTargets(asked.anchors[0], asked.descriptors, asked.present)
            terms["parts"] = options.parts * part_loss(face, seen, targets)
        if options.truth > 0:
            neutral = face.shape(parts.identity, torch.zeros_like(parts.expression))
            known = asked.truth_known
            terms["truth"] = options.truth * (
                shape_loss(MM_PER_UNIT * neutral, asked.neutral_mm, known)
                + shape_loss(MM_PER_UNIT * seen.shape, asked.posed_mm, known)
            )
        return terms, seen

    def _photo(self, asked: Asked) -> tuple[torch.Tensor, torch.Tensor]:
        """Photo (n, 3, px, px) and skin (n, px, px) as large as the pictures."""
        px = self.options.render_px
        if px == CROP_PX:
            return asked.image, asked.skin
        both = torch.cat([asked.image, asked.skin[:, None]], 1)
        both = F.interpolate(both, (px, px), mode="bilinear", antialias=True, align_corners=False)
        return both[:, :3], both[:, 3]

    def score(
        self, network: torch.nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss and terms of one unchanged sample, and its errors in px and mm where known."""
        asked = self.asked(self.sample(index), no_change()).to(device)
        with torch.no_grad():
            code = network(asked.image).float()
            terms, seen = self.terms(code, asked)
        found = {name: float(value) for name, value in terms.items()}
        away = (seen.landmarks_up - asked.landmarks_up).norm(dim=-1)
        pixels = away[asked.landmarks_known]
        scores: dict[str, float | None] = {"loss": sum(found.values()), **found}
        scores["landmarks_px"] = float(pixels.mean()) if len(pixels) else None
        scores |= {"neutral_mm": None, "posed_mm": None}
        if bool(asked.truth_known.all()):
            parts = split_code(code, self.layout)
            neutral = self.face.shape(parts.identity, torch.zeros_like(parts.expression))
            scores["neutral_mm"] = _mean_distance(MM_PER_UNIT * neutral, asked.neutral_mm)
            scores["posed_mm"] = _mean_distance(MM_PER_UNIT * seen.shape, asked.posed_mm)
        return scores


def _mean_distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm(dim=-1).mean())


def load_start(network: CoefficientRegressor, path: str) -> None:
    """Put the weights of a regressor, or of a classifier's backbone, into a new network.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: its weights do not fit.
    """
    what = "weights to begin with: a regressor's, or a backbone's of ImageNet"
    content = read_checkpoint(path, what)
    state = recon_weights(content, path, what)
    if not any(key.startswith(BACKBONE_KEY) for key in state):
        plain = weights_in(content, path, what)
        state = {f"{BACKBONE_KEY}{key}": value for key, value in plain.items() if "fc" not in key}
    own = network.state_dict()
    wrong = [key for key, value in state.items() if key in own and own[key].shape != value.shape]
    there = [key for key in state if key in own]
    lost = [key for key in own if key.startswith(BACKBONE_KEY) and key not in state]
    if wrong or not there or lost:
        raise ConfigError(
            f"coarse_training.start: {path} fits {len(there) - len(wrong)} of the {len(own)} "
            f"weights of {network.backbone.__class__.__name__}, expected all of its backbone. "
            "Set coarse_training.backbone to the one that the file holds."
        )
    network.load_state_dict({**own, **{key: state[key] for key in there}})


def draw_panels(task: CoarseTask, network: torch.nn.Module, indices: Sequence[int]) -> np.ndarray:
    """(h, w, 3) uint8: crop, crop with the face of its code, and points, one row per sample."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    rows = []
    for index in indices:
        sample = task.sample(index)
        asked = task.asked(sample, no_change()).to(device)
        with torch.no_grad():
            code = split_code(network(asked.image).float(), task.layout)
            seen = picture(task.face, code, CROP_PX)
        mask = seen.mask[0].cpu().numpy()[..., None]
        drawn = np.clip(255 * seen.colour[0].cpu().numpy(), 0, 255).astype(np.uint8)
        over = np.where(mask, drawn, sample.image)
        marked = over.copy()
        for points, colour in (
            (asked.landmarks_up, (60, 120, 255)),
            (seen.landmarks_up, (255, 60, 60)),
        ):
            places = points[0].cpu().numpy() * [1, -1] + [0, CROP_PX - 1]
            places = places[(np.abs(places) < FAR_OFF).all(1)]  # a network that diverges
            for x, y in np.rint(places).astype(int).tolist():
                cv2.circle(marked, (x, y), 1, colour, -1)
        rows.append(np.hstack([sample.image, over, marked]))
    network.train(was_training)
    return np.vstack(rows)
