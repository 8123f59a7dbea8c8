"""What short trainings of both pairs of networks are worth: `python -m tests.benchmarks.networks`.

Draws rigs of eight and of four views of made-up people, trains `implicit` and `regularise` on them
by the project's own rules, for the published networks (`mvfr`) and for ours (`learned`), and runs
the line on captures that no training saw: a rig of ten views of another person (or the sample
sheets of `--worlds`) and, where VISAGRAPH_DATA is set, the scanned head `lps_rigA`. All surfaces
are scored as the cameras place them. A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.artefacts import BatchReader, Surface
from lib.metrics import Mesh, MeshScoreOptions, score_surface
from lib.uvspace.mesh import grid_triangles
from tests.benchmarks.multiview import Case, reconstruct, scan_cases, world_cases

PROJECT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
DRAWN = (("octet", 8, 61), ("quad", 4, 62))  # kind, captures, seed of what is trained on
SMALL = "height_px: 480, width_px: 360"
HELD_BACK = ("deca", 1, 63)
PEOPLE = sum(count for _, count, _ in DRAWN)
KEPT = 2  # people for validation
GRID = {"uv_size": 192, "d_size": 65, "interval_mm": 0.4, "coarse_mm": 0.0}
TRAINING = {
    "batch": 1,
    "learning_rate": 1e-3,
    "validation": KEPT / PEOPLE,
    "points": 3000,
    "uv_size": 128,
    "d_size": GRID["d_size"],
    "interval_mm": GRID["interval_mm"],
    "base_error_mm": 4.0,  # so that the base itself is no good answer
    "save_every": 2,
}
OF_METHOD = {
    "mvfr": {"views": 4, "long_side_px": 320},
    "learned": {"views": 6, "long_side_px": 480, "schedule": "cosine"},
}
FILES = {
    "mvfr": ("checkpoint_if.pkl", "checkpoint_reg.pkl"),
    "learned": ("matcher.pt", "smoother.pt"),
}
STAGES = ("match_views", "regularise_surface")
TRAINED_HEADER = (
    "| network | steps | seconds a step | validation loss | median mm | of the base alone |"
)
LINE_HEADER = (
    "| capture | implicit / regularise | median mm | p90 mm | within 0.5 mm | normals | s | MB |"
)


@dataclass(frozen=True)
class Variant:
    """One way to find a surface.

    Args:
        name: in the table.
        implicit: settings of the section.
        regularise: settings of the section.
    """

    name: str
    implicit: dict[str, object]
    regularise: dict[str, object]


def snakemake(*words: str) -> None:
    """Run the workflow.

    Raises:
        subprocess.CalledProcessError: a job failed.
    """
    command = [SNAKEMAKE, "--snakefile", str(PROJECT / "Snakefile"), "--quiet", "all", "--nolock"]
    subprocess.run([*command, *words], check=True)


def draw(out: Path, kind: str, count: int, seed: int, cores: int, size: str = "") -> Path:
    """The folder of a synthetic world."""
    options = f"kind: {kind}, count: {count}, seed: {seed}, shard_size: 1" + (size and f", {size}")
    config = [f"results={out / 'people'}", f"synthesis={{{options}}}"]
    snakemake("synthesise", "--cores", str(cores), "--config", *config)
    return out / "people" / "synthetic" / f"makehuman_{kind}_{seed}"


def train(out: Path, method: str, steps: int, shards: Sequence[Path], cores: int) -> Path:
    """The folder `resources/weights` with both networks of a method."""
    epochs = -(-steps // (PEOPLE - KEPT))
    options = TRAINING | OF_METHOD[method] | {"method": method, "epochs": epochs}
    options |= {"data": [str(shard) for shard in shards]}
    place = out / "training"
    place.mkdir(parents=True, exist_ok=True)
    snakemake(
        *("train_regularise", "--cores", str(cores), "--directory", str(place)),
        *("--config", f"results={out / 'people'}", f"training={json.dumps(options)}"),
    )
    return place / "resources" / "weights"


def training_row(weights: Path, task: str, method: str) -> str:
    """First and last scores of a training, on people that it did not see."""
    with open(weights / f"{task}_{method}" / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row["split"] == "validation"]
    last = [row for row in rows if row["split"] == "train"][-1]
    first, final = kept[0], kept[-1]
    told = [
        f"{float(first[key]):.{digits}f} -> {float(final[key]):.{digits}f}"
        for key, digits in (("loss", 4), ("median_mm", 2))
    ]
    told.append(f"{float(final['base_median_mm']):.2f}")
    pace = float(last["seconds"]) / int(last["step"])
    return f"| {task} {method} | {last['step']} | {pace:.2f} | " + " | ".join(told) + " |"


def variants(weights: Path, methods: Sequence[str], refined: bool) -> list[Variant]:
    """The defaults; then, on one grid, the methods without weights and the trained ones."""
    coarse = {"uv_size": GRID["uv_size"], "refine_iterations": 0}
    plain = {"method": "matching"} | GRID
    made = [
        Variant("defaults", {}, {}),
        Variant("matching / variational", plain, {"method": "variational"} | coarse),
    ]
    for method in methods:
        implicit, regularise = (
            str((weights / f"{task}_{method}" / file).resolve())
            for task, file in zip(("implicit", "regularise"), FILES[method])
        )
        asked = {"method": method, "weights": implicit} | GRID
        found = {"method": method, "weights": regularise}
        made.append(Variant(f"{method} / {method}", asked, found | coarse))
        if refined:
            made.append(Variant(f"{method} / {method}, refined", asked, found))
    return made


def line_row(case: Case, variant: Variant, cores: int) -> str:
    """Reconstruct a capture in one way and score it."""
    settings = [
        f"implicit={json.dumps(variant.implicit)}",
        f"regularise={json.dumps(variant.regularise)}",
    ]
    batch = reconstruct(case, cores, settings)
    with BatchReader(batch / "surface.h5", Surface) as reader:
        [(_, surface)] = reader.items()
    known = np.isfinite(surface.position_mm).all(axis=2)
    texel, triangles = grid_triangles(known)
    found = Mesh(surface.points_mm.reshape(-1, 3)[texel].astype(np.float64), triangles)
    result = score_surface(found, *case.truth(), MeshScoreOptions(points=60_000))
    seconds, memory = 0.0, 0.0
    for stage in STAGES:
        with open(batch.parent / "benchmarks" / stage / f"{batch.name}.tsv", newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        seconds, memory = seconds + float(row["s"]), max(memory, float(row["max_rss"]))
    distance = result.accuracy
    return (
        f"| {case.name} | {variant.name} | {distance.median:.3f} | {distance.p90:.3f} "
        f"| {100 * result.completeness[1]:.1f} % | {result.normals.median_deg:.1f} deg "
        f"| {seconds:.0f} | {memory:.0f} |"
    )


def main() -> None:
    """Train, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--steps", type=int, default=300, help="of each training")
    parser.add_argument("--methods", nargs="*", default=["mvfr", "learned"], choices=list(FILES))
    parser.add_argument("--worlds", nargs="*", type=Path, help="sample sheets of other people")
    parser.add_argument("--refined", action="store_true", help="also with a run's refinement")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    out, cores = options.out.resolve(), options.cores
    drawn = [draw(out, *one, cores, SMALL) for one in DRAWN]
    shards = [shard for folder in drawn for shard in sorted(folder.glob("shard_*.h5"))]
    rows = []
    for method in options.methods:
        weights = train(out, method, options.steps, shards, cores)
        rows += [training_row(weights, task, method) for task in ("implicit", "regularise")]
    print(*_head(TRAINED_HEADER), *rows, "", *_head(LINE_HEADER), sep="\n", flush=True)
    sheets = options.worlds
    if sheets is None:
        sheets = [draw(out, *HELD_BACK, cores) / "samples.tsv"]
    cases = world_cases([sheet.resolve() for sheet in sheets], out / "line")
    data = os.environ.get("VISAGRAPH_DATA")
    if data:
        cases += scan_cases(Path(data), out / "line", ["all"])
    for case in cases:
        weights = out / "training" / "resources" / "weights"
        for variant in variants(weights, options.methods, options.refined):
            print(line_row(case, variant, cores), flush=True)


def _head(header: str) -> tuple[str, str]:
    return header, "|---" * (header.count("|") - 1) + "|"


if __name__ == "__main__":
    main()
