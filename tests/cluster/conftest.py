"""A Slurm of one node, a pod of a run on Kubernetes, and copies of the project for whole runs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.pods import RunPod, pod_of_a_run
from tests.workflow.conftest import again, finished, new, project  # noqa: F401 fixtures

SCRIPT = Path(__file__).parent / "slurm.sh"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "mknod")


@dataclass(frozen=True)
class Cluster:
    """A running Slurm.

    Args:
        environment: what programs that talk to it need.
    """

    environment: dict[str, str]

    def ask(self, *words: str) -> str:
        """What one of Slurm's commands says.

        Raises:
            CalledProcessError: it failed.
        """
        return subprocess.run(
            words, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def jobs(self, state: str) -> list[str]:
        """Ids of the jobs of a state, such as RUNNING."""
        return self.ask("squeue", "--noheader", f"--states={state}", "--format=%i").split()

    def some_job(self, state: str, timeout_s: float = 240.0) -> str:
        """The first job of a state; waits for one.

        Raises:
            TimeoutError: none came.
        """
        end = time.monotonic() + timeout_s
        while not (found := self.jobs(state)):
            if time.monotonic() > end:
                raise TimeoutError(f"no job is {state} after {timeout_s:g} s")
            time.sleep(0.2)
        return found[0]

    def set_node(self, *settings: str) -> None:
        """Change the node, such as `state=resume`."""
        self.ask(
            "scontrol", "update", f"nodename={socket.gethostname().partition('.')[0]}", *settings
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A Slurm of one node with four processors and two GPUs that are only device files."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
    if missing:
        pytest.skip(
            f"no {', '.join(missing)}: apt-get install --no-install-recommends slurm-wlm slurmctld "
            "slurmd slurm-wlm-basic-plugins munge"
        )
    if os.geteuid() != 0:
        pytest.skip("slurmctld and slurmd of a test need the superuser")
    folder = tmp_path_factory.mktemp("slurm")
    folder.chmod(0o755)
    base = os.environ | {"PATH": _path()}
    started = subprocess.run(
        [SCRIPT, "start", folder], env=base, capture_output=True, text=True, check=False
    )
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield Cluster(base | {"SLURM_CONF": str(folder / "slurm.conf")})
    finally:
        subprocess.run([SCRIPT, "stop", folder], env=base, check=True)


@pytest.fixture
def pod(tmp_path) -> Iterator[RunPod]:
    """A pod of a run, with a cluster of its own."""
    with pod_of_a_run(tmp_path) as pod:
        yield pod


def _path() -> str:
    return f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
