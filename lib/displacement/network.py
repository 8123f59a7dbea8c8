"""A small network that tells relief from the detail of a texture and of the surface below it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.artefacts import Surface, Texture
from lib.displacement.chart import resized, surface_metric
from lib.displacement.highpass import brightness, finished, seen_skin
from lib.displacement.options import DisplacementOptions
from lib.errors import MissingModelError
from lib.networks.checkpoints import CheckpointError, read_checkpoint
from lib.uvspace.bands import blur_mm
from lib.uvspace.bare import SkinChart

KIND = "visagraph displacement"
N_INPUTS = 5
SEEN = 3  # of the inputs
WORK_PX = 2048  # the chart's size at which it was trained, whatever size is asked for
TILE, OVERLAP = 512, 48
DETAIL_SCALE, RELIEF_SCALE_MM = 0.03, 0.02  # usual size of inputs, so that they come near 1
USUAL_MM = 0.145  # per texel at WORK_PX
COARSEST_MM = 3.0  # of the surface's own relief that it sees


@dataclass(frozen=True)
class ReliefNetOptions:
    """Size of the network.

    Args:
        width: channels of the finest level.
        levels: halvings.
    """

    width: int = 16
    levels: int = 3


class ReliefNet(nn.Module):
    """A U-Net: detail of texture and surface -> height in mm and the log of its deviation.

    Convolutions only: it takes pictures of any size that 2 ** `levels` divides.
    """

    def __init__(self, options: ReliefNetOptions | None = None) -> None:
        super().__init__()
        self.options = options or ReliefNetOptions()
        widths = [self.options.width * 2**level for level in range(self.options.levels + 1)]
        self.down = nn.ModuleList(
            _pair(before, after) for before, after in zip([N_INPUTS, *widths[:-1]], widths)
        )
        self.up = nn.ModuleList(_pair(fine + coarse, fine) for fine, coarse in pairwise(widths))
        self.head = nn.Conv2d(widths[0], 2, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 5, h, w) of `network_inputs` -> (n, h, w) mm and (n, h, w) log mm."""
        kept, x = [], inputs
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            kept.append(x)
        for block, fine in zip(reversed(self.up), reversed(kept[:-1])):
            coarse = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([fine, coarse], dim=1))
        height, log_sigma = self.head(x).unbind(1)
        unit = float(np.log(RELIEF_SCALE_MM))
        return height * RELIEF_SCALE_MM, log_sigma.clamp(-4, 3) + unit


def _pair(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(  # no normalisation: the result must not depend on the tile
        nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate"),
        nn.SiLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1, padding_mode="replicate"),
        nn.SiLU(inplace=True),
    )


def network_inputs(
    detail: np.ndarray,
    relief_mm: np.ndarray,
    measured: np.ndarray,
    seen: np.ndarray,
    mm_per_texel: np.ndarray,
) -> np.ndarray:
    """(5, rows, cols) float32: what the network sees, each about 1 in size.

    Colour is left out: on made-up skin it tells pigment from pits almost exactly, on photos, with
    their coloured lights and light below the skin, it does not.

    Args:
        detail: (rows, cols) log brightness of the texture without what is coarser than relief.
        relief_mm: (rows, cols) the surface's own relief, coarser than what is looked for.
        measured: (rows, cols) confidence of the surface.
        seen: (rows, cols) bare skin that a photo shows.
        mm_per_texel: (rows, cols).
    """
    known = seen > 0
    planes = [
        np.tanh(detail / (4 * DETAIL_SCALE)) * 4,
        np.tanh(relief_mm / (4 * RELIEF_SCALE_MM)) * 4 * (measured > 0),
        measured,
        seen,
        np.log(mm_per_texel / USUAL_MM),
    ]
    return np.stack([plane * known for plane in planes]).astype(np.float32)


