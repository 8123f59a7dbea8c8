"""Scores of a shading network: `python -m tests.benchmarks.shading_network WEIGHTS SHARDS`.

The photos go through the line as in training, and the truth is looked up through them; normals are
compared on the chart, on bare skin that the photo shows. Name shards of worlds that the network
was not trained on. Needs resources/landmark_models.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from lib.networks.shaded_relief import load_shaded_relief
from lib.training.displacement import find_people
from lib.training.shading import ShadingTask
from lib.training.shading_samples import prepare_photos

MODELS = Path("resources/landmark_models")
COLUMNS = {
    "normals, head": "base_deg",
    "normals, network": "normal_deg",
    "wrinkles, head": "wrinkles_base_deg",
    "wrinkles, network": "wrinkles_deg",
    "correlation: wrinkles": "wrinkles_alike",
    "resting": "resting_alike",
    "driven": "driven_alike",
    "base's error": "middle_alike",
    "invented, um": "invented_um",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path, help="of train_shading")
    parser.add_argument("shards", nargs="+", help="of synthetic photos; a row each")
    parser.add_argument("--kept", type=Path, required=True, help="folder for prepared photos")
    arguments = parser.parse_args()
    network = load_shaded_relief(arguments.weights)
    print("| photos | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    for shard in arguments.shards:
        sources = find_people([shard], "train_shading")
        files = prepare_photos(sources, arguments.kept, "", MODELS)
        task = ShadingTask(tuple(f for f in files if f.stat().st_size), network.options)
        rows = [task.score(network, k, torch.device("cpu")) for k in range(len(task.files))]
        cells = []
        for name in COLUMNS.values():
            values = [row[name] for row in rows if row[name] is not None]
            cells.append(f"{np.mean(values):.2f}" if values else "")
        print(f"| {len(rows)} of {Path(shard).stem} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
