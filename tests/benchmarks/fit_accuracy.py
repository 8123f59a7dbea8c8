"""Accuracy of the fit on out-of-model heads: `python -m tests.benchmarks.fit_accuracy`.

Heads of ICT-FaceKit are rendered as photos and fitted with the default model, so that truth and
reconstruction share neither shapes nor renderer settings. Needs VISAGRAPH_DATA (or the model in
resources) and resources/landmark_models. Fits start from the mean of the same heads (see
docs/face_models.md), so compare them with the row of the average person. Distances follow the NoW
protocol: 7 landmarks, similarity ICP, scan to mesh.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lib.errors import CaptureFailure
from lib.facemodel import FaceModel, face_model_file, load_face_model, write_face_model
from lib.facemodel.ict import ict_model, read_ict_development_copy
from lib.fitting import average_person
from lib.metrics import Surface, sample_scan
from lib.synthesis import SynthesisOptions, SyntheticCapture, draw_capture, open_studio
from tests.benchmarks.accuracy import (
    HEADER,
    Case,
    Measurer,
    fit_cases,
    mean_face,
    read_variants,
    table_row,
)

NOSE_TIP, FACE_RADIUS_MM = 30, 95.0


def ict_head() -> FaceModel:
    """ICT-FaceKit from resources, or from the development copy."""
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        return load_face_model(str(face_model_file("ict")))
    with tempfile.TemporaryDirectory() as folder:  # reading a file adds the dense landmarks
        path = Path(folder) / "ict.h5"
        source = read_ict_development_copy(Path(data) / "models/ict_facekit_skin.h5")
        write_face_model(path, ict_model(source))
        return load_face_model(str(path))


def make_cases(
    truth_model: FaceModel, model: FaceModel, arguments: argparse.Namespace
) -> list[Case]:
    """Photos of all subjects, measured; a photo without a face is told and left out."""
    measurer = Measurer(model)
    options = SynthesisOptions(
        seed=arguments.seed,
        captures_per_subject=arguments.photos,
        height_px=640,
        width_px=640,
        yaw_deg=arguments.yaw,
        expression=arguments.expression,
        things=0.0,
    )
    studio = open_studio(truth_model)
    cases = []
    for index in range(arguments.subjects * arguments.photos):
        photo = draw_capture(studio, options, index)
        image = photo.truth.image[0]
        if arguments.pictures:
            Image.fromarray(image).save(arguments.pictures / f"{index:05d}.png")
        focal = float(photo.truth.focal_px[0]) if arguments.focal else np.nan
        start = time.perf_counter()
        try:
            measured = measurer.measure(f"p{index:05d}", photo.truth.subject, image, focal)
        except CaptureFailure as failure:
            print(f"photo {index}: {failure}")
            continue
        seconds = time.perf_counter() - start
        cases.append(_case(truth_model, photo, measured, seconds, arguments.points))
    return cases


def _case(truth_model, photo: SyntheticCapture, measured, seconds: float, count: int) -> Case:
    truth = photo.truth
    points = truth_model.landmarks["ibug68"]

    def scan(vertices: np.ndarray):
        marks = points.on(vertices, truth_model.triangles)
        near = np.linalg.norm(vertices - marks[NOSE_TIP], axis=1) < FACE_RADIUS_MM
        region = np.intersect1d(truth_model.parts["face_mask"], np.flatnonzero(near))
        triangles = truth_model.triangles[truth_model.region("skin")]
        return sample_scan(vertices, triangles, marks, region, count)

    skin = truth_model.triangles[truth_model.region("skin")]
    return Case(
        measured,
        scan(truth.vertices_mm),
        scan(truth.neutral_mm),
        Surface.of(truth.neutral_mm, skin),
        photo.views[0].yaw_deg,
        float(truth.focal_px[0]),
        seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--photos", type=int, default=4, help="of each subject")
    parser.add_argument("--yaw", type=float, default=45.0, help="largest turn, degrees")
    parser.add_argument("--expression", type=float, default=1.0, help="0 = neutral faces")
    parser.add_argument("--focal", action="store_true", help="the fit knows the focal length")
    parser.add_argument("--points", type=int, default=3000, help="of the truth that are compared")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE[,...]")
    parser.add_argument("--cache", type=Path, help="file that keeps the measured photos")
    parser.add_argument("--pictures", type=Path, help="folder for the photos")
    arguments = parser.parse_args()
    variants = read_variants(arguments.set)
    model = load_face_model("makehuman")
    if arguments.cache and arguments.cache.is_file():
        cases = pickle.loads(arguments.cache.read_bytes())
    else:
        cases = make_cases(ict_head(), model, arguments)
        if arguments.cache:
            arguments.cache.write_bytes(pickle.dumps(cases))
    total = arguments.subjects * arguments.photos
    print(f"{len(cases)} of {total} photos measured, "
          f"{np.mean([case.seconds for case in cases]):.2f} s each")  # fmt: skip
    print(HEADER)
    print(table_row("mean face", cases, mean_face(model, cases)), flush=True)
    average = mean_face(average_person(model), cases)
    print(table_row("average person", cases, average), flush=True)
    for label, options in variants:
        for share in (False, True):
            results, seconds = fit_cases(model, cases, options, share)
            name = f"{label} {'shared' if share else 'single'}"
            print(table_row(name, cases, results, seconds), flush=True)


if __name__ == "__main__":
    main()
