"""Runs on a real Slurm by the profile: jobs die, nodes go, and every head comes out."""

import subprocess
import sys
import time

import pytest

from tests.benchmarks.odd_photos import portrait
from tests.runs import PROJECT, outcomes
from tests.workflow.conftest import save
from tests.workflow.test_gpus import JOB, SNAKEFILE

pytestmark = pytest.mark.slow

QUICK = [  # no accounting database here, and nobody else to be polite to
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
    *("--latency-wait", "5"),
]


def snakemake(profile, *arguments):
    call = [sys.executable, "-m", "snakemake", "--workflow-profile", str(profile)]
    return [*call, *QUICK, *arguments]


def test_a_killed_job_and_a_drained_node_cost_no_head(cluster, new):
    save(new.photos / "anna.png", portrait(200))
    save(new.photos / "bert.png", portrait(180)[:, ::-1])
    call = snakemake("workflow/profiles/slurm", "--configfile", "small.yaml")
    call += ["--config", "photos=photos", "results=out", "batch_size=1"]
    log = new.folder / "log.txt"
    with (
        open(log, "w") as text,
        subprocess.Popen(
            call,
            cwd=new.folder,
            stdout=text,
            stderr=subprocess.STDOUT,
            env=cluster.environment | {"VISAGRAPH_GPU_IDS": "0,1"},
        ) as run,
    ):
        killed = cluster.some_job("RUNNING")
        cluster.ask("scancel", "--signal=KILL", "--full", killed)
        while killed in cluster.jobs("RUNNING"):
            time.sleep(0.2)
        cluster.set_node("state=drain", "reason=test")
        waiting = cluster.some_job("PENDING")
        time.sleep(3)
        assert waiting in cluster.jobs("PENDING")
        assert run.poll() is None, log.read_text()
        cluster.set_node("state=resume")
        assert run.wait(timeout=900) == 0, log.read_text()[-4000:]
    said = log.read_text()
    assert "Trying to restart job" in said
    assert outcomes(new.results) == {"photos/anna.png": "head", "photos/bert.png": "head"}
    assert said.count("Auto-selected partition 'gpu' for job fit_face_model") == 2
    for batch in ("b0001", "b0002"):
        fitted = (new.results / "logs" / "fit_face_model" / f"{batch}.log").read_text()
        assert "of the scheduler" in fitted


def test_gpu_jobs_at_the_same_time_get_different_devices(cluster, tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    profile = PROJECT / "workflow" / "profiles" / "slurm"
    partitions = ["--slurm-partition-config", str(profile / "partitions.yaml")]
    done = subprocess.run(
        snakemake(profile, *partitions),
        cwd=tmp_path,
        env=cluster.environment | {"PYTHONPATH": str(PROJECT), "WAIT_S": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    held = [(tmp_path / f"{job}.txt").read_text().split() for job in ("one", "two")]
    assert sorted(held) == [["0", "together"], ["1", "together"]]
