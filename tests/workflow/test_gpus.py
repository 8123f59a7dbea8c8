"""GPU jobs that run at the same time compute on different devices."""

import json
import os
import subprocess
import sys

import pytest

from tests.runs import PROJECT, command

# Each job waits until the other holds its devices too: they are certain to overlap.
SNAKEFILE = """
rule all:
    input:
        expand("{job}.txt", job=["one", "two"]),


rule compute:
    output:
        "{job}.txt",
    resources:
        gpu=1,
    script:
        "job.py"
"""
JOB = """
import os
import time
from pathlib import Path

from lib.devices import lease_gpus

mine, met = Path(f"{snakemake.wildcards.job}.holds"), Path("met")
with lease_gpus(snakemake.resources.get("gpu", 0)):
    mine.touch()
    end = time.monotonic() + float(os.environ["WAIT_S"])
    while not met.exists() and time.monotonic() < end:
        if len(list(Path(".").glob("*.holds"))) == 2:
            met.touch()
        time.sleep(0.02)
    mine.unlink()
    words = os.environ["CUDA_VISIBLE_DEVICES"], "together" if met.exists() else "alone"
    Path(snakemake.output[0]).write_text(" ".join(words))
"""
SCHEDULERS = ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "KUBERNETES_SERVICE_HOST")


def run_jobs(folder, slots, wait_s):
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "job.py").write_text(JOB)
    ours = {
        "PYTHONPATH": str(PROJECT),
        "VISAGRAPH_GPU_IDS": "0,1",
        "VISAGRAPH_GPU_LOCKS": str(folder),
        "WAIT_S": str(wait_s),
    }
    others = {name: value for name, value in os.environ.items() if name not in SCHEDULERS}
    done = subprocess.run(
        command("--resources", f"gpu={slots}", cores=2),
        cwd=folder,
        env=others | ours,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted((folder / f"{job}.txt").read_text() for job in ("one", "two"))


@pytest.mark.slow
def test_two_slots_put_two_jobs_on_two_devices(tmp_path):
    assert run_jobs(tmp_path, slots=2, wait_s=60) == ["0 together", "1 together"]


@pytest.mark.slow
def test_one_slot_runs_one_job_after_the_other(tmp_path):
    assert run_jobs(tmp_path, slots=1, wait_s=1) == ["0 alone", "0 alone"]


PARSE = """
import json
import sys
from snakemake.api import ConfigSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.api import StorageSettings, WorkflowSettings
from pathlib import Path
with SnakemakeApi(OutputSettings()) as api:
    workflow = api.workflow(
        resource_settings=ResourceSettings(cores=1, nodes=int(sys.argv[3]) or None),
        config_settings=ConfigSettings(config=json.loads(sys.argv[1])),
        storage_settings=StorageSettings(),
        workflow_settings=WorkflowSettings(),
        snakefile=Path("Snakefile"),
    )._workflow
    print("a job takes", workflow.get_rule(sys.argv[2]).resources["gpu"].value)
    print("at once", workflow.global_resources.get("gpu").value)
"""


def slots(rule: str, ids: str, nodes: int = 0, **settings) -> str:
    """How many GPUs a job of a rule takes, and how many there are for all jobs."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, json.dumps(settings), rule, str(nodes)],
        cwd=PROJECT,
        env=os.environ | {"VISAGRAPH_GPU_IDS": ids},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "ids", "nodes", "takes", "at_once"),
    [
        ("auto", "0,1", 0, 1, 1),
        ("cpu", "0,1", 0, 0, None),
        ("auto", "", 0, 0, None),
        ("auto", "0,1", 200, 1, None),  # a cluster counts its GPUs itself
    ],
)
def test_a_fit_takes_a_gpu_where_there_is_one_and_one_at_a_time(device, ids, nodes, takes, at_once):
    told = slots("fit_face_model", ids, nodes, device=device)
    assert told == f"a job takes {takes}\nat once {at_once}\n"


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["recover_albedo", "remove_highlights"])
def test_appearance_takes_a_gpu_for_its_networks_alone(rule):
    section = {"recover_albedo": "albedo", "remove_highlights": "highlights"}[rule]
    learned = {section: {"method": "learned", "weights": "my.pt"}}
    assert slots(rule, "0", **learned).startswith("a job takes 1\n")
    assert slots(rule, "0").startswith("a job takes 0\n")
    assert slots(rule, "0", device="cpu", **learned).startswith("a job takes 0\n")
