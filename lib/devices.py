"""Which device a job computes on, and GPUs shared fairly between the jobs of one machine."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from lib.errors import ConfigError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
POOL = "VISAGRAPH_GPU_IDS"
LOCK_FOLDER = "VISAGRAPH_GPU_LOCKS"
SCHEDULERS = ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "KUBERNETES_SERVICE_HOST")
POLL_SECONDS = 0.2
INSTALL_RENDERER = (
    "Install it with 'pip install --no-build-isolation git+https://github.com/NVlabs/nvdiffrast' "
    "(needs the CUDA toolkit; NVIDIA's licence allows research and evaluation, not commercial "
    "use), or set device: cpu, which renders the same with this project's compiled loops, slower "
    "and under its own licence."
)


def pick_device(setting: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device of a setting; `auto` is CUDA where PyTorch and nvdiffrast can use it.

    Raises:
        ConfigError: `cuda` was asked for and something of it is missing.
    """
    import torch

    if setting == "cpu":
        return torch.device("cpu")
    usable, renderer = torch.cuda.is_available(), importlib.util.find_spec("nvdiffrast")
    if setting == "cuda" and not usable:
        raise ConfigError(
            "device is 'cuda', but PyTorch finds no usable GPU. Set device: auto, or install a "
            "PyTorch build for your GPU's driver."
        )
    if setting == "cuda" and not renderer:
        raise ConfigError(f"device is 'cuda', but nvdiffrast is not installed. {INSTALL_RENDERER}")
    if usable and not renderer:
        log.warning("a GPU is there, nvdiffrast is not: using the CPU. %s", INSTALL_RENDERER)
    return torch.device("cuda" if usable and renderer else "cpu")


@contextlib.contextmanager
def lease_gpus(count: int, timeout_s: float = 24 * 3600.0) -> Iterator[tuple[str, ...]]:
    """Hold `count` GPUs of this machine that no other job holds, and make only them visible.

    Snakemake counts GPUs but hands out no ids. Each id is a lock file; the kernel drops the lock
    when the process ends in any way. Inside a Slurm, LSF, PBS or Kubernetes job the scheduler's
    choice is kept. Must be entered before anything uses CUDA.

    Args:
        count: GPUs that the job asked for; 0 hides all GPUs.
        timeout_s: how long to wait for a free GPU.

    Yields:
        The ids that are visible inside; empty where there is no GPU.

    Raises:
        ConfigError: more GPUs are asked for than there are.
        TimeoutError: none came free in time.
    """
    ids = gpu_pool(os.environ) if count else ()
    kept = _given_by_scheduler(os.environ)
    if kept and ids:
        log.info("GPUs: %s, of the scheduler", ", ".join(ids))
        yield ids
        return
    if ids and len(ids) < count:
        raise ConfigError(
            f"a job asks for {count} GPUs, there are {len(ids)} ({', '.join(ids)}). Lower its "
            f"resources: gpu, or name more in {POOL}."
        )
    with contextlib.ExitStack() as held:
        leased = _wait_for(ids, count, timeout_s, held) if ids else ()
        held.enter_context(_environment(VISIBLE, ",".join(leased)))
        log.info("GPUs: %s", ", ".join(leased) or "none")
        yield leased


def gpu_pool(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Ids of the GPUs that jobs of this machine may use.

    VISAGRAPH_GPU_IDS where it is set, else CUDA_VISIBLE_DEVICES, else what nvidia-smi lists.
    Inside a scheduler's job only CUDA_VISIBLE_DEVICES counts.
    """
    names = (VISIBLE,) if _given_by_scheduler(environment) else (POOL, VISIBLE)
    for name in names:
        if name in environment:
            ids = [word.strip() for word in environment[name].split(",")]
            return tuple(
                dict.fromkeys(word for word in ids if word not in ("", "-1", "NoDevFiles"))
            )
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    count = sum(line.startswith("GPU ") for line in listing.stdout.splitlines())
    return tuple(map(str, range(count)))


def _given_by_scheduler(environment: Mapping[str, str]) -> bool:
    return VISIBLE in environment and any(name in environment for name in SCHEDULERS)


def _wait_for(
    ids: tuple[str, ...], count: int, timeout_s: float, held: contextlib.ExitStack
) -> tuple[str, ...]:
    end = time.monotonic() + timeout_s
    while True:
        locks = _try_locks(ids, count)
        if len(locks) == count:
            for lock in locks.values():
                held.enter_context(lock)
            return tuple(locks)
        for lock in locks.values():  # all or nothing, so that two big jobs never block each other
            lock.close()
        if time.monotonic() > end:
            raise TimeoutError(f"no {count} free GPU of {', '.join(ids)} within {timeout_s:g} s")
        time.sleep(POLL_SECONDS * (1 + os.getpid() % 7 / 7))  # waiting jobs do not run in step


def _try_locks(ids: tuple[str, ...], count: int) -> dict[str, IO[str]]:
    locks: dict[str, IO[str]] = {}
    folder = _lock_folder()
    for name in ids:
        if len(locks) == count:
            break
        lock = open(folder / f"{name.replace(os.sep, '_')}.lock", "a")  # noqa: SIM115 held open
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            locks[name] = lock
    return locks


def _lock_folder() -> Path:
    base = os.environ.get(LOCK_FOLDER, tempfile.gettempdir())
    folder = Path(base) / f"visagraph-gpus-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
