"""The weights of VGG-Face as MatConvNet keeps them, in our key layout.

Source: Parkhi, Vedaldi, Zisserman 2015, Deep Face Recognition, BMVC; the MatConvNet manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch

from lib.errors import MissingModelError
from lib.inputs.matlab import check_mat
from lib.inputs.reading import reading
from lib.networks.checkpoints import CheckpointError
from lib.networks.tensorflow_ops import CONVOLUTION
from lib.networks.vggface import DEPTHS

LAYERS = (
    *(f"conv{block}_{k}" for block, depth in enumerate(DEPTHS, 1) for k in range(1, depth + 1)),
    "fc6",
    "fc7",
)  # fc8 tells whose face it is, of 2622 people; nothing asks it


@dataclass(frozen=True)
class VggFaceFile:
    """What a file of VGG-Face holds.

    Args:
        state: `conv1_1.weight` (out, in, h, w) ... `fc7.bias`.
        average: (3,) or (h, w, 3) RGB 0..255, the mean that its own training took off.
    """

    state: dict[str, torch.Tensor]
    average: torch.Tensor


def read_vggface_mat(path: str | Path) -> VggFaceFile:
    """VGG-Face of a MatConvNet file, `vgg-face.mat`.

    Layers are found by name. Filters lie as (h, w, in, out); old files call them `filters` and
    `biases`, newer ones keep both under `weights`.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it cannot be read, or lacks a layer.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there, expected vgg-face.mat of MatConvNet. Name the file you have."
        )
    what = "a MATLAB file up to version 7 with the layers of VGG-Face"
    with reading(path, what, "Is the download complete?", CheckpointError):
        check_mat(path)
        return _of_content(scipy.io.loadmat(str(path), struct_as_record=False), path)


def _of_content(content: dict[str, Any], path: Path) -> VggFaceFile:
    if "layers" not in content:
        told = ", ".join(sorted(key for key in content if not key.startswith("__")))
        raise CheckpointError(f"{path} has {told}, expected `layers` of a MatConvNet network.")
    layers = {_text(layer.name): layer for layer in map(_struct, content["layers"].ravel())}
    state: dict[str, torch.Tensor] = {}
    for name in LAYERS:
        if name not in layers:
            raise CheckpointError(
                f"{path} lacks the layer {name}; it has {', '.join(list(layers)[:6])}, ... "
                "Expected those of VGG-Face, conv1_1 to fc7."
            )
        filters, bias = _weights(layers[name], f"{path}, layer {name}")
        state[f"{name}.weight"], state[f"{name}.bias"] = filters, bias
    return VggFaceFile(state, _average(content))


def _weights(layer: Any, place: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (out, in, h, w) and bias (out,) of a layer."""
    fields = set(layer._fieldnames)
    if "weights" in fields:
        filters, bias = layer.weights.ravel()[:2]
    elif {"filters", "biases"} <= fields:
        filters, bias = layer.filters, layer.biases
    else:
        raise CheckpointError(
            f"{place} has the fields {', '.join(sorted(fields))}, expected `weights`, or "
            "`filters` and `biases`."
        )
    filters, bias = np.asarray(filters, np.float32), np.asarray(bias, np.float32).ravel()
    filters = filters.reshape(filters.shape + (1,) * (4 - filters.ndim))
    if filters.ndim != 4 or filters.shape[3] != len(bias):
        raise CheckpointError(
            f"{place} has filters {filters.shape} and {len(bias)} biases, expected (h, w, in, out) "
            "and one bias per output."
        )
    weight = np.ascontiguousarray(filters.transpose(CONVOLUTION))
    return torch.from_numpy(weight), torch.from_numpy(bias.copy())


def _average(content: dict[str, Any]) -> torch.Tensor:
    """The average image, or colour; 0 where a file tells none."""
    for holder in (content.get("meta"), content):
        found = None
        if isinstance(holder, dict):
            found = holder.get("normalization")
        elif holder is not None and hasattr(_struct(holder), "normalization"):
            found = _struct(holder).normalization
        if found is not None and hasattr(_struct(found), "averageImage"):
            average = np.asarray(_struct(found).averageImage, np.float32)
            return torch.from_numpy(average.ravel() if average.size == 3 else average)
    return torch.zeros(3)


def _struct(value: Any) -> Any:
    """The struct in an array of one."""
    return value.ravel()[0] if isinstance(value, np.ndarray) else value


def _text(value: Any) -> str:
    return str(np.asarray(value).ravel()[0]) if np.size(value) else ""
