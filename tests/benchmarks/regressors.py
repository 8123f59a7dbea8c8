"""Milliseconds per image of the coefficient regressors: `python -m tests.benchmarks.regressors`.

Random weights in the published layout; every figure is the median of several batches.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch

from lib.devices import pick_device
from lib.networks.checkpoints import count_parameters
from lib.networks.regressor import CoefficientRegressor

BACKBONES = ("resnet50", "resnet18", "mobilenet_v3")


def milliseconds(network: CoefficientRegressor, batch: int, repeats: int) -> float:
    """Median ms per image of a batch."""
    device = next(network.parameters()).device
    image = torch.rand(batch, 3, 224, 224, device=device)
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            network(image).cpu()  # waits for the device
            seconds.append(time.perf_counter() - start)
    return 1e3 * float(np.median(seconds[1:])) / batch


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.regressors", description=__doc__)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = pick_device(given.device)
    head = " | ".join(f"ms, batch {batch}" for batch in given.batches)
    lines = [f"| backbone | crops | parameters | {head} |", "|---" * (3 + len(given.batches)) + "|"]
    for backbone, side in [(name, 224) for name in BACKBONES] + [("mobilenet_v3", 112)]:
        network = CoefficientRegressor(backbone, input_px=side).eval().to(device)
        found = [milliseconds(network, batch, given.repeats) for batch in given.batches]
        times = " | ".join(f"{value:.1f}" for value in found)
        lines.append(f"| `{backbone}` | {side} px | {count_parameters(network)} | {times} |")
    sys.stdout.write("\n".join([f"{device}, {given.threads} threads", *lines]) + "\n")


if __name__ == "__main__":
    main()
