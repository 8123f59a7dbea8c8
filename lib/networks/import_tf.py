"""Published files of the detail layer as weights of our key layout, each with a card.

The command is `python -m lib.networks import`. Neither TensorFlow nor MATLAB is needed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from lib.atomic import atomic_path
from lib.networks import detail_layer, vggface
from lib.networks.cards import WeightCard, file_sha256
from lib.networks.checkpoints import CheckpointError
from lib.networks.detail_layer import DetailNetwork
from lib.networks.tf_checkpoint import TensorBundle
from lib.networks.vggface import COARSE, CoarseLayout, CoarseNetwork
from lib.networks.vggface_mat import read_vggface_mat

log = logging.getLogger(__name__)

COARSE_FILE, FINE_FILE, VGG_FILE = "coarse.pt", "fine.pt", "vggface.pt"
PAPER = "Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP"
LICENCE = (
    "not stated for the weights; made with the Basel Face Model, whose licence is for research"
)
COMMAND = "python -m lib.networks import {} FOLDER"
Names = dict[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Imported:
    """Weights of one network and where they came from.

    Args:
        file: name that they get.
        state: by our keys.
        steps: that they were trained; -1 = not told.
        beside: further entries of the file.
    """

    file: str
    state: dict[str, torch.Tensor]
    steps: int
    beside: dict[str, torch.Tensor]


def import_weights(source: str | Path, folder: str | Path) -> list[Path]:
    """Write the weights that a published file holds, each with its card.

    Args:
        source: prefix of a checkpoint, or `vgg-face.mat`.
        folder: to write to; made if need be.

    Returns:
        The files of weights.

    Raises:
        MissingModelError: it is not there.
        ConfigError: it is damaged, or of another network.
    """
    folder, found = Path(folder), read_published(source)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for item in found:
        path = folder / item.file
        with atomic_path(path) as part:
            torch.save({"model": item.state, "steps": item.steps, **item.beside}, part)
        _write_card(path, item, Path(source).name)
        log.info("%s: %d arrays", path, len(item.state))
        written.append(path)
    return written


def read_published(source: str | Path) -> list[Imported]:
    """The networks of a checkpoint, or VGG-Face; see `import_weights`."""
    if Path(source).suffix == ".mat":
        file = read_vggface_mat(source)
        return [Imported(VGG_FILE, file.state, -1, {"average": file.average})]
    bundle = TensorBundle(source)
    found = []
    if any(name.startswith(f"{COARSE}/") for name in bundle.names):
        found.append(_coarse(bundle))
    if any(name.startswith(f"{detail_layer.FINE}/") for name in bundle.names):
        found.append(_fine(bundle))
    if not found:
        told = ", ".join(bundle.names[:4])
        raise CheckpointError(
            f"{source} has {len(bundle.names)} tensors such as {told}; expected names that begin "
            f"with {COARSE}/ or {detail_layer.FINE}/. Is it the checkpoint of another network?"
        )
    return found


def _coarse(bundle: TensorBundle) -> Imported:
    heads = [
        bundle.shape(f"{COARSE}/decoder/{vggface.PUBLISHED_HEADS[name]}/kernel")[-1]
        for name in ("identity", "expression", "albedo")
    ]
    widths = tuple(
        bundle.shape(f"{COARSE}/VGGFace/conv{block}_1_weight")[-1]
        for block in range(1, len(vggface.DEPTHS) + 1)
    )
    fc6 = bundle.shape(f"{COARSE}/VGGFace/fc6_weight")
    with torch.device("meta"):  # names alone
        network = CoarseNetwork(CoarseLayout(*heads), widths, fc6[-1], fc6[0] * vggface.HALVINGS)
    names = vggface.tensorflow_names(network)
    return _imported(bundle, COARSE_FILE, network, names, "global_step_coarse")


def _fine(bundle: TensorBundle) -> Imported:
    widths: list[int] = []
    while True:
        layer = "conv2d" if not widths else f"conv2d_{len(widths)}"
        name = f"{detail_layer.FINE}/{layer}/kernel"
        if name not in bundle.names:
            break
        widths.append(bundle.shape(name)[-1])
    with torch.device("meta"):
        network = DetailNetwork(tuple(widths))
    names = detail_layer.tensorflow_names(network)
    return _imported(bundle, FINE_FILE, network, names, "global_step_fine")


def _imported(
    bundle: TensorBundle, file: str, network: torch.nn.Module, names: Names, step: str
) -> Imported:
    """All arrays of a network, their axes in our order, their shapes checked."""
    own, state = network.state_dict(), {}
    for key, (name, axes) in names.items():
        value = np.ascontiguousarray(bundle.read(name).transpose(axes), dtype=np.float32)
        if value.shape != tuple(own[key].shape):
            raise CheckpointError(
                f"{name} of {bundle.prefix} becomes {value.shape}, expected "
                f"{tuple(own[key].shape)} of {key}. Is it the checkpoint of another network?"
            )
        state[key] = torch.tensor(value)
    steps = int(bundle.read(step)) if step in bundle.names else -1
    return Imported(file, state, steps, {})


def _write_card(path: Path, item: Imported, source: str) -> None:
    told: Mapping[str, tuple[str, str, str]] = {
        COARSE_FILE: (
            "coefficients, pose and light of a face",
            "(n, 3, 300, 300) RGB 0..255, no mean taken off",
            "identity, expression, albedo, 6 of pose, 27 of light",
        ),
        FINE_FILE: (
            "fine relief of a face on its chart",
            "(n, 3, 512, 512) difference of photo and render, over 127.5",
            "(n, 1, 512, 512) mm along the model's z, -1..1",
        ),
        VGG_FILE: (
            "what tells faces apart",
            "(n, 3, 224, 224) RGB 0..255",
            "(n, 4096) fc7 before its ReLU",
        ),
    }
    task, given, gives = told[item.file]
    vgg = item.file == VGG_FILE
    card = WeightCard(
        name=f"detail_layer_{path.stem}",
        task=task,
        file=path.name,
        sha256=file_sha256(path),
        size_mb=round(path.stat().st_size / 1e6, 3),
        licence="research alone (VGG-Face, University of Oxford)" if vgg else LICENCE,
        source=f"imported from {source}",
        obtain=COMMAND.format(source),
        input=given,
        output=gives,
        paper="Parkhi et al. 2015, Deep Face Recognition, BMVC" if vgg else PAPER,
    )
    text = json.dumps({"card": asdict(card), "steps": item.steps}, indent=1) + "\n"
    path.with_name(f"{path.stem}_card.json").write_text(text, encoding="utf-8")
