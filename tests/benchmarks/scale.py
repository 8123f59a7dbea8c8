"""Thousands of small photos through import, landmarks and fit: how fast, and in how much memory.

python -m tests.benchmarks.scale --photos FOLDER --count 10000 --out FOLDER

Makes small photos of the given ones, each mirrored, turned, cut, brightened and compressed in its
own way, and runs the workflow up to the fit with settings that suit them. Prints the photos per
hour, with an error bar from blocks of batches; what a million would take; and memory of jobs and of
Snakemake itself, early and late. `scale.png` shows both over time. A second call goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import psutil

from lib.artefacts import BatchReader, FaceFit
from lib.report.timings import JobTime, read_timings
from tests.benchmarks.mixed_photos import pictures
from tests.runs import PROJECT, command, environment

matplotlib.use("Agg")
from matplotlib import pyplot

SETTINGS = """
import: {max_side_px: 256}
landmarks: {augmentations: 2}
skin: {side_px: 128}
fit: {landmark_iterations: 6, photometric_iterations: 6, samples: 400, crop_px: 96}
shading: {method: none}
"""
LAST_RULE = "fit_face_model"
SIDE_PX = 240  # longer side of a small photo
BLOCK = 8  # batches whose seconds are taken for one draw of the error bar
DRAWS = 2000
POLL_S = 2.0
MB = 1 << 20


@dataclass(frozen=True)
class Moment:
    """What was seen at one time.

    Args:
        seconds: since the start.
        main_mb: resident memory of Snakemake's main process.
        all_mb: of it and all that it started.
        batches: that have their fits.
    """

    seconds: float
    main_mb: float
    all_mb: float
    batches: int


def small_photos(sources: Sequence[Path], folder: Path, count: int, seed: int) -> Path:
    """A folder with `count` variations of photos, a thousand in each of its folders."""
    small = [_small(cv2.imread(str(source), cv2.IMREAD_COLOR)) for source in sources]
    for index in range(count):
        path = folder / f"{index // 1000:03d}" / f"{index:06d}.jpg"
        if not path.exists():
            drawn = np.random.default_rng((seed, index))
            photo = _varied(small[index % len(small)], drawn)
            path.parent.mkdir(parents=True, exist_ok=True)
            quality = int(drawn.integers(70, 96))
            cv2.imwrite(str(path), photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return folder


def _small(photo: np.ndarray) -> np.ndarray:
    scale = SIDE_PX / max(photo.shape[:2])
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _varied(photo: np.ndarray, drawn: np.random.Generator) -> np.ndarray:
    if drawn.random() < 0.5:
        photo = photo[:, ::-1]
    height, width = photo.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(middle, drawn.uniform(-10, 10), drawn.uniform(0.95, 1.15))
    photo = cv2.warpAffine(photo, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    bright = photo * drawn.uniform(0.75, 1.2) + drawn.normal(0, drawn.uniform(0, 4), photo.shape)
    return np.clip(np.rint(bright), 0, 255).astype(np.uint8)


def run_to_fit(out: Path, photos: Path, cores: int, batch_size: int) -> list[Moment]:
    """Run the workflow up to the fit and watch it.

    Raises:
        RuntimeError: the run failed.
    """
    settings = out / "settings.yaml"
    settings.write_text(SETTINGS, encoding="utf-8")
    config = {"photos": photos, "results": out / "results", "batch_size": batch_size}
    call = command("--until", LAST_RULE, "--configfile", str(settings), cores=cores, **config)
    log = out / "log.txt"
    with open(log, "w", encoding="utf-8") as text:
        job = subprocess.Popen(
            call, cwd=PROJECT, stdout=text, stderr=subprocess.STDOUT, env=environment()
        )
    moments: list[Moment] = []
    watcher = threading.Thread(target=_watch, args=(job, out / "results", moments))
    watcher.start()
    code = job.wait()
    watcher.join()
    if code:
        raise RuntimeError(f"snakemake ended with {code}: see {log}")
    return moments


def _watch(job: subprocess.Popen[bytes], results: Path, moments: list[Moment]) -> None:
    start = time.monotonic()
    main = psutil.Process(job.pid)
    while job.poll() is None:
        try:
            own = main.memory_info().rss
            others = [_resident(child) for child in main.children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        fitted = sum(1 for _ in results.glob("b*/fit.h5"))
        seconds = time.monotonic() - start
        moments.append(Moment(seconds, own / MB, (own + sum(others)) / MB, fitted))
        time.sleep(POLL_S)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def throughput(moments: Sequence[Moment], batch_size: int) -> tuple[float, float, float]:
    """Photos per hour, and the 2.5 % and 97.5 % quantiles of what other runs would give.

    Seconds between the ends of batches are drawn again, in blocks of batches that follow each
    other (a block bootstrap), since neighbours share the state of the machine.
    """
    ends = [first_at(moments, count) for count in range(1, moments[-1].batches + 1)]
    gaps = np.diff(ends)
    block = min(BLOCK, len(gaps))
    size = DRAWS, len(gaps) // block
    starts = np.random.default_rng(0).integers(0, len(gaps), size)
    ring = (starts[..., None] + np.arange(block)) % len(gaps)  # so that each is drawn as often
    drawn = gaps[ring].mean(axis=(1, 2))
    low, high = np.quantile(3600 * batch_size / drawn, (0.025, 0.975))
    return 3600 * batch_size / gaps.mean(), float(low), float(high)


def first_at(moments: Sequence[Moment], batches: int) -> float:
    """When so many batches were there."""
    return next(moment.seconds for moment in moments if moment.batches >= batches)


def growth(jobs: Sequence[JobTime]) -> tuple[float, float]:
    """Megabytes that a thousand photos add to the largest memory of a job, and their sigma.

    The first and the last batch are left out: one compiles functions, one has fewer photos.
    """
    photos = np.cumsum([job.captures for job in jobs])[1:-1] / 1000
    memory = np.array([job.max_rss_mb for job in jobs])[1:-1]
    known = np.isfinite(memory)
    (slope, _), covariance = np.polyfit(photos[known], memory[known], 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))


def draw(path: Path, moments: Sequence[Moment], batch_size: int, jobs: Sequence[JobTime]) -> None:
    """Photos and memory over time, and memory of every job, as a picture."""
    figure, panels = pyplot.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
    minutes = [moment.seconds / 60 for moment in moments]
    panels[0].plot(minutes, [moment.batches * batch_size for moment in moments])
    panels[0].set(xlabel="minutes", ylabel="photos with a fit")
    panels[1].plot(minutes, [moment.all_mb for moment in moments], lw=0.5, label="everything")
    panels[1].plot(minutes, [moment.main_mb for moment in moments], label="Snakemake itself")
    panels[1].set(xlabel="minutes", ylabel="resident memory, MB")
    for rule in dict.fromkeys(job.rule for job in jobs):
        memory = [job.max_rss_mb for job in jobs if job.rule == rule]
        panels[2].plot(np.arange(len(memory)) * batch_size, memory, ".", ms=3, label=rule)
    panels[2].set(xlabel="photos before the job", ylabel="largest resident memory, MB")
    for panel in panels:
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    for panel in panels[1:]:
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def overhead(moments: Sequence[Moment], cores: int, jobs: Sequence[JobTime]) -> float:
    """Share of the cores' time in which they had no job; every job takes one of them."""
    return 1 - sum(job.seconds for job in jobs) / (cores * moments[-1].seconds)


