"""What a step of training the UV network asks, its loss, and how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from lib.albedo.face_chart import FaceChart
from lib.imaging import srgb_to_linear
from lib.metrics.albedo import score_albedo
from lib.networks.discriminators import PatchDiscriminator, gan_loss, gradient_penalty
from lib.networks.inception_resnet import Recogniser
from lib.networks.uv_albedo import UVMaps, UVNet, UVNetOptions, load_uvnet
from lib.training.albedo import losses
from lib.training.albedo.decoder import before, chart_shading, pictures_of
from lib.training.albedo.options import AlbedoTrainingOptions
from lib.training.albedo.samples import Asked, load_sample, tensors_of

NAME = "albedo"
Terms = dict[str, torch.Tensor]


class AlbedoNetworks(nn.Module):
    """The network and its critics: one state, so that a checkpoint holds all of them.

    Weights begin as published; ours (`learned`) begins with the ambient light alone, since random
    light would be unlearned for hundreds of steps first.

    Args:
        options: of the training.
    """

    def __init__(self, options: AlbedoTrainingOptions):
        super().__init__()
        self.generator = UVNet(UVNetOptions(options.width))
        if options.method == "learned":
            nn.init.zeros_(self.generator.light_decoder.network[-1].weight)
        wanted = {"uv": options.uv_gan, "image": options.img_gan}
        self.critics = nn.ModuleDict(
            {
                name: PatchDiscriminator(3, options.width, options.critic)
                for name, weight in wanted.items()
                if weight
            }
        )

    def judged(self, name: str, pictures: torch.Tensor) -> torch.Tensor:
        """Scores by a critic whose weights carry no gradient, and learn nothing of this call."""
        critic = self.critics[name]
        fixed = {key: value.detach() for key, value in critic.named_parameters()}
        fixed |= {key: value.clone() for key, value in critic.named_buffers()}
        return functional_call(critic, fixed, (pictures,))


@dataclass(frozen=True)
class Drawn:
    """What maps look like.

    Args:
        shaded: (n, 3, s, s) albedo times light on the chart.
        render: (n, 3, h, h) the same on the crop.
        composed: (n, 3, h, h) 0..1 before the photo.
    """

    shaded: torch.Tensor
    render: torch.Tensor
    composed: torch.Tensor


@dataclass(frozen=True)
class AlbedoTask:
    """Samples in files, `AlbedoNetworks` out; what `lib.training.loop` asks for.

    Network and critics take one step together: the network is judged by critics whose weights
    count as constants, and critics learn from pictures that count as constants. One Adam of
    equal rates for all is the same as one for each, and the published order is unknown.

    Args:
        files: one per photo.
        chart: of the head model.
        options: `checked`.
        recogniser: of `percep`; None where its weight is 0.
    """

    files: tuple[Path, ...]
    chart: FaceChart
    options: AlbedoTrainingOptions
    recogniser: Recogniser | None = None

    @property
    def name(self) -> str:
        return NAME

    def network(self) -> AlbedoNetworks:
        networks = AlbedoNetworks(self.options)
        if self.options.start:
            networks.generator.load_state_dict(load_uvnet(self.options.start).network.state_dict())
        return networks

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """A photo, with its own noise where it shows nothing."""
        seed = int(chance.integers(2**31))
        return tensors_of(load_sample(self.files[index]), self.chart, seed)

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        return {name: part.to(device) for name, part in asked.items()}

    def loss(self, network: nn.Module, asked: Asked) -> torch.Tensor:
        return self.batch_loss(network, [asked])

    def batch_loss(self, network: nn.Module, batch: Sequence[Asked]) -> torch.Tensor:
        """The weighted sum of all terms, and what the critics learn from."""
        asked = {name: torch.cat([one[name] for one in batch]) for name in batch[0]}
        with torch.autocast(asked["input"].device.type, enabled=False):
            maps = network.generator(asked["input"])
            drawn = drawn_maps(maps, asked)
            total = sum(self.terms(maps, drawn, asked).values())
            return total + self._game(network, drawn, asked)

    def terms(self, maps: UVMaps, drawn: Drawn, asked: Asked) -> Terms:
        """All terms but the game with critics, each times its weight; those of weight 0 are out."""
        options, face = self.options, asked["face"]
        seen = asked["seen"]
        shown = torch.where(seen > 0, asked["photo"], asked["coarse"])
        both = maps.albedo, asked["coarse"]

        def percep() -> torch.Tensor:
            wanted = self.recogniser(asked["crop"])
            return losses.identity_distance(self.recogniser(drawn.composed), wanted)

        makers = {
            "photo": lambda: losses.photometric(drawn.render, asked["crop"], asked["mask"]),
            "percep": percep,
            "style": lambda: losses.style_distance(drawn.render, asked["crop"], asked["mask"]),
            "reg_detail": lambda: losses.detail_size(*both, asked["skin"]),
            "grad": lambda: losses.gradient_distance(drawn.shaded, asked["photo"], seen),
            "symmetry": lambda: losses.symmetry_distance(
                maps.albedo, face, options.symmetry_threshold
            ),
            "chroma": lambda: losses.chroma_smoothness(
                maps.albedo, losses.chromaticity(shown), face
            ),
            "reg_light": lambda: losses.light_size(maps.light, asked["gamma"], face),
            "sparsity": lambda: losses.sparse_size(*both, asked["importance"], face),
        }
        if options.method == "learned":
            makers["truth"] = lambda: losses.truth_distance(
                maps.albedo, asked["truth"], asked["known"]
            )
        weights = {name: getattr(options, name) for name in makers}
        return {name: weights[name] * make() for name, make in makers.items() if weights[name]}

    def _game(self, network: AlbedoNetworks, drawn: Drawn, asked: Asked) -> torch.Tensor:
        """What critics say of made pictures, weighted, and what they learn.

        On the chart, real ones are unwrapped photos where they show skin; made ones are cut to
        what the next photo of the step shows, so that the unseen side is judged, too.
        """
        seen = (asked["seen"] > 0).float()
        pairs = {
            "uv": (asked["photo"] * seen, drawn.shaded * seen.roll(1, 0), self.options.uv_gan),
            "image": (asked["crop"], drawn.composed, self.options.img_gan),
        }
        total = drawn.render.new_zeros(())
        for name, critic in network.critics.items():
            real, made, weight = pairs[name]
            real, made = 2 * real - 1, 2 * made - 1
            kind, fixed = self.options.gan, made.detach()
            total = total + weight * gan_loss(network.judged(name, made), True, kind)
            lesson = gan_loss(critic(real), True, kind) + gan_loss(critic(fixed), False, kind)
            total = total + 0.5 * lesson
            if self.options.penalty:
                share = torch.rand(len(real), device=real.device)
                total = total + gradient_penalty(critic, real, fixed, share, self.options.penalty)
        return total

    @torch.no_grad()
    def score(
        self, network: nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss and terms without critics; of made-up people the albedo's errors, too."""
        sample = load_sample(self.files[index])
        asked = self.to_device(tensors_of(sample, self.chart, 0), device)
        maps = network.generator(asked["input"])
        terms = self.terms(maps, drawn_maps(maps, asked), asked)
        found = {name: float(value) for name, value in terms.items()}
        scores = albedo_scores(maps.albedo[0], asked["truth"][0], asked["known"][0, 0])
        return {"loss": sum(found.values()), **found, **scores}


def drawn_maps(maps: UVMaps, asked: Asked) -> Drawn:
    """What maps look like on the chart and on the crop."""
    shaded = maps.albedo * chart_shading(asked["basis"], maps.light)
    render = pictures_of(shaded, asked["place"])
    return Drawn(shaded, render, before(render, asked["crop"], asked["mask"]))


def albedo_scores(
    albedo: torch.Tensor, truth: torch.Tensor, known: torch.Tensor
) -> dict[str, float | None]:
    """PSNR, the same after the best gain, and error of the typology angle; None without truth."""
    mask = known.cpu().numpy() > 0.5
    if not mask.any():
        return {"psnr_db": None, "scaled_psnr_db": None, "ita_error_deg": None}
    pair = [srgb_to_linear(m.clamp(0, 1).permute(1, 2, 0).cpu().numpy()) for m in (albedo, truth)]
    told = score_albedo(*pair, mask)
    return {
        "psnr_db": told.psnr_db,
        "scaled_psnr_db": told.scaled_psnr_db,
        "ita_error_deg": told.ita_error_deg,
    }
