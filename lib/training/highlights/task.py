"""Training of a highlight network: what a step asks, its loss, and how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn

from lib.errors import ConfigError
from lib.metrics.highlights import score_mask
from lib.metrics.images import score_image
from lib.networks.highlight_tiles import remove_by_tiles
from lib.networks.highlight_unet import (
    SMALL,
    HighlightNetwork,
    HighlightNetworkOptions,
    Removed,
    load_highlight_network,
)
from lib.networks.vgg19 import load_vgg19
from lib.training.highlights.augment import Pair
from lib.training.highlights.losses import highlight_losses
from lib.training.highlights.options import HighlightTrainingOptions
from lib.training.highlights.pairs import Item

NAME = "highlights"
SIZES = {"unet_transformer": HighlightNetworkOptions(), "learned": SMALL}
BORDER = 5  # px, which the published similarity leaves out


@dataclass(frozen=True)
class Asked:
    """Pictures of a step (n, 3, h, w), without highlights (n, 3, h, w), and masks (n, 1, h, w).

    `weight` (n, 1, h, w) is how much a pixel counts.
    """

    photo: torch.Tensor
    diffuse: torch.Tensor
    mask: torch.Tensor
    weight: torch.Tensor


class HighlightTask:
    """Pictures of `find_items`, a `HighlightNetwork` out; what `lib.training.loop` asks for.

    Args:
        items: all pictures.
        options: `filled`.
        sizes: of the network; None = those of the method.
    """

    name = NAME

    def __init__(
        self,
        items: Sequence[Item],
        options: HighlightTrainingOptions,
        sizes: HighlightNetworkOptions | None = None,
    ):
        self.items, self.options = items, options
        self.sizes = sizes or SIZES[options.method]
        self.vgg = load_vgg19(options.vgg) if options.style > 0 else None

    def network(self) -> HighlightNetwork:
        """Weights to begin with: those of `start`, else random ones.

        Raises:
            ConfigError: `start` is a network of other sizes.
        """
        if not self.options.start:
            return HighlightNetwork(self.sizes).to(memory_format=torch.channels_last)
        network = load_highlight_network(self.options.start)
        if network.options != self.sizes:
            raise ConfigError(
                f"highlight_training.start: {self.options.start} has other sizes than method "
                f"{self.options.method}. Name weights of that method."
            )
        return network.to(memory_format=torch.channels_last).requires_grad_(True).train()

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """A picture cut and mirrored at random, a render also with other light and skin."""
        pair = self.items[index].cut(self.options.crop_px, self.options.flip, chance)
        return asked(pair)

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        return Asked(*(getattr(asked, part.name).to(device) for part in fields(Asked)))

    def batch_loss(self, network: nn.Module, batch: Sequence[Asked]) -> torch.Tensor:
        """The loss of all pictures of a step, as batch norm and the style see them."""
        sizes = {tuple(item.photo.shape[2:]) for item in batch}
        if len(sizes) > 1:
            told = ", ".join(f"{w} x {h}" for h, w in sorted(sizes))
            raise ConfigError(
                f"pictures of one step have {told} px, expected one size. Set "
                "highlight_training.crop_px, or batch: 1."
            )
        parts = [[getattr(b, part.name) for b in batch] for part in fields(Asked)]
        return self.loss(network, Asked(*map(torch.cat, parts)))

    def loss(self, network: nn.Module, asked: Asked) -> torch.Tensor:
        return sum(self._terms(network(asked.photo), asked).values())

    @torch.no_grad()
    def score(
        self, network: nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss and its terms of a whole picture, and the published scores beside those of ours."""
        pair = self.items[index].whole()
        item = asked(pair)
        found = remove_by_tiles(network, item.photo)
        terms = {name: float(part) for name, part in self._terms(found, item).items()}
        return {"loss": sum(terms.values()), **terms} | scores(found, pair)

    def _terms(self, found: Removed, asked: Asked) -> dict[str, torch.Tensor]:
        vgg = self.vgg.to(asked.photo.device) if self.vgg is not None else None
        return highlight_losses(found, asked.diffuse, asked.mask, self.options, vgg, asked.weight)


def asked(pair: Pair) -> Asked:
    """Tensors of one picture with its truth.

    Raises:
        ConfigError: it has none.
    """
    if pair.diffuse is None or pair.mask is None:
        raise ConfigError("a picture without its truth cannot be learnt from.")
    weight = np.ones_like(pair.mask) if pair.weight is None else pair.weight
    maps = (planes(part[..., None]) for part in (pair.mask, weight))
    return Asked(planes(pair.photo), planes(pair.diffuse), *maps)


def planes(picture: np.ndarray) -> torch.Tensor:
    """(1, c, h, w) of a picture (h, w, c)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))


def pixels(part: torch.Tensor) -> np.ndarray:
    """(h, w, c) of (1, c, h, w)."""
    return part[0].permute(1, 2, 0).cpu().numpy()


def scores(found: Removed, pair: Pair) -> dict[str, float | None]:
    """How the answer of a network compares with the truth; None where the truth cannot tell.

    PSNR in dB, mean absolute difference and structural similarity of the picture without
    highlights, the latter without the border where its window leaves the picture, as published;
    balanced error rate and accuracy of the mask.
    """
    told: dict[str, float | None] = {}
    if pair.diffuse is not None:
        diffuse = np.clip(pixels(found.diffuse), 0, 1)
        whole = score_image(diffuse, pair.diffuse)
        inner = np.zeros(diffuse.shape[:2], bool)
        inner[BORDER:-BORDER, BORDER:-BORDER] = True
        ssim = score_image(diffuse, pair.diffuse, inner).ssim if inner.any() else whole.ssim
        told |= {"psnr_db": whole.psnr_db, "ssim": ssim, "l1": whole.mae}
    if pair.mask is not None:
        mask = score_mask(pixels(found.label)[..., 0], pair.mask > 0.5)
        told |= {"ber": None if np.isnan(mask.ber) else mask.ber, "accuracy": mask.accuracy}
    return told
