"""Speed of the differentiable primitives on the CPU, beside peers and the limit of the memory.

python -m tests.benchmarks.render [--sizes 224 512 1024 2048] [--batches 1 8] [--threads 1 2]
    [--repeats 20] [--peers all|none|NAME ...] [--markdown FILE]

The mesh is a closed grid of 35,721 vertices and 70,688 triangles that covers 49 % of the image;
nothing is culled. All contestants of one image size are timed in rotation in one process, so that a
load from elsewhere meets them alike. Wall-clock time is that of the call; CPU time is that of all
threads of the process, on a busy machine the better measure of one thread. With
OMP_WAIT_POLICY=passive PyTorch's own threads do not spin while they wait.

The limit is what the compulsory traffic of the forward pass (positions and indices read, rasters
written) takes at the speed at which one thread copies memory in the same run. Results of all thread
counts are compared bit by bit. A peer's `frame` finds the triangles after the vertices have moved,
`trace` asks a tree that was built before, `step` goes both ways; each runs on one thread. A peer
that would take longer than the patience is left out. How peers are had:
`tests/benchmarks/render_peers.py`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from lib.render.differentiable import interpolate, rasterise
from lib.render.differentiable.antialias import antialias
from lib.render.differentiable.texture import texture
from lib.render.differentiable.topology import edge_table
from tests.benchmarks.render_peers import PEERS
from tests.benchmarks.render_scene import (
    Scene,
    boxes,
    compulsory_bytes,
    copy_bandwidth,
    head_scene,
)

TEXTURE_SIDE = 512


@dataclass
class Timing:
    """Milliseconds of one contestant's calls."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        return min(self.wall)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def best_cpu(self) -> float:
        return min(self.cpu)


Contestants = dict[tuple, Callable[[], object]]


