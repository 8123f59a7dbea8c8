"""One process of training, or several that torchrun started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

LONGEST_WAIT = timedelta(days=2)  # the first process prepares the data of all


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

    def mean(self, sums: dict[str, float], counts: dict[str, int]) -> dict[str, float]:
        """Means over all processes of sums over items; a name that nobody counted has none.

        Args:
            sums: the same names in all processes.
            counts: items in each sum.
        """
        told = [*sums.values(), *(counts[name] for name in sums)]
        values = torch.tensor(told, dtype=torch.float64, device=self.device)
        if self.world > 1:
            dist.all_reduce(values)
        totals, items = values.view(2, -1).tolist()
        return {name: t / n for name, t, n in zip(sums, totals, items, strict=True) if n > 0}

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
    backend = "gloo" if device.type == "cpu" else "nccl"
    dist.init_process_group(backend, timeout=LONGEST_WAIT)
    try:
        yield Processes(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()
