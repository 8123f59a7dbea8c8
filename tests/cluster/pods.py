"""A pod of a run without a cluster: jobs.py and run.sh are called as its container calls them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.cluster.api_server import ApiServer, Object, serve
from tests.runs import PROJECT

PROFILE = PROJECT / "workflow" / "profiles" / "kubernetes"
QUICK = [  # nobody else to be polite to
    *("--seconds-between-status-checks", "1"),
    *("--max-status-checks-per-second", "20"),
    *("--latency-wait", "5"),
]
PROPERTIES = """#!/bin/sh
# properties = {"type": "single", "rule": "fit_face_model", "wildcards": {"batch": "b0001"}, \
"threads": 2, "resources": {"mem_mb": 3000, "runtime": 45, "gpu": 1}}
"""


class Answer(NamedTuple):
    """What a program gave."""

    code: int
    word: str
    said: str


@dataclass(frozen=True)
class RunPod:
    """A pod of a run.

    Args:
        api: the stand-in that it asks.
        folder: where scripts and output go.
        environment: of its container.
    """

    api: ApiServer
    folder: Path
    environment: dict[str, str]

    def jobs(self, *words: object, **environment: str) -> Answer:
        """Call jobs.py."""
        done = subprocess.run(
            [sys.executable, PROFILE / "jobs.py", *words],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout.strip(), done.stderr.strip())

    def submit(
        self, commands: str = "true\n", properties: str = PROPERTIES, **environment: str
    ) -> Answer:
        """Submit commands as Snakemake does."""
        script = self.folder / "snakejob.sh"
        script.write_text(properties + commands, encoding="utf-8")
        return self.jobs("submit", script, **environment)

    def ended(self, name: str, timeout_s: float = 30.0) -> Answer:
        """The first answer of `status` other than `running`.

        Raises:
            TimeoutError: it goes on.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            answer = self.jobs("status", name)
            if answer.word != "running":
                return answer
            time.sleep(0.2)
        raise TimeoutError(name)

    def start(self, *words: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
        """run.sh with these words; its output is added to the file run.txt of the folder."""
        with open(folder / "run.txt", "ab") as text:
            return subprocess.Popen(
                [PROFILE / "run.sh", *words],
                cwd=folder,
                env=self.environment | environment,
                stdout=text,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def run_pod(profile: Path) -> Object:
    """The pod of a run, as the cluster tells of it."""
    job = yaml.safe_load((profile / "run.yaml").read_text())
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "visagraph", "uid": "u-1"}
    labels = job["spec"]["template"]["metadata"]["labels"] | {"job-name": "visagraph"}
    meta = {
        "name": "visagraph-abcde",
        "uid": "u-2",
        "labels": labels,
        "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
    }
    return {"metadata": meta, "spec": job["spec"]["template"]["spec"]}


def role_rules(profile: Path) -> list[Object]:
    """Rules of the Role of setup.yaml."""
    things = yaml.safe_load_all((profile / "setup.yaml").read_text())
    return next(thing["rules"] for thing in things if thing["kind"] == "Role")


@contextmanager
def pod_of_a_run(folder: Path) -> Iterator[RunPod]:
    """A pod, and a cluster around it."""
    programs, logs = folder / "programs", folder / "logs"
    logs.mkdir()
    programs.mkdir()
    for name, words in {"python": "", "snakemake": "-m snakemake"}.items():  # as in the image
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / name).chmod(0o755)
    known = {name: text for name, text in os.environ.items() if not name.startswith("VISAGRAPH_")}
    of_image = known | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    api = ApiServer(logs, role_rules(PROFILE), run_pod(PROFILE), of_image)
    with serve(api) as server:
        ours = {
            "VISAGRAPH_KUBERNETES": f"http://127.0.0.1:{server.server_port}",
            "POD_NAME": api.run_pod["metadata"]["name"],
            "POD_NAMESPACE": "heads",
            "VISAGRAPH_WAIT_S": "5",
            "VISAGRAPH_RESULTS": "out",
        }
        yield RunPod(api, folder, of_image | ours)
