"""Accuracy of measured surfaces: `python -m tests.benchmarks.multiview`.

Cases of the scanned head below VISAGRAPH_DATA (`lps_rigA`: 12 views), and captures of synthetic
worlds given as sample sheets with `--worlds`. Every case runs the workflow up to surface.h5 in a
folder of its own, which a second run goes on with, and is scored as the cameras place it, without
any alignment. Seconds and memory of the stages are those that Snakemake saw.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh
from scipy.spatial import cKDTree

from lib.artefacts import BatchReader, Surface, Truth
from lib.artefacts.truth import PART_LABELS
from lib.evaluation.truth import read_truth
from lib.facemodel import load_face_model
from lib.geometry import project
from lib.metrics import Mesh, MeshScoreOptions, Region, score_surface
from lib.planning.truth import split_shard
from lib.render import sample_image
from lib.uvspace.mesh import grid_triangles

STAGES = ("calibrate_rig", "fit_face_model", "fit_base_mesh", "match_views", "regularise_surface")
FOUR = ("view_02", "view_03", "view_07", "view_10")
FOREIGN, NEAR_PX = ("hair", "glasses", "cloth", "hand", "hat"), 9
HEADER = (
    "| capture | views | median mm | p90 mm | 0.2 mm | 0.5 mm | 1 mm | normals | seconds | MB |"
)


@dataclass(frozen=True)
class Case:
    """One capture to reconstruct.

    Args:
        name: of the case and its folder.
        sheet: sample sheet with this capture alone.
        truth: reads mesh and region.
    """

    name: str
    sheet: Path
    truth: Callable[[], tuple[Mesh, Region]]


def scan_cases(data: Path, folder: Path, wanted: Sequence[str]) -> list[Case]:
    """The scanned head: all views, four of them, shifted cameras, one view black."""
    source = data / "lps_rigA"
    makers = {"all": _all, "four": _four, "noise": _noise, "black": _black}
    cases = []
    for name in wanted:
        made = folder / f"lps_{name}" / "capture"
        made.mkdir(parents=True, exist_ok=True)
        cameras = json.loads((source / "cameras.json").read_text())
        chosen = makers[name](cameras, source / "images", made)
        (made / "cameras.json").write_text(json.dumps(cameras))
        rows = [("lps", view, made / f"{view}.jpg", made / "cameras.json") for view in chosen]
        cases.append(Case(f"lps_{name}", _sheet(made.parent, rows), lambda: _scan(source / "gt")))
    return cases


def _all(cameras: dict, images: Path, made: Path) -> list[str]:
    views = [camera["name"] for camera in cameras["cameras"]]
    for view in views:
        shutil.copy(images / f"{view}.jpg", made)
    return views


def _four(cameras: dict, images: Path, made: Path) -> list[str]:
    _all(cameras, images, made)
    return list(FOUR)


def _noise(cameras: dict, images: Path, made: Path) -> list[str]:
    """Principal points off by 1 px standard deviation along each axis."""
    chance = np.random.default_rng(0)
    for camera in cameras["cameras"]:
        shift = chance.normal(size=2)
        for axis in range(2):
            camera["K"][axis][2] += float(shift[axis])
    return _all(cameras, images, made)


def _black(cameras: dict, images: Path, made: Path) -> list[str]:
    views = _all(cameras, images, made)
    picture = cv2.imread(str(images / f"{views[3]}.jpg"))
    cv2.imwrite(str(made / f"{views[3]}.jpg"), np.zeros_like(picture))
    return views


def _scan(folder: Path) -> tuple[Mesh, Region]:
    mesh = trimesh.load(folder / "mesh.ply", process=False)
    region = Region(vertices=np.load(folder / "region_face.npy"))
    return Mesh(np.asarray(mesh.vertices), np.asarray(mesh.faces)), region


def world_cases(sheets: Sequence[Path], folder: Path) -> list[Case]:
    """Every capture of some sample sheets with truths of synthetic worlds."""
    cases = []
    for sheet in sheets:
        with open(sheet, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for name in dict.fromkeys(row["capture"] for row in rows):
            own = [row for row in rows if row["capture"] == name]
            truth = str(sheet.parent / own[0]["truth"])
            lines = [
                (name, row["view"], sheet.parent / row["image"], sheet.parent / row["camera"])
                for row in own
            ]
            made = folder / f"{sheet.parent.name}_{name}"
            made.mkdir(parents=True, exist_ok=True)
            cases.append(Case(made.name, _sheet(made, lines), lambda truth=truth: _world(truth)))
    return cases


def _world(reference: str) -> tuple[Mesh, Region]:
    """The head, and the face as far as two views see it: not what hair or glasses hide."""
    found = read_truth(reference, load_face_model("makehuman"))
    shard, name = split_shard(reference)
    with BatchReader(shard, Truth) as reader:
        truth = reader[name]
    _, nearest = cKDTree(truth.vertices_mm).query(found.mesh.vertices)
    clear = sum(_clear(truth, view).astype(int) for view in range(len(truth.image)))
    return found.mesh, Region(vertices=np.flatnonzero(found.face & (clear[nearest] >= 2)))


def _clear(truth: Truth, view: int) -> np.ndarray:
    """(n_vertices,) bool: the view sees them, and no strand of hair or frame close by."""
    foreign = np.isin(truth.part[view], [PART_LABELS.index(part) for part in FOREIGN])
    near = cv2.dilate(foreign.astype(np.uint8), np.ones((NEAR_PX, NEAR_PX), np.uint8))
    pose = truth.world_to_camera[view]
    place = project(truth.vertices_mm, pose, truth.focal_px[view], truth.centre_px[view])
    return truth.visible[view].astype(bool) & (sample_image(near[..., None], place)[:, 0] == 0)


def _sheet(folder: Path, rows: Sequence[tuple[str, str, Path, Path]]) -> Path:
    sheet = folder / "samples.tsv"
    lines = ["capture\tview\timage\tcamera"]
    lines += ["\t".join(map(str, (c, v, i.resolve(), k.resolve()))) for c, v, i, k in rows]
    sheet.write_text("\n".join(lines) + "\n")
    return sheet


def reconstruct(case: Case, cores: int, settings: Sequence[str]) -> Path:
    """The capture's batch folder, with surface.h5 in it."""
    out = case.sheet.parent / "results"
    target = out / "b0001" / "surface.h5"
    command = [str(Path(sys.executable).parent / "snakemake"), "--cores", str(cores), "--quiet"]
    command += ["all", "--nolock", "--config", f"samples={case.sheet}", f"results={out}"]
    subprocess.run([*command, *settings, "--", str(target)], check=True)
    return target.parent


