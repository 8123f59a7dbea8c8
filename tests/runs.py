"""Running the workflow as a user does, and reading what it made."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lib.planning import read_ledger
from lib.report.status import read_status

PROJECT = Path(__file__).parents[1]
OFFLINE = PROJECT / "tests" / "offline"
JOB_LINE = re.compile(r"^(?:Finished jobid: \d+ \(Rule: (\w+)\))", re.MULTILINE)
DROP_FROM_BOUNDING_SET = 24  # prctl(2)
READ_EVERYTHING = (1, 2)  # capabilities(7): CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
CAP_SETPCAP = 8
TABLE_ROW = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One call of Snakemake.

    Args:
        returncode: its exit status.
        text: standard output and error.
        seconds: wall-clock time.
    """

    returncode: int
    text: str
    seconds: float

    @property
    def jobs(self) -> list[str]:
        """Rules of the jobs that finished, in order, without the target rule `all`."""
        return [rule for rule in JOB_LINE.findall(self.text) if rule != "all"]

    @property
    def planned(self) -> Counter[str]:
        """Jobs per rule in a dry-run's table, without the target rule `all`."""
        rows = self.text.partition("Job stats:")[2].partition("\n\n")[0]
        jobs = Counter({rule: int(number) for rule, number in TABLE_ROW.findall(rows)})
        del jobs["all"], jobs["total"]
        return jobs

    def check(self) -> Run:
        """Itself.

        Raises:
            RuntimeError: the call failed; shows the end of what it wrote.
        """
        if self.returncode:
            raise RuntimeError(f"snakemake ended with {self.returncode}:\n{self.text[-4000:]}")
        return self


def command(*arguments: str, cores: int = 2, **config: object) -> list[str]:
    """The command line of a run; `config` becomes `--config name=value`."""
    settings = [f"{name}={value}" for name, value in config.items()]
    return [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments] + (
        ["--config", *settings] if settings else []
    )


def run(*arguments: str, cwd: Path = PROJECT, cores: int = 2, **config: object) -> Run:
    """Run the workflow and wait for its end."""
    start = time.monotonic()
    done = subprocess.run(
        command(*arguments, cores=cores, **config),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=environment(),
        preexec_fn=obey_permissions,
    )
    return Run(done.returncode, done.stdout, time.monotonic() - start)


def permissions_count() -> bool:
    """Whether programs started with `obey_permissions` may not read a file of mode 000."""
    return os.geteuid() != 0 or _may_give_up_capabilities()


def obey_permissions() -> None:
    """Give up the superuser's right to read everything; it is gone in programs started from here.

    For `preexec_fn`. Does nothing for other users, and where the system does not let go of it.
    """
    if os.geteuid() == 0 and _may_give_up_capabilities():
        libc = ctypes.CDLL(None)
        for capability in READ_EVERYTHING:
            libc.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def _may_give_up_capabilities() -> bool:
    status = Path("/proc/self/status")  # Linux
    if not status.exists():
        return False
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status.read_text(), re.MULTILINE)
    return bool(effective and int(effective[1], 16) >> CAP_SETPCAP & 1)


def environment() -> dict[str, str]:
    """The environment of a run: numerical libraries keep to the threads that a job was given.

    There is no network: `tests/offline` refuses every address but this machine's.
    """
    paths = [str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths)}


def outcomes(results: Path) -> dict[str, str]:
    """Image path -> `head` where a head was exported, else the word of the stage that failed."""
    ended: dict[str, str] = {}
    for row in read_status(results / "status.tsv"):
        ended[row.capture] = row.outcome if row.failed else row.stage
    return {
        image: "head" if ended.get(name) == "export" else ended.get(name, "missing")
        for image, name in read_ledger(results / "batches.tsv").names().items()
    }
