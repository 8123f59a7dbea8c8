"""Accuracy of recovered cameras: `python -m tests.benchmarks.rigs`.

The scanned head below VISAGRAPH_DATA (`lps_rigA`: 12 views, and four of them), and captures of
synthetic worlds given as sample sheets with `--worlds`. The workflow runs up to landmarks.h5 in a
folder of its own, which a second run goes on with. Then the given cameras are forgotten, with or
without their focal lengths, and every method of `rig.motion` recovers them. Turns and places are
compared after the similarity that lays the places of the cameras on each other; its scale is the
error of the millimetres, which the head model told.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib.artefacts import BatchReader, Capture, Landmarks, Rig
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel, load_face_model
from lib.geometry import align_points
from lib.rig import RigOptions, calibrate_rig
from lib.rig.cameras import Cameras
from tests.benchmarks.multiview import Case, scan_cases, world_cases

FEWEST = 3  # cameras that a similarity needs
METHODS = ("colmap", "features", "landmarks")
HEADER = (
    "| capture | focal lengths | rig.motion | turn deg (worst) | place mm | of distance | scale "
    "| views | seconds |"
)


def landmarks_of(case: Case) -> tuple[str, Capture, Landmarks]:
    """What the workflow measured in the case's capture."""
    out = case.sheet.parent / "results"
    batch = out / "b0001"
    command = [str(Path(sys.executable).parent / "snakemake"), "--cores", "1", "--quiet", "all"]
    command += ["--nolock", "--config", f"samples={case.sheet}", f"results={out}"]
    subprocess.run([*command, "--", str(batch / "landmarks.h5")], check=True)
    with (
        BatchReader(batch / "capture.h5", Capture) as captures,
        BatchReader(batch / "landmarks.h5", Landmarks) as landmarks,
    ):
        [(name, capture)] = captures.items()
        [(_, points)] = landmarks.items()
    return name, capture, points


def without_cameras(capture: Capture, with_focal: bool) -> Capture:
    """The capture with its poses, and if wished its focal lengths, forgotten."""
    unknown = np.full_like(capture.world_to_camera, np.nan)
    capture = capture.replace(world_to_camera=unknown, length_unit="unknown")
    if with_focal:
        return capture
    nothing = np.full_like(capture.focal_px, np.nan)
    return capture.replace(focal_px=nothing, focal_source=("none",) * len(nothing))


def errors(rig: Rig, truth: Cameras) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Per placed camera turn in deg, place in mm and as a share of its distance; scale error."""
    found = Cameras(rig.world_to_camera, rig.focal_px, rig.centre_px)
    both = found.known & truth.known
    here, there = found.positions[both], truth.positions[both]
    scale, rotation, translation = align_points(here, there)
    turn = truth.world_to_camera[both][:, :, :3] @ rotation
    turn = turn @ found.world_to_camera[both][:, :, :3].swapaxes(1, 2)
    cosine = (np.trace(turn, axis1=1, axis2=2) - 1) / 2
    place = np.linalg.norm(scale * here @ rotation.T + translation - there, axis=1)
    head = np.nanmedian(rig.points_mm, axis=0) * scale @ rotation.T + translation
    share = place / np.linalg.norm(there - head, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))), place, share, 1 / scale - 1


def row(
    case: str,
    model: FaceModel,
    item: tuple[str, Capture, Landmarks],
    with_focal: bool,
    method: str,
) -> str:
    """A line of the table."""
    name, capture, landmarks = item
    truth = Cameras(capture.world_to_camera, capture.focal_px, capture.centre_px)
    start = time.perf_counter()
    given = without_cameras(capture, with_focal)
    head = f"| {case} | {'known' if with_focal else 'unknown'} | {method} "
    try:
        rig = calibrate_rig(model, name, given, landmarks, RigOptions(motion=method))
    except CaptureFailure as failure:
        return f"{head}| failed: {failure} | | | | | |"
    seconds = time.perf_counter() - start
    placed = int(np.isfinite(rig.world_to_camera).all(axis=(1, 2)).sum())
    if placed < FEWEST:
        return f"{head}| none: {rig.method} | | | | {placed} of {len(truth)} | {seconds:.0f} |"
    turn, place, share, scale = errors(rig, truth)
    return (
        f"{head}| {np.median(turn):.2f} ({turn.max():.2f}) | {np.median(place):.1f} "
        f"| {100 * np.median(share):.2f} % | {100 * scale:+.1f} % "
        f"| {placed} of {len(truth)} | {seconds:.0f} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="*", default=["all", "four"], help="of the scanned head")
    parser.add_argument("--worlds", nargs="*", type=Path, default=[], help="sample sheets")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help="of rig.motion")
    parser.add_argument("--out", type=Path, required=True, help="folder for captures and results")
    options = parser.parse_args(arguments)
    cases = world_cases(options.worlds, options.out)
    if options.cases:
        data = os.environ.get("VISAGRAPH_DATA")
        if not data:
            parser.error("set VISAGRAPH_DATA to the folder that holds lps_rigA")
        cases = scan_cases(Path(data), options.out, options.cases) + cases
    model = load_face_model("makehuman")
    print(HEADER, "|---" * (HEADER.count("|") - 1) + "|", sep="\n", flush=True)
    for case in cases:
        item = landmarks_of(case)
        for with_focal in (True, False):
            for method in options.methods:
                print(row(case.name, model, item, with_focal, method), flush=True)


if __name__ == "__main__":
    main()
