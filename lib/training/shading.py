"""Training of the network that reads relief off the shading of single photos."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lib.artefacts import Truth
from lib.imaging import save_bytes
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.shaded_relief import (
    Reading,
    ShadedRelief,
    ShadedReliefOptions,
    load_shaded_relief,
    packed,
)
from lib.training.displacement import find_people
from lib.training.loop import Trained, Training
from lib.training.options import TrainingOptions
from lib.training.processes import joined
from lib.training.shading_augment import changed, cropped, padded
from lib.training.shading_samples import ReliefSample, load_sample, prepare_photos
from lib.training.state import save_state
from lib.training.store import Source, split_sources

log = logging.getLogger(__name__)

NAME = "shading"
WEIGHTS = "relief.pt"
BEST = "best.pt"  # of all trainings in this folder
USUAL = {"epochs": 60, "batch": 2, "learning_rate": 1e-3}  # what 0 means
LAYOUT = 1  # raise when prepared files change
CROP, CROPS = 160, 2  # texels; of a photo, in one step
MOST_SLOPE = 1.5  # of a truth; folds are steeper, and no height field
STEEP = 0.15  # slopes' errors count squared up to here
SOLE = {"resting": 1.0, "driven": 1.0, "middle": 0.25}  # weight of each part alone

Asked = dict[str, torch.Tensor]


@dataclass(frozen=True)
class ShadingTask:
    """Samples in files, a `ShadedRelief` out; what `lib.training.loop` asks for.

    Args:
        files: one per photo, of `prepare_photos`.
        network_options: size of the network.
    """

    files: tuple[Path, ...]
    network_options: ShadedReliefOptions

    @property
    def name(self) -> str:
        return NAME

    def network(self) -> ShadedRelief:
        return ShadedRelief(self.network_options)

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """Crops of a photo, mirrored and with another skin and sensor."""
        sample = load_sample(self.files[index])
        crops = [changed(cropped(sample, CROP, chance), chance) for _ in range(CROPS)]
        return _tensors(crops)

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        return {name: part.to(device) for name, part in asked.items()}

    def loss(self, network: torch.nn.Module, asked: Asked) -> torch.Tensor:
        return relief_loss(network(asked["planes"]), asked)

    def batch_loss(self, network: torch.nn.Module, batch: Sequence[Asked]) -> torch.Tensor:
        """The loss of all crops of a step at once."""
        return self.loss(network, {name: torch.cat([b[name] for b in batch]) for name in batch[0]})

    @torch.no_grad()
    def score(
        self, network: torch.nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss, angle of normals with the network and without, correlations, invented relief."""
        sample = load_sample(self.files[index])
        unit = 2 ** (len(self.network_options.widths) - 1)
        asked = self.to_device(_tensors([padded(sample, unit)]), device)
        found = network(asked["planes"])
        return {"loss": float(relief_loss(found, asked))} | scores(found, asked)


def scores(found: Reading, asked: Asked) -> dict[str, float | None]:
    """How a reading compares with the truth; None where the truth has nothing of a kind.

    Degrees of the normals' root mean square error of the reading and of the base alone; the same of
    wrinkles alone; correlations; root mean square of the wrinkles that were read on skin without.
    """
    weight = asked["weight"].double()

    def mean(values: torch.Tensor) -> float:
        return float((weight * values).sum() / weight.sum().clamp_min(1e-9))

    def degrees(error: torch.Tensor) -> float:
        slopes, both = slopes_of(error, asked)
        share = both.double().sum().clamp_min(1e-9)
        return float(np.degrees(np.sqrt(float((both * slopes.square().sum(1)).sum() / share))))

    def alike(one: torch.Tensor, two: torch.Tensor, least: float) -> float | None:
        size = mean(two.square())
        if size < least**2:
            return None
        return mean(one * two) / max(np.sqrt(mean(one.square()) * size), 1e-12)

    wrinkles, true = found.resting + found.driven, asked["resting"] + asked["driven"]
    smooth = float(true.abs().max()) < 1e-3
    return {
        "normal_deg": degrees(found.height - asked["resting"] - asked["driven"] - asked["middle"]),
        "base_deg": degrees(asked["resting"] + asked["driven"] + asked["middle"]),
        "wrinkles_deg": None if smooth else degrees(wrinkles - true),
        "wrinkles_base_deg": None if smooth else degrees(true),
        "wrinkles_alike": alike(wrinkles, true, 0.015),
        "resting_alike": alike(found.resting, asked["resting"], 0.015),
        "driven_alike": alike(found.driven, asked["driven"], 0.01),
        "middle_alike": alike(found.middle, asked["middle"], 0.05),
        "invented_um": 1e3 * float(np.sqrt(mean(wrinkles.square()))) if smooth else None,
    }


def slopes_of(height: torch.Tensor, asked: Asked) -> tuple[torch.Tensor, torch.Tensor]:
    """Slopes (n, 2, rows, cols) along columns and rows of heights (n, rows, cols); their weight."""
    weight, size = asked["weight"], asked["texel_mm"].clamp_min(0.05)
    across = F.pad(height[:, :, 1:] - height[:, :, :-1], (0, 1)) / size[:, 0]
    down = F.pad(height[:, 1:] - height[:, :-1], (0, 0, 0, 1)) / size[:, 1]
    beside = torch.minimum(weight, F.pad(weight[:, :, 1:], (0, 1)))
    both = torch.minimum(beside, F.pad(weight[:, 1:], (0, 0, 0, 1)))
    return torch.stack([across, down], 1), both


