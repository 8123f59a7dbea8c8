"""The profile for any scheduler, on stand-ins of qsub, qstat, qacct, bsub and bjobs."""

import os
import subprocess
import sys

import pytest

from tests.runs import PROJECT

SCRIPT = PROJECT / "workflow" / "profiles" / "generic" / "scheduler.sh"
SNAKEFILE = """
rule all:
    input:
        expand("{name}.txt", name=["steady", "once"]),


rule make:
    output:
        "{name}.txt",
    threads: 2
    resources:
        runtime=90,
        mem_mb=3000,
    script:
        "job.py"
"""
# The job `once` dies as if the scheduler had killed it, on its first try alone.
JOB = """
import os
import signal
from pathlib import Path

if snakemake.wildcards.name == "once" and not Path("tried").exists():
    Path("tried").touch()
    os.kill(os.getppid(), signal.SIGKILL)
Path(snakemake.output[0]).touch()
"""
# Jobs of the stand-in run at once; their numbers are lines of the file `submitted`.
FAKES = {
    "qsub": """
        echo "$@" >>submitted
        number=$(wc -l <submitted)
        (bash "${@: -1}" </dev/null >"out.$number" 2>&1; echo $? >"code.$number") >/dev/null 2>&1 &
        echo "$number"
    """,
    "qstat": """
        for out in out.*; do
          number=${out#out.}
          [ -e "code.$number" ] || echo "$number 0.5 name user r 11/22/2026"
        done
    """,
    "qacct": 'echo "exit_status  $(cat "code.$2")"',
    "bsub": 'echo "$@" >>submitted; echo "Job <77> is submitted to queue <normal>."',
    "bjobs": 'echo "${FAKE_STATE}"',
}


@pytest.fixture
def commands(tmp_path):
    """An environment in which the stand-ins are found first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in FAKES.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (folder / name).chmod(0o755)
    (tmp_path / "workflow").symlink_to(PROJECT / "workflow")
    waiting = {"VISAGRAPH_ACCOUNTING_WAIT_S": "0.2"}
    return os.environ | waiting | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def ask(environment, folder, *words):
    done = subprocess.run(
        [SCRIPT, *words], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip()


@pytest.mark.slow
def test_a_job_that_was_killed_runs_again(commands, tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    call = [sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/generic"]
    done = subprocess.run(
        [*call, "--latency-wait", "5", "--max-status-checks-per-second", "10"],
        cwd=tmp_path,
        env=commands | {"VISAGRAPH_SCHEDULER": "sge"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "once.txt").exists() and (tmp_path / "steady.txt").exists()
    submitted = (tmp_path / "submitted").read_text().splitlines()
    assert len(submitted) == 3
    assert all("-l h_rt=1:30:00 -l h_vmem=1500M -pe smp 2" in words for words in submitted)
    assert not any("gpu=" in words for words in submitted)


def test_sge_jobs_that_are_gone_have_failed(commands, tmp_path):
    sge = commands | {"VISAGRAPH_SCHEDULER": "sge"}
    (tmp_path / "out.1").touch()
    assert ask(sge, tmp_path, "status", "1") == "running"
    (tmp_path / "code.1").write_text("137\n")
    assert ask(sge, tmp_path, "status", "1") == "failed"
    (tmp_path / "code.1").write_text("0\n")
    assert ask(sge, tmp_path, "status", "1") == "success"
    assert ask(sge, tmp_path, "status", "9") == "failed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    job_state = R\n", "running"),
        ("    job_state = F\n    Exit_status = 0\n", "success"),
        ("    job_state = F\n    Exit_status = 271\n", "failed"),
    ],
)
def test_pbs_says_how_a_job_ended(commands, tmp_path, text, expected):
    (tmp_path / "answer").write_text(text)
    (tmp_path / "bin" / "qstat").write_text("#!/usr/bin/env bash\ncat answer\n")
    pbs = commands | {"VISAGRAPH_SCHEDULER": "pbs"}
    assert ask(pbs, tmp_path, "status", "12.server") == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [("PEND", "running"), ("RUN", "running"), ("DONE", "success"), ("EXIT", "failed")],
)
def test_lsf_says_how_a_job_ended(commands, tmp_path, state, expected):
    lsf = commands | {"VISAGRAPH_SCHEDULER": "lsf", "FAKE_STATE": state}
    assert ask(lsf, tmp_path, "status", "77") == expected


def test_lsf_jobs_ask_for_gpus_and_a_queue_and_give_their_number(commands, tmp_path):
    lsf = commands | {"VISAGRAPH_SCHEDULER": "lsf", "VISAGRAPH_SUBMIT": "-q long"}
    assert ask(lsf, tmp_path, "submit", "4", "6000", "45", "1", "fit_face_model", "job.sh") == "77"
    words = (tmp_path / "submitted").read_text()
    assert "-n 4" in words and "-W 45" in words and "-M 6000MB" in words
    assert "-gpu num=1" in words and "-q long" in words


def test_an_unknown_scheduler_is_refused(commands, tmp_path):
    other = commands | {"VISAGRAPH_SCHEDULER": "oracle"}
    said = ask(other, tmp_path, "submit", "1", "100", "5", "0", "fit", "job.sh")
    assert said == "VISAGRAPH_SCHEDULER is 'oracle', expected sge, pbs or lsf"
