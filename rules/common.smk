"""Shared by all files here: checked settings, the batches of this run, GPU slots.

Parsing imports nothing heavy: no torch, no OpenCV.
"""

import os
import sys

PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT))

from lib.artefacts import ARTEFACTS, EXPORT_VERSION
from lib.devices import gpu_pool
from lib.planning import batch_digest, plan_job, plan_run, update_ledger
from lib.planning.cost import job_minutes, job_threads
from lib.planning.environment import share_library, wait_asleep
from lib.planning.locks import hold_results, remove_stale_locks
from lib.planning.models import model_file, needs_weights, regressor_file, weights_input
from lib.planning.provenance import stages_of, stages_of_run
from lib.planning.scheduler import wake_once
from lib.planning.settings import checked_settings
from lib.planning.synthesis import shard_settings

share_library(PROJECT)
wait_asleep()
config.update(checked_settings(config))
# Raising a version runs its stage again; changing lib alone runs nothing again.
VERSION = {name: kind.version for name, kind in ARTEFACTS.items()} | {
    "export": EXPORT_VERSION
}
LEDGER_FILE = Path(config["results"]) / "batches.tsv"
TORCH_ENV = PROJECT / "envs" / "visagraph.yaml"
# Only the main process looks at the photos.
LEDGER, SAMPLES, BATCHES = (
    plan_run(config, LEDGER_FILE)
    if workflow.is_main_process
    else plan_job(LEDGER_FILE, sys.argv)
)
SCORED = [batch for batch in BATCHES if LEDGER.truths(batch)]


def after_kill(wildcards):
    """No file: lets a plain second call go on where a killed run ended.

    Jobs that it left half done run again, and its lock is removed when nobody holds the results.
    """
    workflow.dag_settings.force_incomplete = True
    if workflow.is_main_process and not workflow.dryrun:
        if hold_results(config["results"]):
            remove_stale_locks(
                Path(workflow.persistence.path) / "locks", config["results"]
            )
    return []


def remember_batches():
    """Write the ledger, once per run and never in a dry-run."""
    if workflow.is_main_process and SAMPLES:
        sizes = config["batch_size"], config["max_batches"]
        update_ledger(LEDGER_FILE, SAMPLES, *sizes)


def show_summary():
    """Tell at the end of a whole run what became of the photos, and where the report is."""
    summary = Path(config["results"]) / "logs" / "summary.txt"
    if workflow.is_main_process and summary.exists():
        print(summary.read_text(encoding="utf-8"))


def digest_of_batch(wildcards):
    """Changes when a photo of the batch does; a parameter, so that just this batch runs again."""
    return batch_digest(LEDGER, wildcards.batch)


def truths_of_batch(wildcards):
    """What captures of the batch are compared with: a parameter that just the evaluation has.

    Of each: name, truth, number of views, and state of the truth's files.
    """
    truths = LEDGER.truths(wildcards.batch)
    captures = LEDGER.captures(wildcards.batch)
    return [
        [name, truth, len(captures[name]), *state]
        for name, (truth, *state) in truths.items()
    ]


def if_many_views(file):
    """Input that only a batch with a capture of several views has; the others skip its stage."""

    def chosen(wildcards):
        return file if has_many_views(wildcards.batch) else []

    return chosen


def if_regressed(file):
    """Input of the fit where a network's coefficients are its start."""
    return [] if config["fit"]["method"] == "optimise" else file


def if_published(file):
    """Input of the export where files of published systems are wanted."""
    return file if config["export"]["published"] else []


def if_parsed(file):
    """Input of the fit where somebody tells the parts of faces on photos, and it follows them."""
    used = config["parsing"]["method"] != "none" and config["fit"]["parts_weight"] > 0
    return file if used else []


def has_many_views(batch):
    """Whether a batch holds a capture of several views."""
    return batch in LEDGER.many_views


def has_surface(batch):
    """Whether the surfaces of a batch are looked for: by its views, or by the shading of photos."""
    return config["shading"]["method"] != "none" or has_many_views(batch)


def if_surface(file):
    """Input that a batch has whose surfaces are looked for."""

    def chosen(wildcards):
        return file if has_surface(wildcards.batch) else []

    return chosen


def one_of(batches):
    """Pattern of the wildcard `batch` for a rule that makes a file for these batches alone."""
    return "|".join(batches) or "(?!)"


def face_model_file(wildcards):
    """The face model's file if it is one that a rule makes or that the user has."""
    return model_file(config["face_model"])


def regressor_weights(wildcards):
    """The network that tells coefficients."""
    return regressor_file(config["fit"]["method"], config["regression"]["weights"])


def number_of_shard(wildcards):
    """Which part of a synthetic world a job draws."""
    return int(wildcards.shard)


def settings_of_shard(wildcards):
    """What a job draws; the same however many shards follow."""
    return shard_settings(config["synthesis"], int(wildcards.shard))


def minutes_of(rule):
    """Minutes that a scheduler gives a job, by the images of its batch; more at every try."""

    def asked(wildcards, attempt):
        images = len(LEDGER.batches.get(wildcards.batch, ()))
        return job_minutes(rule, images, attempt)

    return asked


def more_each_try(mem_mb, each_view_mb=0):
    """Memory of a job, MB, by the views of its largest capture; one that is killed for it gets more."""

    def asked(wildcards, attempt):
        captures = LEDGER.captures(wildcards.batch) if each_view_mb else {}
        views = max(map(len, captures.values()), default=0)
        return attempt * (mem_mb + each_view_mb * views)

    return asked


def gpus_per_job():
    """GPU slots that a network or optimiser job takes."""
    if config["device"] == "cpu":
        return 0
    return 1 if config["device"] == "cuda" or gpu_pool(os.environ) else 0


GPUS = gpus_per_job()
MANY_VIEWS = list(filter(has_many_views, LEDGER.batches))
SINGLE_VIEWS = [batch for batch in LEDGER.batches if batch not in set(MANY_VIEWS)]
# On a cluster (--jobs beside --cores) every job has cores and GPUs of its own.
ON_CLUSTER = workflow.resource_settings.nodes is not None
THIS_MACHINE = workflow.is_main_process and not ON_CLUSTER
THREADS = job_threads(len(BATCHES), workflow.cores if THIS_MACHINE else None)
# Without `--resources gpu=N`, GPU jobs of this machine run one at a time.
if GPUS and THIS_MACHINE and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)


wildcard_constraints:
    batch=r"b\d+",
    model=r"(?!calibrated_)[A-Za-z0-9_]+",
