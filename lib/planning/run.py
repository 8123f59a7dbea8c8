"""What one run is about: its photos, the ledger with them in it, and the batches that hold them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lib.planning.environment import lasting_objects
from lib.planning.ledger import Ledger, assign, read_ledger
from lib.planning.samples import Sample
from lib.planning.sources import find_samples

TARGETS = "--target-jobs"  # with which Snakemake tells a process what jobs it is for
OF_BATCH = re.compile(r"[:,]batch=(b\d+)(?=,|$)")


class Plan(NamedTuple):
    """One run.

    Args:
        ledger: every batch, with this run's photos in their places.
        samples: images of this run.
        batches: names of the batches that hold at least one of them.
    """

    ledger: Ledger
    samples: list[Sample]
    batches: list[str]


def plan_run(settings: Mapping[str, Any], ledger_file: str | Path) -> Plan:
    """Look at the photos that the settings name, and find their batches; nothing is written.

    Args:
        settings: all settings.
        ledger_file: the ledger so far; may not be there.

    Raises:
        ConfigError: photos or ledger cannot be used.
    """
    with lasting_objects():
        before = read_ledger(ledger_file)
        known = before.names() if settings["photos"] or settings["captures"] else None
        sources = [settings[name] for name in ("photos", "captures", "samples")]
        samples = find_samples(*sources, known)
        ledger = assign(before, samples, settings["batch_size"], settings["max_batches"])
        wanted = {sample.capture for sample in samples}
        batches = [
            name
            for name, rows in ledger.batches.items()
            if any(row.capture in wanted for row in rows)
        ]
    return Plan(ledger, samples, batches)


def plan_job(ledger_file: str | Path, arguments: Sequence[str] = ()) -> Plan:
    """What a job knows of its run: what the main process wrote before it started jobs.

    Args:
        ledger_file: the ledger.
        arguments: of the command line that runs the job. Where it names the batches of its jobs,
            it knows of these alone: a ledger may have a million photos, and a node has many jobs.

    Raises:
        ConfigError: the file is not a ledger.
    """
    with lasting_objects():
        ledger = read_ledger(ledger_file, _batches_of_jobs(arguments))
        return Plan(ledger, [], list(ledger.batches))


def _batches_of_jobs(arguments: Sequence[str]) -> set[str] | None:
    """The batches behind `--target-jobs RULE:WILDCARD=VALUE,...`; None where a job has none."""
    words = itertools.dropwhile(lambda word: word != TARGETS, arguments)
    jobs = list(itertools.takewhile(lambda word: not word.startswith("-"), list(words)[1:]))
    batches = [OF_BATCH.search(job) for job in jobs]
    return {found[1] for found in batches} if jobs and all(batches) else None
