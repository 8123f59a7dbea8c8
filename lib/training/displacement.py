"""Training of the network that tells fine relief from textures, on captures with known relief."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lib.artefacts import BatchReader, Truth
from lib.displacement.network import ReliefNet, ReliefNetOptions, save_network
from lib.displacement.samples import Crops, SampleOptions, draw_crops
from lib.errors import ConfigError
from lib.facemodel import load_face_model
from lib.imaging import save_bytes
from lib.networks.cards import WeightCard, file_sha256
from lib.training.loop import Trained, Training
from lib.training.options import TrainingOptions
from lib.training.processes import Processes, joined
from lib.training.store import Source, split_sources
from lib.uvspace.bare import SkinChart, skin_chart

NAME = "displacement"
WEIGHTS = "relief.pt"
USUAL = {"epochs": 60, "batch": 1, "learning_rate": 1e-3}  # what 0 means
LIGHTS, CROPS_PER_LIGHT = 4, 24  # prepared per capture
DRAWN = 8  # crops of a capture in one step
LEAST_SIDE, MOST_SIDE = 512, 4096  # of the surface maps of a truth

Asked = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class ReliefTask:
    """Crops of captures in, a `ReliefNet` out; what `lib.training.loop` asks for.

    Args:
        sources: the captures, of shards.
        folder: for prepared crops; each is made when it is first needed.
        options: `filled`.
        network_options: size of the network.
        sample_options: what crops are made of.
        model: file of the face model; empty = the one that each truth names.
    """

    sources: tuple[Source, ...]
    folder: Path
    options: TrainingOptions
    network_options: ReliefNetOptions
    sample_options: SampleOptions
    model: str = ""

    @property
    def name(self) -> str:
        return NAME

    def network(self) -> ReliefNet:
        return ReliefNet(self.network_options)

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """Some crops of a capture."""
        crops = self.crops(index)
        count = min(DRAWN, len(crops.weight))
        chosen = np.sort(chance.choice(len(crops.weight), count, replace=False))
        return _tensors(Crops(crops.inputs[chosen], crops.height_mm[chosen], crops.weight[chosen]))

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        inputs, height, weight = (part.to(device) for part in asked)
        return inputs, height, weight

    def loss(self, network: torch.nn.Module, asked: Asked) -> torch.Tensor:
        found, log_sigma = network(asked[0])
        return deviation_loss(found.float(), log_sigma.float(), asked[1], asked[2])

    def score(self, network: torch.nn.Module, index: int, device: torch.device) -> dict[str, float]:
        """Root mean square of error and relief in micrometres, correlation, and the loss."""
        inputs, wanted, weight = self.to_device(_tensors(self.crops(index)), device)
        with torch.no_grad():
            parts = [network(part) for part in inputs.split(DRAWN)]
        found, log_sigma = (torch.cat([part[k] for part in parts]) for k in (0, 1))
        total = weight.sum(dtype=torch.float64).clamp_min(1e-9)

        def mean(values: torch.Tensor) -> float:
            return float((weight * values).sum(dtype=torch.float64) / total)

        both = mean(found * wanted) / max(np.sqrt(mean(found**2) * mean(wanted**2)), 1e-12)
        return {
            "loss": float(deviation_loss(found, log_sigma, wanted, weight)),
            "rms_um": 1e3 * float(np.sqrt(mean((found - wanted) ** 2))),
            "relief_um": 1e3 * float(np.sqrt(mean(wanted**2))),
            "correlation": float(both),
        }

    def crops(self, index: int) -> Crops:
        """All prepared crops of a capture, made once and kept on disk.

        Raises:
            ConfigError: the capture's surface maps are too small or too large to learn from.
        """
        source = self.sources[index]
        path = self.folder / f"{source.name}.npz"
        if not path.is_file():
            made = self._made(source)
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part.npz")
            np.savez(part, **{name: value.astype(np.float16) for name, value in made.items()})
            part.replace(path)
        with np.load(path) as kept:
            values = {name: kept[name].astype(np.float32) for name in kept.files}
        return Crops(values["inputs"], values["height_um"] / 1e3, values["weight"])

    def _made(self, source: Source) -> dict[str, np.ndarray]:
        with BatchReader(source.origin, Truth) as reader:
            truth = reader[source.name.removeprefix(f"{source.subject}.")]
        side = len(truth.uv_displacement_mm)
        if not LEAST_SIDE <= side <= MOST_SIDE:
            raise ConfigError(
                f"{source.origin}: {source.name} has surface maps of {side} texels, expected "
                f"{LEAST_SIDE} to {MOST_SIDE} to hold pores. Set synthesis.maps_px: 2048."
            )
        chart = _chart(self.model or truth.face_model, side)
        digest = hashlib.sha256(source.name.encode()).digest()
        seed = [self.options.seed, int.from_bytes(digest[:8], "little")]
        parts = [
            draw_crops(
                truth,
                chart,
                CROPS_PER_LIGHT,
                self.sample_options,
                np.random.default_rng([*seed, light]),
            )
            for light in range(LIGHTS)
        ]
        return {
            "inputs": np.concatenate([part.inputs for part in parts]),
            "height_um": 1e3 * np.concatenate([part.height_mm for part in parts]),
            "weight": np.concatenate([part.weight for part in parts]),
        }


_CHARTS: dict[tuple[str, int], SkinChart] = {}


def _chart(model: str, side: int) -> SkinChart:
    if (model, side) not in _CHARTS:
        _CHARTS[model, side] = skin_chart(load_face_model(model), side)
    return _CHARTS[model, side]


def _tensors(crops: Crops) -> Asked:
    return (
        torch.from_numpy(crops.inputs),
        torch.from_numpy(crops.height_mm),
        torch.from_numpy(crops.weight),
    )


def deviation_loss(
    found: torch.Tensor, log_sigma: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Mean of error over deviation plus log deviation: least where the deviation is the error's.

    Source: the Laplace likelihood of Kendall & Gal 2017, What Uncertainties Do We Need (NeurIPS);
        each texel counts by the root of its deviation, after Seitzer et al. 2022, On the Pitfalls
        of Heteroscedastic Uncertainty Estimation (ICLR), so that rough skin is learnt, too.
    """
    likelihood = (found - wanted).abs() * (-log_sigma).exp() + log_sigma
    share = weight * (0.5 * log_sigma).detach().exp()
    return (share * likelihood).sum() / share.sum().clamp_min(1e-9)


