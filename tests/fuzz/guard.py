"""Runs readers in a process of their own, which may be killed by what it reads."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hypothesis import HealthCheck, given, settings

from tests.fuzz.mutations import damaged, damages
from tests.fuzz.readers import READERS
from tests.runs import PROJECT

SECONDS = 20.0
START_SECONDS = 240.0
NORMAL = settings(
    max_examples=int(os.environ.get("VISAGRAPH_FUZZ_EXAMPLES", "30")),
    derandomize="VISAGRAPH_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Answer:
    """What came of reading one file.

    Args:
        kind: `value`; `refused`, an error of the project; `error`, any other; `memory`: it asked
            for gigabytes; `death`: the process ended; `time`: it did not answer.
        text: of the error.
        forbidden: programs, sockets and files outside of the folder that were asked for.
    """

    kind: Literal["ready", "value", "refused", "error", "memory", "death", "time"]
    text: str = ""
    forbidden: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.kind in ("value", "refused") and not self.forbidden


class Worker:
    """The process, started again when a file ended it.

    Args:
        folder: what it reads; the only place that it may write to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    def read(self, name: str) -> Answer:
        """Read the files of a reader that lie in the folder."""
        if self._process is None:
            self._start()
        print(json.dumps({"reader": name}), file=self._process.stdin, flush=True)
        return self._answer(SECONDS)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(self.folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(self.folder.parent / "worker.log", "w"),  # noqa: SIM115 - as long as it
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        )
        ready = self._answer(START_SECONDS)
        assert ready.kind == "ready", ready

    def _answer(self, seconds: float) -> Answer:
        waited, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if waited else ""
        if line:
            found = json.loads(line)
            return Answer(found["kind"], found["text"], tuple(found["forbidden"]))
        self.close()
        log = (self.folder.parent / "worker.log").read_text(errors="replace")[-2000:]
        return Answer("death", log) if waited else Answer("time", f"after {seconds} s")


def check_reader(worker: Worker, name: str, profile: settings = NORMAL) -> None:
    """Damage the valid file of a reader in many ways; each gives a value or the project's error."""
    reader, folder = READERS[name], worker.folder
    for old in folder.iterdir():
        old.unlink()
    seed = reader.write(folder)
    reader.put(folder, seed)
    valid = worker.read(name)
    assert valid.kind == "value" and not valid.forbidden, f"{name}, undamaged: {valid}"

    @profile
    @given(damages)
    def any_bytes(damage):
        reader.put(folder, damaged(seed, damage))
        found = worker.read(name)
        assert found.good, f"{name}: {found.kind} {found.forbidden}\n{found.text}"

    any_bytes()