def relief_loss(found: Reading, asked: Asked) -> torch.Tensor:
    """Likelihood of the slopes of all relief, slopes and heights of its parts.

    Slopes are what light tells; heights hold the parts together where it tells nothing.

    Source: the Laplace likelihood of Kendall & Gal 2017, What Uncertainties Do We Need (NeurIPS);
        texels count by the root of their deviation, after Seitzer et al. 2022 (ICLR).
    """
    true = asked["resting"] + asked["driven"] + asked["middle"]
    wanted, weight = slopes_of(true, asked)
    weight = weight * (wanted.abs().amax(1) < MOST_SLOPE)
    total = weight.sum().clamp_min(1.0)
    error = slopes_of(found.height, asked)[0] - wanted
    size = (error.square().sum(1) + 1e-6).sqrt()
    likelihood = size.detach() * (-found.log_slope).exp() + found.log_slope
    share = weight * (0.5 * found.log_slope).detach().exp()
    loss = 0.05 * (share * likelihood).sum() / share.sum().clamp_min(1e-6)
    loss = loss + 4 * (weight * _bent(size)).sum() / total
    for name, factor in SOLE.items():
        part, aim = getattr(found, name), asked[name]
        slopes = slopes_of(part - aim, asked)[0]
        size = (slopes.square().sum(1) + 1e-6).sqrt()
        loss = loss + 4 * factor * (weight * _bent(size)).sum() / total
        own = (asked["weight"] * (part - aim).abs()).sum() / asked["weight"].sum().clamp_min(1.0)
        loss = loss + factor * own
    return loss


def _bent(size: torch.Tensor) -> torch.Tensor:
    """Squared up to STEEP, straight beyond; about as large as its argument there."""
    return STEEP * ((1 + (size / STEEP).square()).sqrt() - 1)


def _tensors(samples: Sequence[ReliefSample]) -> Asked:
    return {
        f.name: torch.from_numpy(np.stack([getattr(sample, f.name) for sample in samples]))
        for f in fields(ReliefSample)
    }


def train_shading(
    options: TrainingOptions,
    folder: Path,
    device: torch.device,
    landmark_models: Path,
    model: str = "",
    network_options: ShadedReliefOptions | None = None,
) -> Trained:
    """Train the network of `shading.method: learned`; all files go to a folder.

    If an earlier training left a better network there, that one stays: the same photos judge both.

    Args:
        options: of the training; `epochs`, `batch` and `learning_rate` of 0 are `USUAL`.
        folder: for weights, card, curves, checkpoints and prepared photos.
        device: where to compute.
        landmark_models: folder of the landmark networks.
        model: file of the face model; empty = the one that each truth names.
        network_options: size of the network.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    changes = {name: value for name, value in USUAL.items() if not getattr(options, name)}
    options = replace(options, method="learned", **changes)
    sources = find_people(options.data, "train_shading")
    prepared = folder / "photos" / _digest(sources, model)
    with joined(device) as processes:
        share = processes.rank, processes.world
        files = prepare_photos(sources, prepared, model, landmark_models, share)
        processes.wait()
        usable = [k for k, file in enumerate(files) if file.stat().st_size]
        sources, files = [sources[k] for k in usable], tuple(files[k] for k in usable)
        names = [source.name for source in sources]
        split = split_sources(sources, options.validation, options.seed)
        task = ShadingTask(files, network_options or ShadedReliefOptions())
        trained = Training(task, options, split, names, folder, processes).run()
        if processes.first:
            _write(folder, task, trained, names, split, options)
        processes.wait()
    return trained


def _digest(sources: Sequence[Source], model: str) -> str:
    """Other data get a place of their own."""
    told = [LAYOUT, Truth.version, model]
    told += [[s.name, Path(s.origin).name, Path(s.origin).stat().st_size] for s in sources]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def judged(task: ShadingTask, network: ShadedRelief, kept: Sequence[int]) -> float:
    """Mean loss on some photos, on the CPU."""
    cpu = torch.device("cpu")
    network = network.cpu().eval()
    return float(np.mean([task.score(network, index, cpu)["loss"] for index in kept]))


def _write(
    folder: Path,
    task: ShadingTask,
    trained: Trained,
    names: Sequence[str],
    split: tuple[Sequence[int], Sequence[int]],
    options: TrainingOptions,
) -> None:
    """Weights and card; of this network and the best so far, the better one is promoted."""
    best, network = folder / BEST, trained.network
    new = judged(task, network, split[1])
    before = judged(task, load_shaded_relief(best), split[1]) if best.is_file() else None
    promoted = before is None or new < before
    if promoted:
        save_state(best, packed(network))
    else:
        log.warning("loss %.4f, an earlier training had %.4f: %s stays", new, before, best)
    path = folder / WEIGHTS
    save_bytes(path, best.read_bytes())
    data = {
        part: [names[index] for index in indices]
        for part, indices in zip(("train", "validation"), split)
    }
    card = WeightCard(
        name="shading_learned",
        task="relief of one photo, resting and driven by the expression, and the base's error",
        file=WEIGHTS,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence="ours; trained on rendered faces alone, of a CC0 head model",
        source=f"rule train_shading on {len(data['train'])} captures",
        obtain="snakemake --cores all train_shading",
        input="(n, 18, h, w) of lib/shading/learned.py, 512 texels a side",
        output="(n, h, w) four times: heights in mm, log deviation of slopes",
        paper="none",
    )
    told = {"card": asdict(card), "data": data, "steps": trained.steps, "promoted": promoted}
    told |= {"loss": new, "loss_before": before, "validation": trained.validation}
    told |= {"options": asdict(replace(options, data=[Path(d).name for d in options.data]))}
    told |= {"torch": torch.__version__}
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    save_bytes(folder / "card.json", text.encode())
