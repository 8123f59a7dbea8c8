"""A coefficient regressor as an ONNX file, for programs that have no PyTorch."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch

from lib.geometry.aligned_crop import SIDE_PX
from lib.imaging import save_bytes
from lib.networks.regressor import CoefficientRegressor

OPSET = 17
INPUT, OUTPUT = "image", "code"


class _Reduced(torch.nn.Module):
    """The network on crops that already have the side that it sees."""

    def __init__(self, network: CoefficientRegressor):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network.code(image)


def export_onnx(network: CoefficientRegressor, path: str | Path) -> None:
    """Write a network with its weights.

    The file takes `image`, (n, 3, side, side) float32 RGB 0..1, sRGB-encoded, aligned and reduced
    to the network's `input_px` (224 as published), and gives `code`, (n, total).

    Args:
        network: in evaluation mode.
        path: of the new file.
    """
    side = min(network.input_px, SIDE_PX)
    example = torch.zeros(1, 3, side, side)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the new exporter needs a compiler
        torch.onnx.export(
            _Reduced(network).eval(),
            (example,),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
        )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_bytes(path, file.getvalue())