def train_displacement(
    options: TrainingOptions,
    folder: Path,
    device: torch.device,
    model: str = "",
    network_options: ReliefNetOptions | None = None,
    sample_options: SampleOptions | None = None,
) -> Trained:
    """Train the network of `displacement.method: learned`; all files go to a folder.

    Args:
        options: of the training; `epochs`, `batch` and `learning_rate` of 0 are `USUAL`.
        folder: for weights, card, curves, checkpoints and prepared crops.
        device: where to compute.
        model: file of the face model; empty = the one that each truth names.
        network_options: size of the network.
        sample_options: what crops are made of.

    Raises:
        ConfigError: data or settings that cannot be used.
    """
    changes = {name: value for name, value in USUAL.items() if not getattr(options, name)}
    options = replace(options, method="learned", **changes)
    sources = find_people(options.data)
    network_options = network_options or ReliefNetOptions()
    sample_options = sample_options or SampleOptions()
    prepared = folder / "crops" / _digest(sources, options, sample_options)
    task = ReliefTask(sources, prepared, options, network_options, sample_options, model)
    with joined(device) as processes:
        for index in range(processes.rank, len(sources), processes.world):
            task.crops(index)
        processes.wait()
        split = split_sources(sources, options.validation, options.seed)
        names = [source.name for source in sources]
        trained = Training(task, options, split, names, folder, processes).run()
        _write(folder, trained, names, split, options, processes)
    return trained


def find_people(data: Sequence[str], rule: str = "train_displacement") -> tuple[Source, ...]:
    """All captures of some shards of truth.

    Args:
        data: the shards.
        rule: that asks, for messages.

    Raises:
        ConfigError: no shard is named, something else is, or a name occurs twice.
    """
    found: dict[str, Source] = {}
    for item in data:
        if not Path(item).is_file():
            raise ConfigError(
                f"training.data names {item}, which is no file; {rule} learns from "
                "shards of synthetic worlds alone (shard_0000.h5)."
            )
        with BatchReader(item, Truth) as reader:
            for capture in reader.captures:
                subject = str(reader.field(capture, "subject"))
                name = f"{subject}.{capture}"
                if name in found:
                    raise ConfigError(f"training.data: {item} and another shard have {name}.")
                found[name] = Source(name, subject, item, _never)
    if not found:
        raise ConfigError("training.data is empty. Name shards of a synthetic world.")
    return tuple(found.values())


def _never(*_: object) -> None:
    raise AssertionError("relief is learnt from surface maps, not from scenes")


def _digest(
    sources: Sequence[Source], options: TrainingOptions, sample_options: SampleOptions
) -> str:
    """Other data or ways to prepare them get a place of their own."""
    files = [[s.name, Path(s.origin).name, Path(s.origin).stat().st_size] for s in sources]
    told = [Truth.version, files, options.seed, LIGHTS, CROPS_PER_LIGHT, asdict(sample_options)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _write(
    folder: Path,
    trained: Trained,
    names: Sequence[str],
    split: tuple[Sequence[int], Sequence[int]],
    options: TrainingOptions,
    processes: Processes,
) -> None:
    """Weights and card, by the first process."""
    if processes.first:
        path = folder / WEIGHTS
        save_network(path, trained.network, {"steps": trained.steps, "seed": options.seed})
        data = {
            part: [names[index] for index in indices]
            for part, indices in zip(("train", "validation"), split)
        }
        card = WeightCard(
            name="displacement_learned",
            task="fine relief over a measured surface, from the detail of its texture",
            file=WEIGHTS,
            sha256=file_sha256(path),
            size_mb=round(path.stat().st_size / 1e6, 3),
            licence="ours; trained on rendered skin alone, of a CC0 head model",
            source=f"rule train_displacement on {len(data['train'])} captures",
            obtain="snakemake --cores all train_displacement",
            input="(n, 5, h, w) detail of texture and surface, see lib/displacement/network.py",
            output="(n, h, w) height in mm and log of its deviation",
            paper="none",
        )
        told = {"card": asdict(card), "data": data, "steps": trained.steps}
        told |= {"validation": trained.validation, "torch": torch.__version__}
        text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        save_bytes(folder / "card.json", text.encode())
    processes.wait()