def report(moments: Sequence[Moment], batch_size: int, cores: int, jobs: Sequence[JobTime]) -> str:
    """Markdown: throughput with its error bar, then a row of time and memory per rule."""
    rate, low, high = throughput(moments, batch_size)
    hours = [1e6 / each for each in (rate, high, low)]
    lines = [
        f"{rate:.0f} photos per hour (95 %: {low:.0f} to {high:.0f}); a million: {hours[0]:.0f} "
        f"hours ({hours[1]:.0f} to {hours[2]:.0f})",
        f"Snakemake itself: {moments[len(moments) // 4].main_mb:.0f} MB after a quarter, "
        f"{moments[-1].main_mb:.0f} MB at the end; everything at most "
        f"{max(moment.all_mb for moment in moments):.0f} MB",
        f"cores without a job: {100 * overhead(moments, cores, jobs):.1f} % of the time",
        "",
        "| rule | jobs | s per photo | CPU s per photo | largest MB | MB per 1000 photos |",
        "|---|---|---|---|---|---|",
    ]
    for rule in dict.fromkeys(job.rule for job in jobs):
        these = [job for job in jobs if job.rule == rule]
        photos = sum(job.captures for job in these)
        seconds = np.nansum([job.seconds for job in these]) / photos
        busy = np.nansum([job.cpu_seconds for job in these]) / photos
        most = np.nanmax([job.max_rss_mb for job in these])
        slope, sigma = growth(these) if len(these) > 5 else (np.nan, np.nan)
        lines.append(
            f"| {rule} | {len(these)} | {seconds:.3f} | {busy:.3f} | {most:.0f} | "
            f"{slope:+.2f} ± {sigma:.2f} |"
        )
    return "\n".join(lines)


def endings(results: Path) -> str:
    """How many photos have a fit, and why others have none."""
    ended: Counter[str] = Counter()
    for path in results.glob("b*/fit.h5"):
        with BatchReader(path, FaceFit) as fits:
            ended.update(outcome.outcome for outcome in fits.outcomes)
    return ", ".join(f"{count} {word}" for word, count in ended.most_common())


def main() -> int:
    """Make the photos, run, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for photos and results")
    parser.add_argument("--count", type=int, default=10_000, help="photos (default: 10000)")
    parser.add_argument("--cores", type=int, default=2, help="cores (default: 2)")
    parser.add_argument("--batch-size", type=int, default=64, help="photos a batch (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the variations (default: 0)")
    options = parser.parse_args()
    out = options.out.resolve()
    sources = [path for folder in options.photos for path in pictures(folder)]
    photos = small_photos(sources, out / "photos", options.count, options.seed)
    moments = run_to_fit(out, photos, options.cores, options.batch_size)
    jobs = [job for job in read_timings(out / "results") if job.batch]
    draw(out / "scale.png", moments, options.batch_size, jobs)
    print(report(moments, options.batch_size, options.cores, jobs))
    print(endings(out / "results"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
