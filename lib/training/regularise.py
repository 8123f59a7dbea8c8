"""Training of the regulariser: volumes of responses, and how far a surface found there is off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.artefacts import BatchReader, Truth, Volume
from lib.errors import ConfigError
from lib.geometry import SurfaceTree
from lib.implicit.learned import respond_learned
from lib.implicit.published import respond_published
from lib.log import progress
from lib.networks.matcher import load_matcher
from lib.networks.mvfr import RegulariserNet, load_implicit, soft_argmax
from lib.networks.smoother import Smoother
from lib.regularisation.published import check_depth
from lib.training.options import TrainingOptions
from lib.training.scenes import Scene, true_distance, where_shown
from lib.training.store import SceneStore

CLOSE_MM = 0.5
SQUARED = 0.1  # weight of the error itself beside its likelihood
ALIGN = 4


@dataclass(frozen=True)
class Example:
    """One volume and where the surface is in it.

    Args:
        response: (d, rows, cols) uint8, 255 = certainly here.
        compared: (rows, cols) uint8 views.
        mask: (rows, cols) bool.
        distance: (rows, cols) float32 true distance from the middle hypothesis in intervals; NaN =
            unknown, which no loss counts.
        interval_mm: between hypotheses.
    """

    response: np.ndarray
    compared: np.ndarray
    mask: np.ndarray
    distance: np.ndarray
    interval_mm: float


@dataclass(frozen=True)
class Asked:
    """An example as tensors: (1, d, rows, cols) response 0..1, then (1, rows, cols) each."""

    response: torch.Tensor
    compared: torch.Tensor
    distance: torch.Tensor
    interval_mm: float


class RegulariseTask:
    """The regulariser of a method, trained on volumes in files.

    Args:
        files: one per capture, of `save_example`.
        options: `filled` for this task.

    Raises:
        ConfigError: the published network cannot take `d_size` hypotheses.
    """

    name = "regularise"

    def __init__(self, files: Sequence[Path], options: TrainingOptions):
        if options.method == "mvfr":
            check_depth(options.d_size, "training.d_size")
        self.files, self.options = files, options

    def network(self) -> nn.Module:
        """A network with random weights; the generator of PyTorch tells which."""
        return RegulariserNet() if self.options.method == "mvfr" else Smoother()

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """What a step asks: a whole volume; ours may be turned over, as faces have two sides."""
        example = load_example(self.files[index])
        if self.options.method == "learned" and chance.random() < 0.5:
            example = replace(
                example,
                response=example.response[:, :, ::-1],
                compared=example.compared[:, ::-1],
                mask=example.mask[:, ::-1],
                distance=example.distance[:, ::-1],
            )
        return _asked(example)

    def to_device(self, asked: Asked, device: torch.device) -> Asked:
        """The volume on a device."""
        moved = (asked.response, asked.compared, asked.distance)
        return Asked(*(item.to(device) for item in moved), asked.interval_mm)

    def find(self, network: nn.Module, asked: Asked) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Distance in intervals, (1, rows, cols), and our network's sigma."""
        if self.options.method == "mvfr":
            return soft_argmax(network(asked.response[:, None])[:, 0].float()), None
        return network(asked.response, asked.compared)

    def loss(self, network: nn.Module, asked: Asked) -> torch.Tensor:
        """Mean squared error in intervals where the truth is known; ours learns its sigma, too."""
        found, sigma = self.find(network, asked)
        known = torch.isfinite(asked.distance)
        off = (found - torch.nan_to_num(asked.distance))[known]
        if sigma is None:
            return off.square().mean()
        sigma = sigma[known].float()
        likelihood = (2**0.5 * off.abs() / sigma + sigma.log()).mean()  # Laplace's distribution
        return likelihood + SQUARED * F.smooth_l1_loss(off, torch.zeros_like(off))

    @torch.no_grad()
    def score(self, network: nn.Module, index: int, device: torch.device) -> dict[str, float]:
        """Loss and errors in mm, beside those of the highest response and of the base alone."""
        asked = self.to_device(_asked(load_example(self.files[index])), device)
        found, _ = self.find(network, asked)
        known = torch.isfinite(asked.distance)
        best = asked.response.argmax(1) - asked.response.shape[1] // 2
        step = asked.interval_mm
        error = (found - asked.distance)[known].abs().cpu().numpy() * step
        plain = (best - asked.distance)[known].abs().cpu().numpy() * step
        return {
            "loss": float(self.loss(network, asked)),
            "median_mm": float(np.median(error)),
            "mean_mm": float(error.mean()),
            "close": float((error <= CLOSE_MM).mean()),
            "argmax_median_mm": float(np.median(plain)),
            "argmax_mean_mm": float(plain.mean()),
            "base_median_mm": float(np.median(asked.distance[known].abs().cpu().numpy()) * step),
        }


def _asked(example: Example) -> Asked:
    """An example whose sides are continued to multiples of 4, off the mask."""
    rows, cols = example.mask.shape
    pad = (0, -cols % ALIGN, 0, -rows % ALIGN)
    response = torch.from_numpy((example.response * example.mask).astype(np.float32) / 255)
    compared = torch.from_numpy((example.compared * example.mask).astype(np.float32))
    distance = np.where(example.mask, example.distance, np.nan).astype(np.float32)
    return Asked(
        F.pad(response[None], pad),
        F.pad(compared[None], pad),
        F.pad(torch.from_numpy(distance)[None], pad, value=float("nan")),
        example.interval_mm,
    )


