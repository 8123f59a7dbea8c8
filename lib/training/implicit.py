"""Training of the implicit function: what a step asks, and how good the answers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.implicit.learned import footprints, learned_view
from lib.implicit.published import normalised_distances, published_view
from lib.networks.matcher import Matcher
from lib.networks.mvfr import ImplicitNet
from lib.training.options import TrainingOptions
from lib.training.points import answers, draw_queries, published_width
from lib.training.scenes import Scene
from lib.training.store import SceneStore

LEARNED_WIDTH = 2.0  # standard deviation of the right answers of our network, in intervals
PROFILES = 192  # texels of a capture whose whole profile is looked at in validation
CHUNK = 50_000
FEWEST_VIEWS = 3  # that our network is shown: it must do with any number
FINENESS = (0.5, 1, 1, 2, 4)  # intervals that our network is trained for, over the one given
PATCH = 0.12  # radius of the part of the chart that one step of our network looks at
CLOSE_MM = 1.0
PER_POINT = ("points", "distance", "answer", "seen", "footprint")


@dataclass(frozen=True)
class Queries:
    """Points to ask about, what is seen of them, and the right answers.

    Args:
        images: of each view, as the method's network takes it.
        projections: (3, 4) of each view.
        points: (p, 3) float32 mm.
        distance: (p,) float32 from the base: mm for our network, half ranges for the published.
        answer: (p,) float32 0..1.
        seen: (n_views, p) float32 cosine, 0 = not seen.
        footprint: (n_views,) float32 pixel size in intervals.
    """

    images: tuple[torch.Tensor, ...]
    projections: tuple[torch.Tensor, ...]
    points: torch.Tensor
    distance: torch.Tensor
    answer: torch.Tensor
    seen: torch.Tensor
    footprint: torch.Tensor


class Steps(NamedTuple):
    """Hypotheses along a normal: how far apart, and how many."""

    interval_mm: float
    count: int


class ImplicitTask:
    """The implicit function of a method, trained on prepared scenes.

    Args:
        store: of the scenes.
        options: `filled` for this task.
    """

    name = "implicit"

    def __init__(self, store: SceneStore, options: TrainingOptions):
        self.store, self.options = store, options
        published = options.method == "mvfr"
        self.width = published_width(options.d_size) if published else LEARNED_WIDTH

    def network(self) -> nn.Module:
        """A network with random weights; the generator of PyTorch tells which."""
        if self.options.method == "mvfr":
            return ImplicitNet(self.options.norm, long_side_px=self.options.long_side_px)
        return Matcher(self.options.range_mm)

    def draw(self, index: int, chance: np.random.Generator) -> Queries:
        """What a step asks about one capture; ours is asked at several fineness, too."""
        scene, options = self.store[index], self.options
        steps = self._steps(chance.choice(FINENESS) if options.method == "learned" else 1)
        views = self._choose(scene, chance)
        known = scene.known & ((scene.seen[views] > 0).sum(axis=0) >= 2)
        if options.method == "learned":  # a part of each picture, so that a step costs little
            known = _patch(known, chance)
        distance = scene.distance_mm[known] / steps.interval_mm
        texel, hypothesis = draw_queries(
            distance, options.points, options.sigma, steps.count, chance
        )
        off = hypothesis - distance[texel]
        place = np.flatnonzero(known)[texel]
        return self._queries(scene, views, place, hypothesis, off, steps)

    def profiles(self, index: int) -> tuple[Queries, np.ndarray]:
        """All hypotheses of some texels, always the same ones; (t,) true distance in intervals."""
        scene, options = self.store[index], self.options
        steps = self._steps(1)
        views = np.arange(len(scene.images))[: options.views or None]
        known = scene.known & ((scene.seen[views] > 0).sum(axis=0) >= 2)
        chance = np.random.default_rng([options.seed, 2, index])
        texel = chance.choice(np.flatnonzero(known), min(PROFILES, known.sum()), replace=False)
        distance = scene.distance_mm.ravel()[texel] / steps.interval_mm
        hypothesis = np.repeat(np.arange(steps.count) - steps.count // 2, len(texel))
        off = hypothesis - np.tile(distance, steps.count)
        place = np.tile(texel, steps.count)
        return self._queries(scene, views, place, hypothesis, off, steps), distance

    def _steps(self, factor: float) -> Steps:
        """The hypotheses at a fineness: the same range, or fewer of them."""
        count = int(self.options.d_size / factor) | 1 if factor != 1 else self.options.d_size
        return Steps(self.options.interval_mm * float(factor), count)

    def respond(self, network: nn.Module, asked: Queries) -> torch.Tensor:
        """(p,) log odds of our network; responses of the published one."""
        features = [network.features(image) for image in asked.images]
        found = []
        for first in range(0, len(asked.points), CHUNK):
            part = slice(first, first + CHUNK)
            given = [features, asked.projections, asked.points[part]]
            if self.options.method == "mvfr":
                found.append(network.respond(*given, asked.distance[part]))
            else:
                seen = asked.seen[:, part]
                found.append(network.respond(*given, seen, asked.footprint, asked.distance[part]))
        return torch.cat(found).float()

    def loss(self, network: nn.Module, asked: Queries) -> torch.Tensor:
        """The loss of one capture's queries."""
        found = self.respond(network, asked)
        return implicit_loss(found, asked.answer, self.options.loss, self.options.method != "mvfr")

    def to_device(self, asked: Queries, device: torch.device) -> Queries:
        """The queries on a device."""
        return Queries(
            tuple(image.to(device) for image in asked.images),
            tuple(projection.to(device) for projection in asked.projections),
            *(getattr(asked, name).to(device) for name in PER_POINT),
        )

    @torch.no_grad()
    def score(self, network: nn.Module, index: int, device: torch.device) -> dict[str, float]:
        """Loss, and how far the best hypothesis of a texel, and the base, are from the truth."""
        asked, distance = self.profiles(index)
        asked = self.to_device(asked, device)
        found = self.respond(network, asked)
        logits = self.options.method != "mvfr"
        loss = implicit_loss(found, asked.answer, self.options.loss, logits)
        best = found.reshape(self.options.d_size, -1).argmax(0).cpu().numpy()
        error = np.abs(best - self.options.d_size // 2 - distance) * self.options.interval_mm
        return {
            "loss": float(loss),
            "median_mm": float(np.median(error)),
            "mean_mm": float(error.mean()),
            "close": float((error <= CLOSE_MM).mean()),
            "base_median_mm": float(np.median(np.abs(distance)) * self.options.interval_mm),
        }

    def _choose(self, scene: Scene, chance: np.random.Generator) -> np.ndarray:
        """Views of a step in their order: as many as asked for; ours is shown any number."""
        most = min(len(scene.images), self.options.views or len(scene.images))
        count = most
        if self.options.method == "learned" and most > FEWEST_VIEWS:
            count = int(chance.integers(FEWEST_VIEWS, most + 1))
        return np.sort(chance.choice(len(scene.images), count, replace=False))

    def _queries(
        self,
        scene: Scene,
        views: np.ndarray,
        texel: np.ndarray,
        hypothesis: np.ndarray,
        off: np.ndarray,
        steps: Steps,
    ) -> Queries:
        options = self.options
        position, normal = (item.reshape(-1, 3)[texel] for item in (scene.position, scene.normal))
        points = position + normal * (hypothesis * steps.interval_mm)[:, None].astype(np.float32)
        pairs = [(scene.images[view], scene.cameras[view]) for view in views]
        if options.method == "mvfr":
            shown = [published_view(*pair, options.long_side_px) for pair in pairs]
            footprint = torch.ones(len(views))
            told = normalised_distances(options.d_size)[hypothesis + options.d_size // 2]
        else:
            ends = (options.range_mm, -options.range_mm)
            reach = np.concatenate([position + normal * end for end in ends])
            shown = [learned_view(*pair, reach, steps.interval_mm) for pair in pairs]
            footprint = footprints(shown, steps.interval_mm)
            told = hypothesis * steps.interval_mm
        seen = scene.seen[views].reshape(len(views), -1)[:, texel]
        return Queries(
            images=tuple(view.image for view in shown),
            projections=tuple(view.projection for view in shown),
            points=torch.from_numpy(points.astype(np.float32)),
            distance=torch.from_numpy(np.asarray(told, np.float32)),
            answer=torch.from_numpy(answers(off, steps.count, self.width)),
            seen=torch.from_numpy(np.ascontiguousarray(seen)),
            footprint=footprint,
        )


def _patch(known: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The known texels around one of them."""
    rows, cols = np.nonzero(known)
    if len(rows) == 0:
        return known
    pick = chance.integers(len(rows))
    near = (rows - rows[pick]) ** 2 + (cols - cols[pick]) ** 2 <= (PATCH * known.shape[1]) ** 2
    result = np.zeros_like(known)
    result[rows[near], cols[near]] = True
    return result


def implicit_loss(
    found: torch.Tensor, answer: torch.Tensor, kind: str, logits: bool
) -> torch.Tensor:
    """Mean loss of responses, or of log odds."""
    if kind == "bce":
        if logits:
            return F.binary_cross_entropy_with_logits(found, answer)
        return F.binary_cross_entropy(found.clamp(1e-6, 1 - 1e-6), answer)
    found = torch.sigmoid(found) if logits else found
    return F.l1_loss(found, answer) if kind == "l1" else F.mse_loss(found, answer)
