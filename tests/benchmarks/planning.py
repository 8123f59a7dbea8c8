"""Seconds and memory of planning a run of so many photos, from a sample sheet alone.

python -m tests.benchmarks.planning --counts 1000 100000 1000000 --out FOLDER

The photos need not be there: planning looks at their names, sizes and times of change. What is
measured is a dry-run of everything: parsing, batches, the graph of jobs, which of them must run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.runs import PROJECT, command, environment

HEADER = "image\tcapture\tsubject\n"
# A small process of its own: the memory that a process is said to have used at most counts that of
# the process it was split off from.
MEASURE = """
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[1:], stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print()
print(time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""
JOBS = re.compile(r"^total +(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Planned:
    """One dry-run.

    Args:
        photos: how many.
        jobs: how many would run.
        seconds: wall-clock time.
        cpu_s: time of one core.
        peak_mb: largest resident memory.
    """

    photos: int
    jobs: int
    seconds: float
    cpu_s: float
    peak_mb: float


def write_sheet(path: Path, count: int) -> Path:
    """A sheet of photos of as many people, a thousand to a folder; none of them exists."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEADER)
        for index in range(count):
            name = f"{index:07d}"
            file.write(f"photos/{name[:4]}/{name}.jpg\tc{name}\ts{name}\n")
    return path


def measure(count: int, out: Path) -> Planned:
    """Plan a run of `count` photos.

    Raises:
        RuntimeError: Snakemake failed.
    """
    sheet = write_sheet(out / f"samples_{count}.tsv", count)
    call = command("--dry-run", "--quiet", "rules", samples=sheet, results=out / f"results_{count}")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *call],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"snakemake failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    seconds, cpu_s, peak_kb = map(float, done.stdout.splitlines()[-1].split())
    return Planned(count, int(JOBS.findall(done.stdout)[-1]), seconds, cpu_s, peak_kb / 1000)


def table(rows: list[Planned]) -> str:
    """Markdown: one row per count."""
    lines = ["| photos | jobs | wall clock, s | one core, s | peak, MB |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.photos:,} | {row.jobs:,} | {row.seconds:.1f} | {row.cpu_s:.1f} "
        f"| {row.peak_mb:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> int:
    """Plan runs of all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    counts = [1000, 100_000, 1_000_000]
    parser.add_argument("--counts", type=int, nargs="+", default=counts, help=f"default: {counts}")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sheets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(PROJECT)
    print(table([measure(count, options.out.resolve()) for count in options.counts]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