def score(case: Case, batch: Path) -> str:
    """A row of the table."""
    with BatchReader(batch / "surface.h5", Surface) as reader:
        [(_, surface)] = reader.items()
    known = np.isfinite(surface.position_mm).all(axis=2)
    texel, triangles = grid_triangles(known)
    found = Mesh(surface.points_mm.reshape(-1, 3)[texel].astype(np.float64), triangles)
    truth, region = case.truth()
    result = score_surface(found, truth, region, MeshScoreOptions(points=60_000))
    spent = [_spent(batch.parent / "benchmarks" / stage / f"{batch.name}.tsv") for stage in STAGES]
    with open(case.sheet) as file:
        views = sum(1 for _ in file) - 1
    near = " | ".join(f"{100 * share:.1f} %" for share in result.completeness[:3])
    return (
        f"| {case.name} | {views} | {result.accuracy.median:.3f} | {result.accuracy.p90:.3f} "
        f"| {near} | {result.normals.median_deg:.1f} deg "
        f"| {sum(s for s, _ in spent):.0f} | {max(m for _, m in spent):.0f} |"
    )


def _spent(file: Path) -> tuple[float, float]:
    with open(file, newline="") as table:
        row = next(csv.DictReader(table, delimiter="\t"))
    return float(row["s"]), float(row["max_rss"])


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="*", default=["all", "four", "noise", "black"])
    parser.add_argument("--worlds", nargs="*", type=Path, default=[], help="sample sheets")
    parser.add_argument("--out", type=Path, required=True, help="folder for captures and results")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--settings", nargs="*", default=[], help="more for snakemake --config")
    options = parser.parse_args()
    cases = world_cases(options.worlds, options.out)
    if options.cases:
        data = os.environ.get("VISAGRAPH_DATA")
        if not data:
            parser.error("set VISAGRAPH_DATA to the folder that holds lps_rigA")
        cases = scan_cases(Path(data), options.out, options.cases) + cases
    print(HEADER, "|---" * (HEADER.count("|") - 1) + "|", sep="\n", flush=True)
    for case in cases:
        print(score(case, reconstruct(case, options.cores, options.settings)), flush=True)


if __name__ == "__main__":
    main()
