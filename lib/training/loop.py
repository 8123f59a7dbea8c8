"""The loop of training: the same bits whether it ran through or was killed and went on."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lib.training.curves import Row, write_curves
from lib.training.optimiser import optimiser_of
from lib.training.options import TrainingOptions
from lib.training.processes import Processes
from lib.training.state import FORMAT, LAST, load_state, save_state

if TYPE_CHECKING:
    from lib.training.state import Options

log = logging.getLogger(__name__)

SAVE_STEPS = 200  # between checkpoints inside an epoch
STEPS_DOWN = (0.6, 0.85)  # of the way, where schedule `step` falls to a tenth


class Task(Protocol):
    """What is trained: a network, what a step asks of it, and how it is scored.

    All captures have scores of the same names; None is one that a capture cannot tell.
    """

    name: str

    def network(self) -> nn.Module: ...
    def draw(self, index: int, chance: np.random.Generator) -> Any: ...
    def loss(self, network: nn.Module, asked: Any) -> torch.Tensor: ...
    def score(
        self, network: nn.Module, index: int, device: torch.device
    ) -> Mapping[str, float | None]: ...
    def to_device(self, asked: Any, device: torch.device) -> Any: ...


class BatchTask(Task, Protocol):
    """A task whose network must see all captures of a step at once, as batch norm does."""

    def batch_loss(self, network: nn.Module, batch: Sequence[Any]) -> torch.Tensor: ...


class Step(nn.Module):
    """A network whose call is the loss of a step, as data-parallel training needs it."""

    def __init__(self, network: nn.Module, task: Task):
        super().__init__()
        self.network, self.task = network, task

    def forward(self, batch: Sequence[Any]) -> torch.Tensor:
        if hasattr(self.task, "batch_loss"):
            return self.task.batch_loss(self.network, batch)
        losses = [self.task.loss(self.network, asked) for asked in batch]
        return torch.stack(losses).mean()


@dataclass
class Progress:
    """Where training stands.

    Args:
        epoch: that is under way, from 0.
        step: steps of this epoch that are done.
        total: steps that are done.
        loss_sum: of this epoch so far.
        recent_sum: of the losses since the last row of steps.
        rows: of the curves.
        seconds: that steps took so far.
    """

    epoch: int = 0
    step: int = 0
    total: int = 0
    loss_sum: float = 0.0
    recent_sum: float = 0.0
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Trained:
    """A trained network and how it did.

    Args:
        network: on the CPU.
        optimiser: its state.
        rows: of the curves.
        steps: that were done.
    """

    network: nn.Module
    optimiser: dict[str, Any]
    rows: list[Row]
    steps: int

    @property
    def validation(self) -> dict[str, float]:
        """The last scores on captures that were kept out."""
        rows = [row for row in self.rows if row["split"] == "validation"]
        kept = {name: value for name, value in rows[-1].items() if isinstance(value, float)}
        kept.pop("seconds", None)
        return kept


def best_epoch(rows: Sequence[Row]) -> int:
    """The epoch of the smallest validation loss, the first of several; 0 = before training."""
    scored = [row for row in rows if row["split"] == "validation"]
    return int(min(scored, key=lambda row: float(row["loss"]))["epoch"])


def learning_rate(options: TrainingOptions, share: float) -> float:
    """The rate when a share of all steps is done."""
    if options.schedule == "cosine":
        return options.learning_rate * 0.5 * (1 + float(np.cos(np.pi * share)))
    if options.schedule == "step":
        return options.learning_rate * 0.1 ** sum(share >= place for place in STEPS_DOWN)
    return options.learning_rate


def batches(
    captures: Sequence[int], options: Options, epoch: int, processes: Processes
) -> list[list[int]]:
    """The captures of each step of this process; all processes have equally many steps.

    The order depends on seed and epoch alone. The last step is filled up from the start. Where
    options count `steps`, an epoch is the next `save_steps` of them, and passes over the captures
    follow one another without regard to that.
    """
    if getattr(options, "steps", 0):
        return _next_steps(captures, options, epoch, processes)
    order = np.random.default_rng([options.seed, 3, epoch]).permutation(captures)
    together = options.batch * processes.world
    order = np.resize(order, -(-len(order) // together) * together)
    own = order.reshape(-1, processes.world, options.batch)[:, processes.rank]
    return [list(map(int, group)) for group in own]


def _next_steps(
    captures: Sequence[int], options: Options, epoch: int, processes: Processes
) -> list[list[int]]:
    """The captures of the steps of an epoch, of a row of shuffled passes."""
    together = options.batch * processes.world
    begin = epoch * options.save_steps
    end = min(begin + options.save_steps, options.steps)
    first, last = begin * together, end * together
    passes = range(first // len(captures), -(-last // len(captures)))
    order = np.concatenate(
        [np.random.default_rng([options.seed, 3, k]).permutation(captures) for k in passes]
    )
    order = order[first - passes.start * len(captures) :][: last - first]
    own = order.reshape(-1, processes.world, options.batch)[:, processes.rank]
    return [list(map(int, group)) for group in own]


class Training:
    """One run of training, in one process or as one of several.

    Args:
        task: what is trained.
        options: `filled`.
        split: indices of the captures to train on, and of those to validate with.
        names: of all captures, for telling whether a checkpoint is of the same data.
        folder: for checkpoints and curves.
        processes: this one and the others.
        rate: learning rate of a share of all steps and of the rows so far; None = the schedule of
            `learning_rate`.
        watch: called by the first process after each step with the network and the steps done.
    """

    def __init__(
        self,
        task: Task,
        options: Options,
        split: tuple[Sequence[int], Sequence[int]],
        names: Sequence[str],
        folder: Path,
        processes: Processes,
        rate: Callable[[float, Sequence[Row]], float] | None = None,
        watch: Callable[[nn.Module, int], None] | None = None,
    ):
        self.rate, self.watch = rate, watch
        self.task, self.options, self.folder, self.processes = task, options, folder, processes
        self.captures, self.kept = split
        told = json.dumps([[names[i] for i in part] for part in split])
        self.data = hashlib.sha256(told.encode()).hexdigest()
        torch.manual_seed(options.seed)
        network = task.network()
        if processes.world > 1 and processes.device.type != "cpu":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        self.network = network.to(processes.device)
        self.optimiser = optimiser_of(options, self.network)
        on_cpu, brief = processes.device.type == "cpu", getattr(options, "bfloat16", False)
        self.half = torch.bfloat16 if brief else None if on_cpu else torch.float16
        self.scaler = torch.amp.GradScaler(
            processes.device.type, enabled=self.half is torch.float16
        )
        self.progress = Progress()
        workers = getattr(options, "workers", 0)
        self.pool = ThreadPoolExecutor(workers) if workers else None
        self.coming: list[Future[Any]] | None = None
        if options.resume and (folder / LAST).is_file():
            self._restore(load_state(folder / LAST, task.name, options, self.data))
        step = Step(self.network, task)
        self.step = DistributedDataParallel(step) if processes.world > 1 else step

    def run(self, most_steps: int | None = None) -> Trained:
        """Train to the end.

        Args:
            most_steps: stop after so many steps as if killed; for tests.
        """
        done = 0
        if not self.progress.rows:
            self._validate(0)
        while self.progress.epoch < self.options.epochs:
            steps = batches(self.captures, self.options, self.progress.epoch, self.processes)
            while self.progress.step < len(steps):
                if most_steps is not None and done >= most_steps:
                    return self._trained()
                self._take(steps, self._total(len(steps)))
                done += 1
                if self.progress.step % SAVE_STEPS == 0:
                    self._save(LAST)
            self._end_epoch(len(steps))
        return self._trained()

    def _total(self, steps: int) -> int:
        """Steps of the whole training, of those of an epoch."""
        return getattr(self.options, "steps", 0) or self.options.epochs * steps

    def _take(self, steps: list[list[int]], total: int) -> None:
        """The next step of an epoch: one of the optimiser."""
        start, at = time.perf_counter(), self.progress
        self.network.train()
        for part in self.optimiser.param_groups:
            part["lr"] = self._rate(at.total / max(total, 1))
        device = self.processes.device
        batch = [self.task.to_device(asked, device) for asked in self._asked(steps)]
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, self.half, enabled=self.half is not None):
            loss = self.step(batch)
        self.scaler.scale(loss).backward()
        if limit := getattr(self.options, "clip", 0.0):
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_value_(self.network.parameters(), limit)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        at.step, at.total = at.step + 1, at.total + 1
        at.loss_sum += float(loss.detach())
        at.recent_sum += float(loss.detach())
        at.seconds += time.perf_counter() - start
        every = getattr(self.options, "print_every", 0)
        if every and at.total % every == 0:
            self._tell_steps(every)
        if self.watch is not None and self.processes.first:
            self.watch(self.network, at.total)

    def _tell_steps(self, count: int) -> None:
        """A row and a line with the mean loss of the last steps of this process."""
        at = self.progress
        mean, at.recent_sum = at.recent_sum / count, 0.0
        at.rows.append({"epoch": at.epoch, "step": at.total, "split": "steps", "loss": mean})
        log.info("step %d: loss %.6f, %.0f s", at.total, mean, at.seconds)

    def _asked(self, steps: list[list[int]]) -> list[Any]:
        """What this step asks; with `workers`, threads draw it during the step before."""
        step = self.progress.step
        if self.pool is None:
            return [self._draw(step, *item) for item in enumerate(steps[step])]
        coming = self.coming or self._begin(steps, step)
        self.coming = self._begin(steps, step + 1) if step + 1 < len(steps) else None
        return [future.result() for future in coming]

    def _begin(self, steps: list[list[int]], step: int) -> list[Future[Any]]:
        return [self.pool.submit(self._draw, step, *item) for item in enumerate(steps[step])]

    def _draw(self, step: int, place: int, index: int) -> Any:
        """What one capture is asked; seed, epoch, step and place tell the chance."""
        everywhere = self.processes.rank * self.options.batch + place
        seed = [self.options.seed, 4, self.progress.epoch, step, everywhere]
        return self.task.draw(index, np.random.default_rng(seed))

    def _rate(self, share: float) -> float:
        if self.rate is not None:
            return self.rate(share, self.progress.rows)
        return learning_rate(self.options, share)

    def _end_epoch(self, steps: int) -> None:
        at, options = self.progress, self.options
        mean = self.processes.mean({"loss": at.loss_sum}, {"loss": steps})["loss"]
        at.epoch, at.step, at.loss_sum = at.epoch + 1, 0, 0.0
        rate = self.optimiser.param_groups[0]["lr"]
        at.rows.append(
            {
                "epoch": at.epoch,
                "step": at.total,
                "split": "train",
                "loss": mean,
                "learning_rate": rate,
                "seconds": at.seconds,
            }
        )
        log.info("epoch %d of %d: loss %.6f, %.0f s", at.epoch, options.epochs, mean, at.seconds)
        due = at.epoch % options.save_every == 0 or at.epoch == options.epochs
        if due:
            self._validate(at.epoch)
        self._save(LAST)
        if due:
            self._save(f"checkpoint_{at.epoch:06d}.pt")
            self._drop_old()
        if self.processes.first:
            write_curves(self.folder, at.rows)
        self.processes.wait()

    def _validate(self, epoch: int) -> None:
        """Scores on the captures that were kept out, as a row of the curves."""
        self.network.eval()
        start, sums, counts = time.perf_counter(), {}, {}
        own = self.kept[self.processes.rank :: self.processes.world]
        for index in own or self.kept[:1]:  # all processes must know the names of the scores
            for name, value in self.task.score(self.network, index, self.processes.device).items():
                counted = bool(own) and value is not None
                sums[name] = sums.get(name, 0.0) + (value if counted else 0.0)
                counts[name] = counts.get(name, 0) + counted
        found = self.processes.mean(sums, counts)
        seconds = time.perf_counter() - start
        row = {"epoch": epoch, "step": self.progress.total, "split": "validation", **found}
        self.progress.rows.append({**row, "seconds": seconds})
        log.info("epoch %d, validation: %s", epoch, found)

    def _save(self, name: str) -> None:
        if not self.processes.first:
            return
        at = self.progress
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "format": FORMAT,
            "task": self.task.name,
            "method": self.options.method,
            "model": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "cursor": {"epoch": at.epoch, "step": at.step, "total": at.total},
            "loss_sum": at.loss_sum,
            "recent_sum": at.recent_sum,
            "seconds": at.seconds,
            "rows": [dict(row) for row in at.rows],
            "options": json.dumps(asdict(self.options)),
            "data": self.data,
        }
        save_state(self.folder / name, state)

    def _drop_old(self) -> None:
        """Remove checkpoints, where options tell how many are kept: not the last and the best."""
        keep = getattr(self.options, "keep", 0)
        if not keep or not self.processes.first:
            return
        best, last = best_epoch(self.progress.rows), self.progress.epoch
        for path in self.folder.glob("checkpoint_[0-9]*.pt"):
            epoch = int(path.stem.removeprefix("checkpoint_"))
            if epoch != best and epoch <= last - keep:
                path.unlink()

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["torch_rng"])
        cursor = state["cursor"]
        self.progress = Progress(
            **cursor,
            loss_sum=state["loss_sum"],
            recent_sum=state.get("recent_sum", 0.0),
            rows=state["rows"],
            seconds=state["seconds"],
        )
        log.info("going on from epoch %d, step %d", cursor["epoch"], cursor["step"])

    def _trained(self) -> Trained:
        state = self.optimiser.state_dict()
        network = self.network.cpu().eval()
        return Trained(network, state, self.progress.rows, self.progress.total)
