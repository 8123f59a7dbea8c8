"""Accuracy of the fit on photos of a scanned head: `python -m tests.benchmarks.single_truth`.

Four single pictures of one scanned head under other poses and lights (`lps_single` below
VISAGRAPH_DATA). Needs resources/landmark_models. The scan has one expression; both the fitted
neutral and the posed head are scored against it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from lib.facemodel import FaceModel, load_face_model
from lib.fitting import average_person
from lib.metrics import Surface, sample_scan
from tests.benchmarks.accuracy import (
    HEADER,
    Case,
    Measurer,
    fit_cases,
    mean_face,
    read_variants,
    table_row,
)


def read_cases(model: FaceModel, data: Path, count: int, with_focal: bool) -> list[Case]:
    """The four photos, measured, beside the scan."""
    truth = data / "lps_rigA/gt"
    mesh = trimesh.load(truth / "mesh.ply", process=False)
    vertices, triangles = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    region = np.load(truth / "region_face.npy")
    marks = _points(json.loads((truth / "landmarks3d.json").read_text()))
    scan = sample_scan(vertices, triangles, marks, region, count)
    inside = np.zeros(len(vertices), bool)
    inside[region] = True
    surface = Surface.of(vertices, triangles[inside[triangles].any(axis=1)])
    cameras = _cameras(json.loads((data / "lps_single/cameras.json").read_text()))
    measurer = Measurer(model)
    cases = []
    for path in sorted((data / "lps_single/images").glob("*.jpg")):
        image = np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB")))
        camera = cameras[path.stem]
        focal, rotation = float(camera["K"][0][0]), np.array(camera["R"])
        start = time.perf_counter()
        measured = measurer.measure(path.stem, "lps", image, focal if with_focal else np.nan)
        seconds = time.perf_counter() - start
        yaw = float(np.degrees(np.arctan2(-rotation[2, 0], -rotation[2, 2])))
        cases.append(Case(measured, scan, scan, surface, yaw, focal, seconds))
    return cases


def _points(content: dict | list) -> np.ndarray:
    rows = content["points"] if isinstance(content, dict) else content
    return np.array([[np.nan] * 3 if row is None else row for row in rows], float)


def _cameras(content: dict | list) -> dict[str, dict]:
    rows = content.get("cameras", content.get("views")) if isinstance(content, dict) else content
    return {row["name"].removesuffix(".jpg"): row for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--focal", action="store_true", help="the fit knows the focal length")
    parser.add_argument("--points", type=int, default=8000, help="of the scan that are compared")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE[,...]")
    arguments = parser.parse_args()
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        raise SystemExit("VISAGRAPH_DATA is not set; it names the folder of test data.")
    model = load_face_model("makehuman")
    cases = read_cases(model, Path(data), arguments.points, arguments.focal)
    print(HEADER)
    print(table_row("mean face", cases, mean_face(model, cases)), flush=True)
    average = mean_face(average_person(model), cases)
    print(table_row("average person", cases, average), flush=True)
    for label, options in read_variants(arguments.set):
        for share in (False, True):
            results, seconds = fit_cases(model, cases, options, share)
            name = f"{label} {'shared' if share else 'single'}"
            print(table_row(name, cases, results, seconds), flush=True)
            for case, result in zip(cases, results):
                row = table_row(f"  {case.measured.name} yaw {case.yaw_deg:+.0f}", [case], [result])
                print(row, flush=True)


if __name__ == "__main__":
    main()