def learned_height(
    surface: Surface,
    texture: Texture,
    chart: SkinChart,
    network: ReliefNet,
    options: DisplacementOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """Height and confidence by a trained network; arguments and results as of `highpass_height`.

    Raises:
        CaptureFailure: `no_surface`.
    """
    metric = surface_metric(surface)
    work = min(WORK_PX, max(options.uv_size, len(texture.rgb)))
    mm = metric.resized(work).mm_per_texel
    seen = seen_skin(texture, chart, work)
    measured = resized(surface.confidence, work)
    detail = brightness(texture, work)
    detail -= blur_mm(detail, seen, mm, options.surface_mm)
    relief = surface_relief(surface, metric.mm_per_texel, options.surface_mm)
    inputs = network_inputs(detail, resized(relief, work), measured, seen, mm)
    height, sigma = _tiled(network, inputs)
    side = options.uv_size
    seen_here = seen_skin(texture, chart, side)
    trust = RELIEF_SCALE_MM**2 / (RELIEF_SCALE_MM**2 + resized(sigma, side) ** 2)
    here = metric.resized(side).mm_per_texel
    coarse = np.full(here.shape, options.surface_mm, np.float32)
    height = finished(resized(height, side), seen_here, here, coarse, options.limit_mm)
    return height, (seen_here * trust).astype(np.float32)


def surface_relief(surface: Surface, mm_per_texel: np.ndarray, surface_mm: float) -> np.ndarray:
    """(rows, cols) float32 mm: what was measured between `surface_mm` and `COARSEST_MM`."""
    weight = surface.confidence.astype(np.float32)
    points = np.where(weight[..., None] > 0, surface.points_mm, 0)
    return relief_of(points, surface.normal, weight, mm_per_texel, surface_mm)


def relief_of(
    points: np.ndarray,
    normal: np.ndarray,
    weight: np.ndarray,
    mm_per_texel: np.ndarray,
    surface_mm: float,
) -> np.ndarray:
    """(rows, cols) float32 mm along the normal, of points (rows, cols, 3) about their average."""
    band = blur_mm(points, weight, mm_per_texel, surface_mm) - blur_mm(
        points, weight, mm_per_texel, COARSEST_MM
    )
    height = np.einsum("rcx,rcx->rc", band, np.nan_to_num(normal).astype(np.float32))
    trend = blur_mm(height, weight, mm_per_texel, COARSEST_MM)
    return (height - trend) * (weight > 0)


def _tiled(network: ReliefNet, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and deviation in mm; memory does not grow with the picture, tiles leave no seams."""
    rows, cols = inputs.shape[1:]
    total = np.zeros((2, rows, cols), np.float32)
    share = np.zeros((rows, cols), np.float32)
    for top in _starts(rows):
        for left in _starts(cols):
            window = slice(top, top + TILE), slice(left, left + TILE)
            tile = inputs[:, *window]
            if not tile[SEEN].any():
                continue
            height, width = tile.shape[1:]
            unit = 2**network.options.levels
            pad = [(0, 0), (0, -height % unit), (0, -width % unit)]
            with torch.no_grad():
                batch = torch.from_numpy(np.pad(tile, pad, mode="edge"))[None]
                found, log_sigma = network(batch)
            ramp = np.outer(_ramp(height), _ramp(width))
            total[0][window] += found[0, :height, :width].numpy() * ramp
            total[1][window] += log_sigma[0, :height, :width].exp().numpy() * ramp
            share[window] += ramp
    total /= np.maximum(share, 1e-9)
    return total[0], total[1]


def _starts(side: int) -> range:
    return range(0, max(side - OVERLAP, 1), TILE - OVERLAP)


def _ramp(side: int) -> np.ndarray:
    edge = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1.0
    return np.clip(edge / OVERLAP, 0, 1).astype(np.float32)


def save_network(
    path: str | Path, network: ReliefNet, trained: dict[str, float | int | str]
) -> None:
    """Write the weights with the size of their network and what is to be known of its training."""
    told = json.dumps({"kind": KIND, "network": asdict(network.options), "trained": trained})
    torch.save({"about": told, "weights": network.state_dict()}, path)


def load_network(path: str | Path) -> ReliefNet:
    """A network that `save_network` wrote, ready to run.

    Raises:
        MissingModelError: the file is not there, or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"displacement.weights is '{path}', which is not there. Method 'learned' needs what "
            "`snakemake --cores all train_displacement` makes, or set displacement.method: "
            "highpass."
        )
    try:
        content = read_checkpoint(path, "a network of train_displacement")
        about = json.loads(content["about"])
        if about["kind"] != KIND:
            raise KeyError(about["kind"])
        network = ReliefNet(ReliefNetOptions(**about["network"]))
        network.load_state_dict(content["weights"])
    except (CheckpointError, RuntimeError, TypeError, KeyError, ValueError, AttributeError) as e:
        raise MissingModelError(
            f"{path} does not hold a network of train_displacement ({str(e).splitlines()[0]}). "
            "Train it again, or set displacement.method: highpass."
        ) from e
    return network.eval().requires_grad_(False)
