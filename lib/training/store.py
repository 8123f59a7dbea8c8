"""The captures to train on: found, prepared once as files, and split by subject."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from lib.artefacts import BatchReader, Truth
from lib.errors import ConfigError
from lib.facemodel import FaceModel, load_face_model
from lib.log import progress
from lib.training.facescape import facescape_scenes
from lib.training.options import TrainingOptions
from lib.training.scenes import Scene, load_scene, save_scene, scene_of_truth

# What a prepared scene depends on; other settings leave the files valid.
PREPARED_BY = ("uv_size", "d_size", "interval_mm", "long_side_px", "base_error_mm", "seed")
LAYOUT = 1  # raise when prepared files change


@dataclass(frozen=True)
class Source:
    """One capture of the data.

    Args:
        name: of the capture.
        subject: whose face.
        origin: file or folder it comes from.
        make: the scene, for options and a generator.
    """

    name: str
    subject: str
    origin: str
    make: Callable[[TrainingOptions, np.random.Generator], Scene]


def find_sources(data: Sequence[str], model: str = "") -> list[Source]:
    """All captures of some files and folders.

    Args:
        data: shards of truth (`.h5`) and FaceScape folders.
        model: file of the face model; empty = the one that each truth names.

    Raises:
        ConfigError: nothing is named, something is not there, or a name occurs twice.
    """
    found: list[Source] = []
    for item in data:
        path = Path(item)
        if path.is_dir():
            found += [Source(*parts[:2], item, parts[2]) for parts in facescape_scenes(path)]
        elif path.suffix == ".h5":
            with BatchReader(path, Truth) as shard:
                for name in shard.captures:
                    subject = shard.field(name, "subject")
                    maker = partial(_of_shard, path, name, model)
                    found.append(Source(f"{subject}.{name}", subject, item, maker))
        else:
            raise ConfigError(
                f"training.data names {item}, expected a shard of truth (.h5) or a folder laid out "
                "like FaceScape's."
            )
    if not found:
        raise ConfigError("training.data names nothing; expected shards of truth or folders.")
    doubled = {source.name for source in found if [s.name for s in found].count(source.name) > 1}
    if doubled:
        raise ConfigError(
            f"training.data: {len(doubled)} names of captures occur twice, such as "
            f"{min(doubled)}. Is one world named twice? Draw others with another synthesis.seed."
        )
    return found


def split_sources(
    sources: Sequence[Source], share: float, seed: int, section: str = TrainingOptions.section
) -> tuple[list[int], list[int]]:
    """Indices for training and for validation; nobody is in both.

    Args:
        sources: all captures.
        share: of the subjects that are kept for validation.
        seed: of the choice.
        section: of the settings, for messages.

    Raises:
        ConfigError: fewer than two subjects.
    """
    subjects = sorted({source.subject for source in sources})
    if len(subjects) < 2:
        raise ConfigError(
            f"{section}.data holds {len(subjects)} subject{'' if subjects else 's'}, expected at "
            "least 2: one is kept for validation."
        )
    count = min(max(1, round(share * len(subjects))), len(subjects) - 1)
    chosen = np.random.default_rng([seed, 1]).permutation(len(subjects))[:count]
    kept = {subjects[index] for index in chosen}
    indices = range(len(sources))
    return (
        [index for index in indices if sources[index].subject not in kept],
        [index for index in indices if sources[index].subject in kept],
    )


@dataclass(frozen=True)
class SceneStore:
    """Prepared scenes on disk; each is made when it is first needed.

    Args:
        sources: of the scenes.
        folder: where their files are.
        options: they are made with.
    """

    sources: tuple[Source, ...]
    folder: Path
    options: TrainingOptions

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Scene:
        path = self.path(index)
        if not path.is_file():
            self._prepare(index, path)
        return load_scene(path)

    def path(self, index: int) -> Path:
        """The file of a scene."""
        return self.folder / f"{self.sources[index].name}.npz"

    def prepare(self, rank: int = 0, world: int = 1) -> None:
        """Make the files that are missing; of several processes, each makes its share."""
        for index in progress(range(rank, len(self), world), "preparing captures"):
            if not self.path(index).is_file():
                self._prepare(index, self.path(index))

    def _prepare(self, index: int, path: Path) -> None:
        source = self.sources[index]
        digest = hashlib.sha256(source.name.encode()).digest()
        chance = np.random.default_rng([self.options.seed, *digest[:8]])
        scene = replace(source.make(self.options, chance), subject=source.subject)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.stem}.part.npz")
        save_scene(part, scene)
        part.replace(path)


def open_store(sources: Sequence[Source], folder: Path, options: TrainingOptions) -> SceneStore:
    """The store of a folder; other settings of preparing get a place of their own in it."""
    told = {name: getattr(options, name) for name in PREPARED_BY} | {
        "layout": LAYOUT,
        "truth": Truth.version,
        "sources": [[source.name, *_state(source.origin)] for source in sources],
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    return SceneStore(tuple(sources), folder / "scenes" / digest, options)


def _state(origin: str) -> list[object]:
    """Where data come from, and a file's size: a shard that was drawn anew is prepared anew."""
    path = Path(origin)
    return [str(path.resolve()), path.stat().st_size if path.is_file() else 0]


_MODELS: dict[str, FaceModel] = {}


def _of_shard(
    path: Path, name: str, model: str, options: TrainingOptions, chance: np.random.Generator
) -> Scene:
    with BatchReader(path, Truth) as shard:
        truth = shard[name]
    key = model or truth.face_model
    if key not in _MODELS:
        _MODELS[key] = load_face_model(key)
    return scene_of_truth(truth, name, _MODELS[key], options, chance)
