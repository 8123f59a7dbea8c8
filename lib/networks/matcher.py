"""Our network for multi-view matching: it knows who sees a point, and takes any number of views.

Per view, a small pyramid of features: fine ones tell where, coarse ones tell which. Per point,
views are weighted by how squarely they see it and by how well they agree with the others, so that a
view that is hidden, mirrored or out of focus does not spoil the rest. What is left of their spread,
how alike they are pair by pair, and the distance from the base go into a small classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lib.networks.checkpoints import load_weights, read_weights
from lib.networks.mvfr import project

FINE, COARSE = 16, 8
CHANNELS = FINE + COARSE
GROUP = 8  # channels whose likeness is told in one number
HIDDEN = 32
COARSE_STRIDE = 4
REACH_PX = 24  # how far around a pixel its features look
ALONE = 1e-6
LEAST_COSINE = 0.05


@dataclass(frozen=True)
class Pyramid:
    """Features of one view.

    Args:
        fine: (1, 16, h, w).
        coarse: (1, 8, h / 4, w / 4).
    """

    fine: torch.Tensor
    coarse: torch.Tensor


class Matcher(nn.Module):
    """Response at points, from features of any number of views and how squarely each sees them.

    Args:
        span_mm: half the range of distances from the base that it is trained on; kept in its file.
    """

    def __init__(self, span_mm: float = 20.0):
        super().__init__()
        self.register_buffer("span_mm", torch.tensor(span_mm))
        self.stem = nn.Sequential(_conv(4, 16), nn.ReLU(), _conv(16, 16), nn.ReLU())
        self.fine = _conv(16, FINE)
        self.coarse = nn.Sequential(
            *(_conv(16, 24, 2), nn.ReLU(), _conv(24, 24, 2), nn.ReLU()),
            *(_conv(24, 24), nn.ReLU(), nn.Conv2d(24, COARSE, 1)),
        )
        self.trust = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        self.doubt = nn.Parameter(torch.tensor(0.5))
        inputs = CHANNELS + CHANNELS // GROUP + 2
        self.classifier = nn.Sequential(
            *(nn.Conv1d(inputs, HIDDEN, 1), nn.ReLU()),
            *(nn.Conv1d(HIDDEN, HIDDEN, 1), nn.ReLU(), nn.Conv1d(HIDDEN, 1, 1)),
        )

    def features(self, image: torch.Tensor) -> Pyramid:
        """Features of an RGB picture (1, 3, h, w), sRGB encoded, 0..1."""
        grey = image.mean(1, keepdim=True)
        mean = _local_mean(grey)
        spread = _local_mean((grey - mean).square())
        contrast = (grey - mean) * (spread + 1e-4).rsqrt()
        stem = self.stem(torch.cat([image - 0.5, contrast], 1))
        return Pyramid(self.fine(stem), self.coarse(stem))

    def respond(
        self,
        pyramids: Sequence[Pyramid],
        projections: Sequence[torch.Tensor],
        points: torch.Tensor,
        seen: torch.Tensor,
        footprint: torch.Tensor,
        distance_mm: torch.Tensor,
    ) -> torch.Tensor:
        """(p,) log odds that the surface passes; very low where fewer than two views see a point.

        Args:
            pyramids: of each view.
            projections: (3, 4) world to pixels of each view, integer pixel centres.
            points: (p, 3) world.
            seen: (n_views, p) cosine between normal and view where it is seen, else 0.
            footprint: (n_views,) size of a pixel over the distance between hypotheses.
            distance_mm: (p,) signed distance from the base.
        """
        values, valid = [], []
        for pyramid, projection, cosine in zip(pyramids, projections, seen, strict=True):
            value, inside = sample(pyramid, projection, points)
            values.append(value)
            valid.append((cosine > LEAST_COSINE) & inside)
        value, valid = torch.stack(values), torch.stack(valid)  # (v, c, p), (v, p)
        told = torch.stack([seen, footprint.log()[:, None].expand_as(seen)], -1)
        statistics = self._compare(value, valid, self.trust(told)[..., 0])
        told = (distance_mm / self.span_mm)[None]
        logit = self.classifier(torch.cat([statistics, told])[None])[0, 0]
        return torch.where(valid.sum(0) >= 2, logit, torch.full_like(logit, -20.0))

    def _compare(
        self, value: torch.Tensor, valid: torch.Tensor, trust: torch.Tensor
    ) -> torch.Tensor:
        """(c + c / 8 + 1, p) spread, likeness and number of views, the outliers weighed down."""
        weight = _weights(trust, valid)
        mean = (weight[:, None] * value).sum(0)
        off = (value - mean).square().sum(1)  # (v, p)
        typical = (weight * off).sum(0) + 1e-4
        weight = _weights(trust - F.softplus(self.doubt) * off / typical, valid)
        share = weight[:, None] * value
        mean, power = share.sum(0), (share * value).sum(0)
        concentration = weight.square().sum(0)
        alike = mean.square() - (weight[:, None] * share * value).sum(0)  # pairs i != j
        groups = [_grouped(item) for item in (alike, power)]
        likeness = groups[0] / ((1 - concentration).clamp_min(0.05) * groups[1] + 1e-4)
        variance = (power - mean.square()).clamp_min(0)
        return torch.cat([(variance + 1e-6).sqrt(), likeness, concentration[None]])


def sample(
    pyramid: Pyramid, projection: torch.Tensor, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features where points project.

    Returns:
        (c, p) fine, then coarse; 0 outside. (p,) bool: before the camera and inside the picture.
    """
    homogeneous = project(points, projection)
    before = homogeneous[:, 2] > ALONE
    place = homogeneous[:, :2] / homogeneous[:, 2:].clamp_min(ALONE)
    size = place.new_tensor(pyramid.fine.shape[:1:-1])
    inside = before & ((place >= 0) & (place <= size - 1)).all(1)
    place = torch.where(inside[:, None], place, -8.0 * COARSE_STRIDE)
    found = []
    for feature, stride in ((pyramid.fine, 1), (pyramid.coarse, COARSE_STRIDE)):
        size = place.new_tensor(feature.shape[:1:-1])
        grid = (2 * place / stride + 1) / size - 1
        found.append(F.grid_sample(feature.float(), grid[None, None], align_corners=False)[0, :, 0])
    return torch.cat(found), inside


def _weights(logit: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """(v, p) that sum to 1 over the valid views; 0 where there is none."""
    raised = torch.where(valid, logit, torch.full_like(logit, -1e4))
    return torch.softmax(raised, 0) * valid


def _grouped(value: torch.Tensor) -> torch.Tensor:
    """(c, p) -> (c / 8, p) sums over groups of channels."""
    return value.reshape(-1, GROUP, value.shape[-1]).sum(1)


def _local_mean(image: torch.Tensor) -> torch.Tensor:
    """Mean over a window of 9 x 9, shrunk at the border."""
    return F.avg_pool2d(image, 9, 1, 4, count_include_pad=False)


def _conv(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, 1, padding_mode="replicate")


def load_matcher(path: str | Path) -> Matcher:
    """Our matcher of a file of `train_implicit`, ready for inference.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it holds something else.
    """
    network = Matcher()
    load_weights(network, read_weights(path, "our matcher (train_implicit makes it)"), path)
    return network.eval()
