"""How seconds and memory of every stage grow with photos per batch and views per capture.

python -m tests.benchmarks.scaling --photos FOLDER --out FOLDER [--sizes 1 8 32] [--rigs octet]

Every size is a run of one batch, in an empty folder, after one small run that fills the caches of
compiled functions. Rigs are those of the synthetic world, of one made-up person under studio light.
Prints what each stage took at each size, and the line through it: what a job costs without images,
and what each image adds. `scaling.png` shows the same.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
from PIL import Image

from lib.report.timings import JobTime, RuleTime, read_timings, sum_by_rule
from tests.benchmarks.mixed_photos import pictures
from tests.benchmarks.odd_photos import portrait
from tests.benchmarks.throughput import photo_folder
from tests.runs import run

matplotlib.use("Agg")
from matplotlib import pyplot

NOT_A_STAGE = ("plan_batch", "evaluate_heads")
LABELLED = 6  # stages that the picture names: those to which an image adds most


def jobs_of(results: Path, cores: int, **config: object) -> list[JobTime]:
    """What the stages of one batch took, in seconds of one core.

    Raises:
        RuntimeError: the run failed.
    """
    shutil.rmtree(results, ignore_errors=True)
    run(cores=cores, results=results, batch_size=1, max_batches=1, **config).check()
    jobs = [job for job in read_timings(results) if job.batch and job.rule not in NOT_A_STAGE]
    return [replace(job, seconds=job.cpu_seconds) for job in jobs]


def of_photos(
    sources: Sequence[Path], out: Path, sizes: Sequence[int], cores: int
) -> list[JobTime]:
    """Jobs of batches of so many photos."""
    jobs = []
    for size in sizes:
        photos = photo_folder(sources, out / f"photos_{size}", size)
        jobs += jobs_of(out / f"results_{size}", cores, photos=photos)
        print(f"{size} photos: done", flush=True)
    return jobs


def of_views(out: Path, rigs: Sequence[str], height_px: int, cores: int) -> list[JobTime]:
    """Jobs of one capture by each rig."""
    jobs = []
    for rig in rigs:
        world = f"{{kind: {rig}, count: 1, height_px: {height_px}, width_px: 0}}"
        run("synthesise", cores=cores, results=out / f"world_{rig}", synthesis=world).check()
        (sheet,) = (out / f"world_{rig}").glob("synthetic/*/samples.tsv")
        jobs += jobs_of(out / f"results_{rig}", cores, samples=sheet)
        print(f"{rig}: done", flush=True)
    return jobs


def table(jobs: Sequence[JobTime], unit: str) -> str:
    """Markdown: a row per stage, a column per size, and the lines through them."""
    sizes = sorted({job.images for job in jobs})
    columns = [f"{size} {unit if size > 1 else unit.rstrip('s')}" for size in sizes]
    lines = [
        f"| stage | {' | '.join(columns)} | a job, s | each, s | a job, MB | each, MB |",
        "|---" * (len(sizes) + 5) + "|",
    ]
    for rule in sum_by_rule(jobs):
        cells = _cells(rule)
        start, each = rule.growth_s.start, rule.growth_s.image
        line = f"{start:.1f} | {each:.2f} | {rule.growth_mb.start:.0f} | {rule.growth_mb.image:.1f}"
        found = " | ".join(cells.get(size, "") for size in sizes)
        lines.append(f"| {rule.rule} | {found} | {line} |")
    totals = [sum(job.seconds for job in jobs if job.images == size) for size in sizes]
    most = [max(job.max_rss_mb for job in jobs if job.images == size) for size in sizes]
    found = " | ".join(f"{s:.0f} s, {mb:.0f} MB" for s, mb in zip(totals, most, strict=True))
    return "\n".join([*lines, f"| all | {found} | | | | |"])


def _cells(rule: RuleTime) -> Mapping[int, str]:
    return {job.images: f"{job.seconds:.1f} s, {job.max_rss_mb:.0f} MB" for job in rule.jobs}


def draw(path: Path, sweeps: Mapping[str, Sequence[JobTime]]) -> None:
    """Seconds and memory over the number of images, a line per stage."""
    figure, panels = pyplot.subplots(
        2, len(sweeps), figsize=(6.5 * len(sweeps), 8), layout="constrained", squeeze=False
    )
    for (unit, jobs), (above, below) in zip(sweeps.items(), panels.T, strict=True):
        rules = sum_by_rule(jobs)
        dearest = sorted(rules, key=lambda rule: rule.growth_s.image)[-LABELLED:]
        for rule in rules:
            these = sorted(rule.jobs, key=lambda job: job.images)
            images = [job.images for job in these]
            look = {"label": rule.rule} if rule in dearest else {"color": "0.75"}
            above.plot(images, [job.seconds for job in these], "o-", ms=4, **look)
            below.plot(images, [job.max_rss_mb for job in these], "o-", ms=4, **look)
        above.set(ylabel="seconds of one core", xlabel=unit)
        below.set(ylabel="largest resident memory, MB", xlabel=unit)
        above.legend(fontsize=8)
    for panel in panels.flat:
        panel.set(xlim=(0, None), ylim=(0, None))
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> int:
    """Run all sizes, print the tables, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for photos and results")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 8, 32], help="photos per batch")
    parser.add_argument(
        "--rigs", nargs="*", default=["triple", "octet", "hexadeca"], help="kinds of rigs"
    )
    parser.add_argument("--height", type=int, default=0, help="of a rig's pictures, px; 0 = 1024")
    parser.add_argument("--cores", type=int, default=2, help="cores (default: 2)")
    options = parser.parse_args()
    out = options.out.resolve()
    sources = [path for source in options.photos for path in pictures(source)]
    warm = out / "warm_up"
    warm.mkdir(parents=True, exist_ok=True)
    Image.fromarray(portrait(256)).save(warm / "portrait.png")
    jobs_of(out / "results_warm_up", options.cores, photos=warm)
    sweeps = {}
    if options.sizes:
        sweeps["photos"] = of_photos(sources, out, options.sizes, options.cores)
    if options.rigs:
        sweeps["views"] = of_views(out, options.rigs, options.height, options.cores)
    for unit, jobs in sweeps.items():
        print(table(jobs, unit), end="\n\n")
    draw(out / "scaling.png", sweeps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
