"""Seconds and memory of every stage of a capture: `python -m tests.benchmarks.stages`.

    python -m tests.benchmarks.stages --capture FOLDER --out FOLDER [--megapixels 20]
        [--settings regularise='{uv_size: 512}' ...]

Takes a capture folder with our `cameras.json`, photos beside it or in `images/`, or the scanned
head below VISAGRAPH_DATA, runs the workflow up to the exported head in an empty folder, and prints
what each stage took beside the memory that its rule asks for. With `--megapixels`,
photos and cameras are enlarged first, to see what many pixels cost.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from lib.report import read_timings

COLUMNS = "| stage | seconds | CPU seconds | MB | of MB asked for |"


def enlarged(capture: Path, megapixels: float, folder: Path) -> Path:
    """A copy of the capture whose photos have about so many pixels; 0 = as they are."""
    cameras = json.loads((capture / "cameras.json").read_text())
    (folder / "images").mkdir(parents=True)
    source = capture / "images" if (capture / "images").is_dir() else capture
    photos = {photo.stem: photo for photo in source.iterdir()}
    for camera in cameras["cameras"]:
        photo = cv2.imread(str(photos[camera["name"]]))
        height, width = photo.shape[:2]
        factor = (megapixels * 1e6 / (height * width)) ** 0.5 if megapixels else 1.0
        size = (round(width * factor), round(height * factor))
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "images" / f"{camera['name']}.jpg"), photo)
        ratios = size[0] / width, size[1] / height
        for row, ratio in zip(camera["K"], ratios, strict=False):
            row[:2] = [value * ratio for value in row[:2]]
            row[2] = (row[2] + 0.5) * ratio - 0.5
        if "width" in camera:
            camera["width"], camera["height"] = size
    (folder / "cameras.json").write_text(json.dumps(cameras))
    return folder


def memory_asked(results: Path) -> dict[str, int]:
    """Rule -> MB that its job asked for, from Snakemake's extended tables."""
    asked = {}
    for file in (results / "benchmarks").glob("*/*.tsv"):
        with open(file, newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                asked[row["rule_name"]] = ast.literal_eval(row["resources"])["mem_mb"]
    return asked


def run(capture: Path, results: Path, cores: int, settings: Sequence[str]) -> None:
    """The whole line; other captures of the machine's caches are not touched."""
    command = [str(Path(sys.executable).parent / "snakemake"), "--cores", str(cores), "--quiet"]
    command += ["all", "--nolock", "--benchmark-extended"]
    subprocess.run(
        [*command, "--config", f"captures={capture}", f"results={results}", *settings], check=True
    )


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--capture", type=Path, help="folder; default: the scanned head")
    parser.add_argument("--out", type=Path, required=True, help="folder; must not exist")
    parser.add_argument("--megapixels", type=float, default=0.0, help="of each photo; 0 = as it is")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--settings", nargs="*", default=[], help="more for snakemake --config")
    options = parser.parse_args()
    if not options.capture and not os.environ.get("VISAGRAPH_DATA"):
        parser.error("give --capture, or set VISAGRAPH_DATA to the folder that holds lps_rigA")
    source = options.capture or Path(os.environ["VISAGRAPH_DATA"]) / "lps_rigA"
    capture = enlarged(source, options.megapixels, options.out / "capture")
    run(capture, options.out / "results", options.cores, options.settings)
    print(COLUMNS, "|---" * (COLUMNS.count("|") - 1) + "|", sep="\n")
    asked = memory_asked(options.out / "results")
    jobs = read_timings(options.out / "results")
    for job in jobs:
        print(
            f"| {job.rule} | {job.seconds:.1f} | {job.cpu_seconds:.1f} | {job.max_rss_mb:.0f} "
            f"| {asked[job.rule]} |"
        )
    total, work = (sum(each) for each in zip(*((j.seconds, j.cpu_seconds) for j in jobs)))
    print(f"| all | {total:.1f} | {work:.1f} | {max(job.max_rss_mb for job in jobs):.0f} | |")


if __name__ == "__main__":
    main()
