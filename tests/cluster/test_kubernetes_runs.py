"""Whole runs by the profile for Kubernetes: run.sh as the pod of a run calls it, with a bucket."""

import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

from tests.benchmarks.odd_photos import portrait
from tests.cluster.pods import QUICK
from tests.runs import PROJECT, outcomes
from tests.workflow.conftest import save

SNAKEFILE = """
rule all:
    input:
        "steady.txt",
        "hungry.txt",


rule steady:
    output:
        "steady.txt",
    shell:
        "touch {output}"


rule hungry:
    output:
        "hungry.txt",
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    shell:
        "sleep 2; touch {output}"


rule slow:
    output:
        "slow.txt",
    shell:
        "sleep 300; touch {output}"


rule broken:
    output:
        "broken.txt",
    shell:
        "false"
"""


@pytest.fixture
def small(tmp_path):
    """A folder with a workflow of short jobs."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "workflow").symlink_to(PROJECT / "workflow")
    return folder


@pytest.fixture
def bucket(tmp_path):
    """A remote of rclone that is a folder, and what tells run.sh of it."""
    if not shutil.which("rclone"):
        pytest.skip("no rclone: apt-get install --no-install-recommends rclone")
    folder, config = tmp_path / "bucket", tmp_path / "rclone.conf"
    folder.mkdir()
    config.write_text(f"[storage]\ntype = alias\nremote = {folder}\n")
    told = {
        "RCLONE_CONFIG": str(config),
        "VISAGRAPH_PHOTOS": "photos",
        "VISAGRAPH_PHOTOS_FROM": "storage:photos",
        "VISAGRAPH_RESULTS_TO": "storage:results",
    }
    return SimpleNamespace(folder=folder, told=told)


def said(folder):
    return (folder / "run.txt").read_text()


def fetch(pod, folder, **environment):
    return pod.start("fetch", folder=folder, **environment).wait(60)


def run(pod, folder, *words, timeout_s=120, **environment):
    return pod.start("run", *QUICK, *words, folder=folder, **environment).wait(timeout_s)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_a_killed_job_runs_again_with_more_memory(pod, small):
    pod.api.needs_mb["hungry"] = 1500
    assert run(pod, small) == 0, said(small)
    assert (small / "steady.txt").exists() and (small / "hungry.txt").exists()
    assert [one.memory_mb for one in pod.api.started if one.rule == "hungry"] == [1000, 2000]
    assert "it needed more than 1000Mi of memory (mem_mb)" in said(small)
    left = [job["metadata"]["labels"]["visagraph/rule"] for job in pod.api.jobs.values()]
    assert left == ["hungry"], "just the failed Job can still be looked at"


@pytest.mark.slow
def test_a_quota_of_one_job_makes_runs_slow_but_ends_none(pod, small):
    pod.api.quota = 1
    assert run(pod, small, VISAGRAPH_WAIT_S="60") == 0, said(small)
    assert "waiting for room in the namespace" in said(small)
    assert sorted(one.rule for one in pod.api.started) == ["hungry", "steady"]


@pytest.mark.slow
def test_snakemake_that_is_interrupted_removes_its_jobs(pod, small):
    # Not while it asks: the executor knows of no jobs then, and these go with their owner, the run.
    profile = ["--workflow-profile", "workflow/profiles/kubernetes"]
    call = ["snakemake", *profile, "--seconds-between-status-checks", "8", "slow.txt"]
    with subprocess.Popen(call, cwd=small, env=pod.environment) as started:
        stage = pod.api.running("slow")
        time.sleep(3)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) != 0
    assert not pod.api.jobs
    assert stage.process.wait(5) == -signal.SIGKILL


@pytest.mark.slow
def test_a_stage_that_always_fails_ends_the_run_with_1_after_its_tries(pod, small):
    assert run(pod, small, "broken.txt", "steady.txt") == 1
    assert [one.rule for one in pod.api.started].count("broken") == 3
    assert (small / "steady.txt").exists()
    assert "run.sh: Snakemake ended with 1: see above, and out/logs" in said(small)


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_does_not_count_as_failed(pod, small):
    started = pod.start("run", *QUICK, "slow.txt", folder=small)
    stage = pod.api.running("slow")
    started.send_signal(signal.SIGTERM)
    time.sleep(1)
    stage.end("deleted")
    assert started.wait(60) == 143, said(small)


def test_results_that_somebody_else_holds_are_waited_for_and_left_alone(pod, small):
    (small / "out").mkdir()
    held = ["flock", "out/.run.lock", "sh", "-c", "echo held; exec sleep 60"]
    with subprocess.Popen(
        held, cwd=small, stdout=subprocess.PIPE, start_new_session=True
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert run(pod, small, VISAGRAPH_WAIT_S="1") == 75
        os.killpg(holder.pid, signal.SIGKILL)
    assert "after 1 s, somebody else still works on out" in said(small)


def test_jobs_of_an_evicted_run_are_removed_and_those_of_another_run_are_not(pod):
    _, name, _ = pod.submit("sleep 60\n")
    _, other, _ = pod.submit("sleep 60\n")
    stage = pod.api.running("fit_face_model")
    pod.api.jobs[other]["metadata"]["labels"]["visagraph/run"] = "other"
    answer = pod.jobs("clear")
    assert answer.code == 0, answer
    assert answer.said == "kubernetes: removing 1 jobs of an earlier pod of this run"
    assert list(pod.api.jobs) == [other]
    assert stage.process.wait(5) == -signal.SIGKILL
    assert name not in pod.api.jobs


def test_jobs_that_do_not_go_are_told(pod):
    pod.submit("sleep 60\n")
    pod.api.node_gone = True
    answer = pod.jobs("clear", VISAGRAPH_WAIT_S="1")
    assert answer.code == 1
    assert "after 1 s, 1 jobs of an earlier pod of this run still end" in answer.said
    assert "kubectl get pods -l visagraph/run=visagraph -o wide" in answer.said


@pytest.mark.slow
def test_heads_come_out_of_pods_and_a_killed_run_goes_on(pod, new):
    save(new.photos / "anna.png", portrait(200))
    pod.api.needs_mb["fit_face_model"] = 5000
    pod.api.evict_once.add("mask_skin")
    words = ("--configfile", "small.yaml")
    first = pod.start("run", *QUICK, *words, folder=new.folder, VISAGRAPH_PHOTOS="photos")
    stage = pod.api.running("import_capture")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(10)
    code = run(pod, new.folder, *words, timeout_s=500, VISAGRAPH_PHOTOS="photos")
    assert code == 0, said(new.folder)[-4000:]
    assert stage.verdict == "deleted"
    assert outcomes(new.results) == {"photos/anna.png": "head"}
    rules = [one.rule for one in pod.api.started]
    assert rules.count("fit_face_model") == rules.count("mask_skin") == 2


# --- the bucket ---


@pytest.mark.slow
def test_a_new_volume_goes_on_with_what_the_bucket_has(pod, again, bucket):
    shutil.copytree(again.photos, bucket.folder / "photos")
    words = ("--configfile", "small.yaml")
    assert run(pod, again.folder, *words, **bucket.told) == 0, said(again.folder)
    published = files(bucket.folder / "results")
    ours = files(again.results)
    assert published == {path: data for path, data in ours.items() if path.suffix != ".lock"}
    for folder in (again.photos, again.results, again.folder / ".snakemake"):
        shutil.rmtree(folder)
    assert fetch(pod, again.folder, **bucket.told) == 0, said(again.folder)
    assert files(again.results) == published
    assert run(pod, again.folder, *words, **bucket.told) == 0, said(again.folder)
    assert not pod.api.created, "nothing is made again"
    assert files(bucket.folder / "results") == published


def finish(folder):
    """Results as a run leaves them."""
    (folder / "out" / "b0001").mkdir(parents=True)
    (folder / "out" / "batches.tsv").write_text("ledger")
    (folder / "out" / "b0001" / "fit.h5").write_text("anna")
    for name in ("steady.txt", "hungry.txt"):
        (folder / name).touch()


def test_photos_are_fetched_once_and_new_ones_are_added(pod, small, bucket):
    (bucket.folder / "photos").mkdir()
    (bucket.folder / "photos" / "anna.png").write_text("anna")
    assert fetch(pod, small, **bucket.told) == 0, said(small)
    before = (small / "photos" / "anna.png").stat()
    (bucket.folder / "photos" / "bert.png").write_text("bert")
    assert fetch(pod, small, **bucket.told) == 0, said(small)
    assert {file.name for file in files(small / "photos")} == {"anna.png", "bert.png"}
    after = (small / "photos" / "anna.png").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.slow
def test_who_was_purged_is_purged_from_the_bucket(pod, small, bucket):
    finish(small)
    told = bucket.told | {"VISAGRAPH_PHOTOS_FROM": ""}
    assert run(pod, small, **told) == 0, said(small)
    assert (bucket.folder / "results" / "b0001" / "fit.h5").exists()
    (small / "out" / "b0001" / "fit.h5").unlink()
    assert run(pod, small, **told) == 0, said(small)
    assert [str(file) for file in files(bucket.folder / "results")] == ["batches.tsv"]


@pytest.mark.slow
def test_what_was_finished_is_published_though_a_stage_failed(pod, small, bucket):
    finish(small)
    assert run(pod, small, "broken.txt", "--retries", "0", **bucket.told) == 1
    assert (bucket.folder / "results" / "batches.tsv").exists()


@pytest.mark.slow
def test_a_folder_with_other_things_in_it_is_not_emptied(pod, small, bucket):
    finish(small)
    (bucket.folder / "results").mkdir()
    (bucket.folder / "results" / "thesis.tex").write_text("mine")
    assert run(pod, small, **bucket.told) == 1
    assert "storage:results holds something else (thesis.tex)" in said(small)
    assert list((bucket.folder / "results").iterdir()) == [bucket.folder / "results/thesis.tex"]


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("storage:heads/photos", "storage:heads", "inside storage:heads, which publishing empties"),
        ("storage:heads", "storage:heads/out/", "they would be taken for photos"),
        ("storage:heads/", "storage:heads", "which publishing empties"),
    ],
)
def test_photos_and_results_are_not_one_in_the_other(pod, small, bucket, source, target, words):
    told = {"VISAGRAPH_PHOTOS_FROM": source, "VISAGRAPH_RESULTS_TO": target}
    assert fetch(pod, small, **bucket.told | told) == 1
    assert words in said(small)


def test_a_remote_that_is_not_configured_is_named(pod, small, bucket):
    told = {"VISAGRAPH_PHOTOS_FROM": "", "VISAGRAPH_RESULTS_TO": "other:results"}
    assert fetch(pod, small, **bucket.told | told) == 75
    assert "is there a section 'other' in" in said(small)


def test_photos_that_are_not_there_can_be_tried_again(pod, small, bucket):
    assert fetch(pod, small, **bucket.told) == 75
    assert "rclone copy failed" in said(small)


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (("run", "--config", "a=1"), {}, "settings go into settings.yaml"),
        (("run",), {"VISAGRAPH_RESULTS": ""}, "VISAGRAPH_RESULTS is empty"),
        (("fetch",), {"VISAGRAPH_RESULTS": "Snakefile/out"}, "cannot write Snakefile/out"),
        (("walk",), {}, "fetch or run, not 'walk'"),
    ],
)
def test_a_wrong_call_ends_with_1(pod, small, words, environment, told):
    assert pod.start(*words, folder=small, **environment).wait(30) == 1
    assert told in said(small)


def test_an_image_without_rclone_is_named(pod, small):
    (small / "bin").mkdir()
    for name in ("bash", "dirname", "mkdir", "id"):
        (small / "bin" / name).symlink_to(shutil.which(name))
    told = {"PATH": str(small / "bin"), "VISAGRAPH_PHOTOS_FROM": "storage:photos"}
    assert fetch(pod, small, **told) == 1
    assert "no rclone in this image" in said(small)