class Work:
    """One batch of images through the primitives."""

    def __init__(self, scene: Scene, batch: int, size: int):
        self.clip = torch.tensor(scene.clip[:batch])
        self.triangles = torch.tensor(scene.triangles)
        self.attributes, self.uv = torch.tensor(scene.vertices), torch.tensor(scene.uv)
        self.edges, self.size = edge_table(self.triangles), (size, size)
        generator = torch.Generator().manual_seed(0)
        self.image = torch.rand(1, TEXTURE_SIDE, TEXTURE_SIDE, 3, generator=generator)
        self.slope = torch.rand(batch, size, size, 3, generator=generator)

    def forward(self) -> tuple[torch.Tensor, ...]:
        return (rasterise(self.clip, self.triangles, self.size).packed,)

    def interpolated(self) -> tuple[torch.Tensor, ...]:
        clip, attributes = self._variables(self.clip, self.attributes)
        raster = rasterise(clip, self.triangles, self.size)
        colour, _ = interpolate(attributes, raster, self.triangles)
        return self._backward(colour, clip, attributes)

    def antialiased(self) -> tuple[torch.Tensor, ...]:
        clip, attributes = self._variables(self.clip, self.attributes)
        raster = rasterise(clip, self.triangles, self.size)
        colour, _ = interpolate(attributes, raster, self.triangles)
        colour = antialias(colour, raster, clip, self.triangles, self.edges)
        return self._backward(colour, clip, attributes)

    def textured(self) -> tuple[torch.Tensor, ...]:
        clip, image = self._variables(self.clip, self.image)
        raster = rasterise(clip, self.triangles, self.size)
        uv, _ = interpolate(self.uv, raster, self.triangles)
        colour = texture(image, uv)
        colour = antialias(colour, raster, clip, self.triangles, self.edges)
        return self._backward(colour, clip, image)

    def _variables(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        return [tensor.clone().requires_grad_() for tensor in tensors]

    def _backward(self, colour: torch.Tensor, *variables: torch.Tensor):
        colour.backward(self.slope)
        return colour.detach(), *(variable.grad for variable in variables)


ROWS: dict[str, Callable[[Work], tuple[torch.Tensor, ...]]] = {
    "rasterise": Work.forward,
    "rasterise + interpolate, both ways": Work.interpolated,
    "… + antialias": Work.antialiased,
    f"… + texture {TEXTURE_SIDE}² + antialias": Work.textured,
}


def time_in_rotation(contestants: Contestants, repeats: int, patience_s: float) -> dict:
    """Timings of each contestant; one slower than the patience is not asked again."""
    timings = {key: Timing() for key in contestants}
    slow: set[tuple] = set()
    for _ in range(repeats):
        for key, call in contestants.items():
            if key not in slow:
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                timings[key].cpu.append(1e3 * (time.process_time() - cpu))
                timings[key].wall.append(1e3 * (time.perf_counter() - wall))
                if sum(timings[key].wall) > 1e3 * patience_s:
                    slow.add(key)
    return timings


def on_threads(threads: int, call: Callable[[], object]) -> Callable[[], object]:
    """The call, made with PyTorch's number of threads set."""

    def set_and_call() -> object:
        torch.set_num_threads(threads)
        return call()

    return set_and_call


def own_contestants(scene: Scene, batch: int, size: int, threads: list[int]) -> Contestants:
    """Every row for every number of threads, after a check that these do not change a bit.

    Raises:
        AssertionError: results differ between numbers of threads.
    """
    work = Work(scene, batch, size)
    calls: Contestants = {}
    for row, run in ROWS.items():
        reference = None
        for count in threads:
            call = on_threads(count, partial(run, work))
            results = call()
            reference = reference or results
            same = all(torch.equal(a, b) for a, b in zip(results, reference))
            assert same, f"{row}, {size} px: {count} threads give other bits than {threads[0]}"
            calls[row, batch, count] = call
    return calls


class PeerGroup:
    """The peers that can be had, and how long each took at the size before."""

    def __init__(self, names: list[str], patience_s: float):
        self.names, self.patience_s = names, patience_s
        self.left_out: dict[str, str] = {}
        self.differs: dict[tuple[str, int], tuple[float, float]] = {}
        self._per_pixel: dict[str, float] = {}

    def contestants(self, scene: Scene, size: int) -> Contestants:
        """`frame`, and where there are, `trace` and `step` of each peer, on one thread."""
        calls: Contestants = {}
        ours = Work(scene, 1, size).forward()[0][0, ..., 3].long().numpy() - 1
        for name in self.names:
            expected_s = self._per_pixel.get(name, 0.0) * size**2
            if name in self.left_out or expected_s > self.patience_s:
                continue
            try:
                peer = PEERS[name](scene, size)
            except Exception as error:
                self.left_out[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
                continue
            start = time.perf_counter()
            ids = on_threads(1, peer.frame)()
            self._per_pixel[name] = (time.perf_counter() - start) / size**2
            both = (ids >= 0) & (ours >= 0)
            shares = ((ids >= 0) != (ours >= 0)).mean(), (ids != ours)[both].mean()
            self.differs[name, size] = shares
            for verb in ("frame", "trace", "step"):
                if hasattr(peer, verb):
                    calls[name, verb] = on_threads(1, getattr(peer, verb))
        return calls


def own_table(timings: dict, scene: Scene, size: int, bandwidth: float) -> list[list[str]]:
    """Rows of our own contestants."""
    table = []
    for key, timing in timings.items():
        if len(key) != 3:
            continue
        row, batch, threads = key
        limit = 1e3 * compulsory_bytes(scene, batch, size) / bandwidth
        single = timings.get((row, batch, 1), timing)
        table.append(
            [str(size), str(batch), str(threads), row, f"{timing.best:.2f}", f"{timing.median:.2f}",
             f"{timing.best_cpu:.2f}", f"{single.best / timing.best:.2f}",
             f"{timing.best_cpu / limit:.0f}" if threads == 1 else ""]
        )  # fmt: skip
    return table


def peer_table(timings: dict, group: PeerGroup, size: int) -> list[list[str]]:
    """Rows of the peers, with their time over that of ours on one thread."""
    table = []
    for key, timing in timings.items():
        if len(key) != 2:
            continue
        name, verb = key
        row = list(ROWS)[1 if verb == "step" else 0]
        ours = timings[row, 1, 1]
        mask, ids = group.differs[name, size]
        table.append(
            [str(size), name, verb, f"{timing.best:.2f}", f"{timing.median:.2f}",
             f"{timing.best_cpu:.2f}", f"{timing.best / ours.best:.1f}",
             f"{timing.best_cpu / ours.best_cpu:.1f}", f"{mask:.1e}", f"{ids:.1e}"]
        )  # fmt: skip
    return table


OWN_HEAD = ["px", "batch", "threads", "what", "ms min", "ms median", "CPU ms min", "speed-up"]
OWN_HEAD += ["CPU / limit"]
PEER_HEAD = ["px", "peer", "what", "ms min", "ms median", "CPU ms min", "x ours, wall"]
PEER_HEAD += ["x ours, CPU", "mask differs", "ids differ"]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table whose columns line up."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    lines = [head, ["-" * width for width in widths], *rows]
    cells = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def measure(options: argparse.Namespace) -> str:
    """All tables as text."""
    scene = head_scene(max(options.batches))
    counts = f"{len(scene.vertices):,} vertices, {len(scene.triangles):,} triangles"
    small = "; at 224 px {:,} triangles and {:,} candidate samples".format(*boxes(scene, 224))
    lines = [counts + small + f"; load before the run {os.getloadavg()[0]:.1f}"]
    names = list(PEERS) if "all" in options.peers else [n for n in options.peers if n != "none"]
    group = PeerGroup(names, options.patience)
    own_rows, peer_rows, bandwidths = [], [], []
    for size in options.sizes:
        bandwidth = copy_bandwidth(1)
        timings = {}
        for batch in options.batches:
            calls = own_contestants(scene, batch, size, options.threads)
            if batch == 1:
                calls |= group.contestants(scene, size)
            timings |= time_in_rotation(calls, options.repeats, options.patience)
        bandwidths.append(max(bandwidth, copy_bandwidth(1)))
        own_rows += own_table(timings, scene, size, bandwidths[-1])
        peer_rows += peer_table(timings, group, size)
        print(f"{size} px: done, load {os.getloadavg()[0]:.1f}", flush=True)
    speeds = ", ".join(f"{speed / 1e9:.1f}" for speed in bandwidths)
    lines += [
        f"one thread copies {speeds} GB/s; results are bit-equal for {options.threads} threads"
    ]
    lines += ["", markdown(OWN_HEAD, own_rows)]
    lines += ["", markdown(PEER_HEAD, peer_rows)] if peer_rows else []
    lines += [f"left out: {name}: {reason}" for name, reason in group.left_out.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 512, 1024, 2048])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=20, help="rounds of the rotation (20)")
    parser.add_argument("--peers", nargs="+", default=["all"], choices=["all", "none", *PEERS])
    parser.add_argument(
        "--patience", type=float, default=30.0, help="seconds for one contestant and size (30)"
    )
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    text = measure(options)
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
