"""Seconds per photo and stage, time to the first head, and memory.

python -m tests.benchmarks.throughput --photos FOLDER --counts 1 25 250 --out FOLDER

Where the folder holds fewer photos than asked for, they are used several times: every copy is a
photo of its own to the workflow. Every count is a run into an empty results folder, after one small
run that fills the caches of compiled functions.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lib.report import read_timings
from tests.benchmarks.mixed_photos import pictures
from tests.benchmarks.odd_photos import portrait
from tests.runs import PROJECT, command, environment, outcomes

STAGES = (
    "import_capture",
    "detect_faces",
    "find_landmarks",
    "mask_skin",
    "fit_face_model",
    "shade_photos",
    "remove_highlights",
    "blend_texture",
    "recover_albedo",
    "export_heads",
)
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """One run.

    Args:
        photos: how many.
        heads: how many became heads.
        seconds: wall-clock time of the whole call.
        first_head_s: from the call to the first finished head; NaN where there was none.
        stage_s: seconds per stage, all batches together.
        stage_cpu_s: seconds of one core likewise, which other work on the machine hardly changes.
        stage_mb: largest resident memory per stage, MB.
    """

    photos: int
    heads: int
    seconds: float
    first_head_s: float
    stage_s: dict[str, float]
    stage_cpu_s: dict[str, float]
    stage_mb: dict[str, float]


def measure(photos: Path, results: Path, cores: int, batch_size: int) -> Measured:
    """Run the workflow once into an empty folder.

    Raises:
        RuntimeError: the run failed.
    """
    shutil.rmtree(results, ignore_errors=True)
    log = results.parent / f"{results.name}.log"
    settings = {"photos": photos, "results": results, "batch_size": batch_size}
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as text:
        job = subprocess.Popen(
            command(cores=cores, **settings),
            cwd=PROJECT,
            stdout=text,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
    first: list[float] = []
    watcher = threading.Thread(target=_watch, args=(job, results, start, first))
    watcher.start()
    code = job.wait()
    seconds = time.monotonic() - start
    watcher.join()
    if code:
        raise RuntimeError(f"snakemake ended with {code}: see {log}")
    ended = outcomes(results)
    heads = sum(outcome == "head" for outcome in ended.values())
    first_head = first[0] if first else math.nan
    return Measured(len(ended), heads, seconds, first_head, *_per_stage(results))


def _watch(job: subprocess.Popen[bytes], results: Path, start: float, first: list[float]) -> None:
    """Note when the first head is complete: its last file is there and no longer grows."""
    while not first:
        ended = job.poll() is not None
        if any(results.glob("b*/export/*/turntable.png")):
            first.append(time.monotonic() - start)
        if ended:
            return
        time.sleep(POLL_SECONDS)


def _per_stage(results: Path) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    seconds, busy = dict.fromkeys(STAGES, 0.0), dict.fromkeys(STAGES, 0.0)
    memory = dict.fromkeys(STAGES, 0.0)
    for job in read_timings(results):
        if job.rule in seconds:
            seconds[job.rule] += job.seconds
            busy[job.rule] += job.cpu_seconds
            memory[job.rule] = max(job.max_rss_mb, memory[job.rule])
    return seconds, busy, memory


def photo_folder(sources: list[Path], folder: Path, count: int) -> Path:
    """A folder with `count` photos, the given ones in turn."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index in range(count):
        source = sources[index % len(sources)]
        shutil.copyfile(source, folder / f"{index:05d}_{source.name}")
    return folder


def table(runs: list[Measured], cores: int) -> str:
    """Markdown: one column per run."""
    columns = [f"{run.photos} photos" for run in runs]
    lines = [f"| {cores} cores | " + " | ".join(columns) + " |", "|---" * (len(runs) + 1) + "|"]

    def line(label: str, values: list[str]) -> None:
        lines.append(f"| {label} | " + " | ".join(values) + " |")

    for stage in STAGES:
        both = [(r.stage_s[stage] / r.photos, r.stage_cpu_s[stage] / r.photos) for r in runs]
        line(f"{stage}, s per photo (of one core)", [f"{s:.2f} ({busy:.2f})" for s, busy in both])
    line("all stages, s per photo", [f"{sum(r.stage_s.values()) / r.photos:.2f}" for r in runs])
    line("wall clock, s per photo", [f"{r.seconds / r.photos:.2f}" for r in runs])
    line("wall clock, s", [f"{r.seconds:.1f}" for r in runs])
    line("first finished head, s", [f"{r.first_head_s:.1f}" for r in runs])
    line("heads", [str(r.heads) for r in runs])
    for stage in STAGES:
        line(f"{stage}, peak MB", [f"{r.stage_mb[stage]:.0f}" for r in runs])
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    data = os.environ.get("VISAGRAPH_DATA")
    parser.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        default=[Path(data) / "photos"] if data else None,
        required=not data,
        help="folders of photos (default: $VISAGRAPH_DATA/photos)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for photos and results")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=[1, 25, 250], help="photos (default: 1 25 250)"
    )
    parser.add_argument("--cores", type=int, default=2, help="cores (default: 2)")
    parser.add_argument("--batch-size", type=int, default=64, help="photos a batch (default: 64)")
    return parser


def main() -> int:
    """Run all counts and print the table."""
    options = _parser().parse_args()
    out = options.out.resolve()
    sources = [path for source in options.photos for path in pictures(source)]
    warm = out / "warm_up" / "photos"
    warm.mkdir(parents=True, exist_ok=True)
    Image.fromarray(portrait(256)).save(warm / "portrait.png")
    measure(warm, out / "warm_up" / "results", options.cores, options.batch_size)
    runs = []
    for count in options.counts:
        photos = photo_folder(sources, out / f"photos_{count}", count)
        results = out / f"results_{count}"
        runs.append(measure(photos, results, options.cores, options.batch_size))
        print(f"{count} photos: {runs[-1].seconds:.1f} s", flush=True)
    print(table(runs, options.cores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
