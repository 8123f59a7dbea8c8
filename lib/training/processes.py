"""One process of training, or several that torchrun started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Processes:
    """Which process this is.

    Args:
        rank: of this process; 0 writes the files.
        world: number of processes.
        device: where this one computes.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def mean(self, sums: dict[str, float], count: int) -> dict[str, float]:
        """Means over all processes of sums over `count` items each."""
        values = torch.tensor([*sums.values(), count], dtype=torch.float64, device=self.device)
        if self.world > 1:
            dist.all_reduce(values)
        total = max(float(values[-1]), 1.0)
        return {name: float(value) / total for name, value in zip(sums, values)}

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes of a training; torchrun's environment tells of others.

    Args:
        device: its kind; of several GPUs each process takes the one of its local rank.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(0, 1, device)
        return
    if device.type != "cpu":
        device = torch.device(device.type, int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("gloo" if device.type == "cpu" else "nccl")
    try:
        yield Processes(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()