def examples_of_scenes(
    store: SceneStore,
    weights: Path,
    folder: Path,
    options: TrainingOptions,
    device: torch.device,
    share: tuple[int, int] = (0, 1),
) -> list[Path]:
    """Files of volumes that an implicit function makes of scenes; made where they are missing.

    Args:
        store: of the scenes.
        weights: of the implicit function of the same method.
        folder: where the files go.
        options: of the training.
        device: where to compute.
        share: rank and number of processes; each makes its part.
    """
    digest = hashlib.sha256(weights.read_bytes() if weights.is_file() else b"").hexdigest()[:12]
    place = folder / "volumes" / f"{store.folder.name}_{options.method}_{digest}"
    files = [place / f"{source.name}.npz" for source in store.sources]
    respond = _responder(weights, options, device)
    for index in progress(range(share[0], len(store), share[1]), "making volumes"):
        if not files[index].is_file():
            scene = store[index]
            save_example(
                files[index],
                Example(
                    response=np.rint(respond(scene) * 255).astype(np.uint8),
                    compared=np.minimum((scene.seen > 0).sum(axis=0), 255).astype(np.uint8),
                    mask=scene.mask,
                    distance=scene.distance_mm / options.interval_mm,
                    interval_mm=options.interval_mm,
                ),
            )
    return files


def _responder(
    weights: Path, options: TrainingOptions, device: torch.device
) -> Callable[[Scene], np.ndarray]:
    """(d, rows, cols) responses of a scene."""
    offsets = (np.arange(options.d_size) - options.d_size // 2) * options.interval_mm
    if options.method == "mvfr":
        published = load_implicit(weights)

        def respond(scene: Scene) -> np.ndarray:
            grid = (scene.position, scene.normal, scene.mask, offsets)
            views = slice(options.views or None)
            return respond_published(
                *grid,
                scene.images[views],
                scene.cameras[views],
                published,
                device=device,
            )

        return respond
    ours = load_matcher(weights)

    def respond_ours(scene: Scene) -> np.ndarray:
        grid = (scene.position, scene.normal, scene.mask, offsets)
        views = (scene.images, scene.cameras, scene.seen)
        return respond_learned(*grid, *views, ours, device=device)

    return respond_ours


def examples_of_volumes(
    volumes: Sequence[str], shards: Sequence[str], folder: Path
) -> tuple[list[Path], list[str], list[str]]:
    """Files, names and subjects of the volumes that runs made of synthetic captures.

    The captures' cameras must have been read from files, so that they share the truth's frame.

    Args:
        volumes: files `volume.h5` of runs, of whatever implicit method.
        shards: files of their truth.
        folder: where the files go.

    Raises:
        ConfigError: no capture of the volumes has a truth.
    """
    place: dict[str, str] = {}
    for shard in shards:
        if Path(shard).suffix == ".h5":
            with BatchReader(shard, Truth) as reader:
                doubled = set(place) & set(reader.captures)
                if doubled:
                    raise ConfigError(
                        f"training.data: {min(doubled)} is in {place[min(doubled)]} and in "
                        f"{shard}: whose volumes are they? Train on the runs of one world."
                    )
                place |= dict.fromkeys(reader.captures, shard)
    files, names, subjects = [], [], []
    for item in volumes:
        with BatchReader(item, Volume) as reader:
            for name in reader.captures:
                if name not in place:
                    continue
                with BatchReader(place[name], Truth) as truths:
                    truth = truths[name]
                stamp = hashlib.sha256(f"{Path(item).resolve()}".encode()).hexdigest()[:12]
                path = folder / "volumes" / stamp / f"{name}.npz"
                save_example(path, example_of_volume(reader[name], truth))
                files.append(path)
                names.append(name)
                subjects.append(truth.subject)
    if not files:
        raise ConfigError(
            f"training.responses: none of the captures in {', '.join(volumes)} has a truth in "
            "training.data. Name the shards that the run's samples.tsv was made with."
        )
    return files, names, subjects


def example_of_volume(volume: Volume, truth: Truth) -> Example:
    """A volume of a run beside the truth of its capture."""
    mask = np.isfinite(volume.position_mm).all(axis=2) & (volume.n_compared >= 2)
    position = np.nan_to_num(volume.position_mm)
    half = (len(volume.response) // 2) * volume.interval_mm
    middle = position + volume.normal * np.nan_to_num(volume.centre_mm)[..., None]
    surface = SurfaceTree(truth.detail_mm, truth.detail_triangles)
    distance = true_distance(middle, volume.normal, mask, surface, float(half))
    shown = where_shown(truth, middle, volume.normal, distance)
    distance = np.where(shown, distance, np.nan)
    interval = float(volume.interval_mm)
    return Example(volume.response, volume.n_compared, mask, distance / interval, interval)


def save_example(path: Path, example: Example) -> None:
    """Write an example to one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez_compressed(part, **vars(example))
    part.replace(path)


def load_example(path: Path) -> Example:
    """An example that `save_example` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("response", "compared", "mask", "distance")}
        return Example(**arrays, interval_mm=float(file["interval_mm"]))
