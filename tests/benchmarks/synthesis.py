"""How many synthetic captures a second are drawn, and where the time goes.

    python -m tests.benchmarks.synthesis --count 24
    python -m tests.benchmarks.synthesis --kind octet --count 2
    python -m tests.benchmarks.synthesis --device cuda
    python -m tests.benchmarks.synthesis --count 48 --sheet docs/pictures/synthetic.jpg

One process and one thread on the CPU; a machine draws this many per core at once.
The first captures fill caches and are not counted. `--write` includes the shard and its photos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.devices import pick_device
from lib.facemodel import load_face_model
from lib.imaging import save_jpeg
from lib.synthesis import SynthesisOptions, draw_capture, open_studio, write_shard

WARM_UP = 3
CELL_PX = 150  # of a picture on the sheet


def main() -> None:
    options, world = _options()
    torch.set_num_threads(1)
    device = pick_device(options.device)
    studio = open_studio(load_face_model(options.model))
    for index in range(WARM_UP if world.kind == "photo" else 1):
        draw_capture(studio, world, index, device)
    start = time.perf_counter()
    views = 0
    if options.write:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            write_shard(studio, world, 0, place / "shard_0000.h5", place / "photos", device)
            size = (place / "shard_0000.h5").stat().st_size / options.count
            views = len(list(place.glob("photos/**/*.jpg")))
            print(f"size of a capture's truth: {size / 1e6:.2f} MB")
    else:
        pictures = []
        for index in range(options.count):
            pictures += draw_capture(studio, world, index, device).truth.image
        views = len(pictures)
    seconds = time.perf_counter() - start
    if options.sheet:
        cell = (CELL_PX, CELL_PX)
        small = [cv2.resize(picture, cell, interpolation=cv2.INTER_AREA) for picture in pictures]
        save_jpeg(options.sheet, mosaic(small), quality=70)
    height, width = world.height_px or "default", world.width_px or "default"
    print(f"{options.model} {world.kind}, {height} x {width} px, {device.type}, one thread")
    print(f"captures/s {options.count / seconds:.3f}   views/s {views / seconds:.3f}")


def mosaic(pictures: list[np.ndarray], columns: int = 8) -> np.ndarray:
    """Pictures of one size side by side; those that fill no row are left out."""
    rows = len(pictures) // columns
    return np.vstack([np.hstack(pictures[k * columns : (k + 1) * columns]) for k in range(rows)])


def _options() -> tuple[argparse.Namespace, SynthesisOptions]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="makehuman")
    parser.add_argument("--kind", default="photo")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--height", type=int, default=0)
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "auto"])
    parser.add_argument("--write", action="store_true", help="write the shard and photos as well")
    parser.add_argument("--sheet", type=Path, help="picture of all of them, without --write")
    options = parser.parse_args()
    world = SynthesisOptions(
        kind=options.kind,
        count=options.count,
        shard_size=options.count,
        height_px=options.height,
        width_px=options.width,
    )
    return options, world


if __name__ == "__main__":
    main()
