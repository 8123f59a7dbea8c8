"""A trained regressor beside the optimiser: `python -m tests.benchmarks.learned WEIGHTS`.

On photos of a scanned head (`lps_single` below VISAGRAPH_DATA) and on rendered heads of
ICT-FaceKit, neither of which is of the family that regressors are trained on: the mean face, the
average person, the optimiser, the network's coefficients, and the optimiser going on from them, all
scored after the NoW protocol. Needs VISAGRAPH_DATA and resources/landmark_models.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from lib.facemodel import FaceModel, load_face_model
from lib.fitting import FitOptions, average_person
from lib.regression import RegressionOptions, Regressor, regress_capture
from tests.benchmarks.accuracy import HEADER, Case, fit_cases, mean_face, table_row
from tests.benchmarks.fit_accuracy import ict_head, make_cases
from tests.benchmarks.single_truth import read_cases

METHODS = (
    ("optimise", FitOptions()),
    ("optimise, landmarks alone", FitOptions(photometric_weight=0.0)),
    ("learned", FitOptions(method="learned")),
    ("learned, refined", FitOptions(method="learned", refine=True)),
    (
        "learned, refined, landmarks alone",
        FitOptions(method="learned", refine=True, photometric_weight=0.0),
    ),
    (
        "learned, refined, 3 steps each",
        FitOptions(method="learned", refine=True, landmark_iterations=2, photometric_iterations=3),
    ),
    ("optimise, 3 steps each", FitOptions(landmark_iterations=2, photometric_iterations=3)),
)


def coded(cases: Sequence[Case], regressor: Regressor) -> list[Case]:
    """The cases with what the network says of them."""
    found = []
    for case in cases:
        item = case.measured
        codes = regress_capture(
            item.capture, item.faces, item.landmarks, regressor, RegressionOptions()
        )
        found.append(replace(case, measured=replace(item, regression=codes)))
    return found


def compare(title: str, model: FaceModel, cases: Sequence[Case], regressor: Regressor) -> None:
    """Print the rows of one set of photos."""
    print(f"\n{title}, {len(cases)} photos\n{HEADER}")
    print(table_row("mean face", cases, mean_face(model, cases)), flush=True)
    average = mean_face(average_person(model), cases)
    print(table_row("average person", cases, average), flush=True)
    known = coded(cases, regressor)
    for name, options in METHODS:
        plain = options.method == "optimise"
        results, seconds = fit_cases(model, cases if plain else known, options, False)
        print(table_row(name, cases, results, seconds), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.learned", description=__doc__)
    parser.add_argument("weights", type=Path, help="of train_coarse, for the default head")
    parser.add_argument("--subjects", type=int, default=12, help="of ICT-FaceKit")
    parser.add_argument("--photos", type=int, default=2, help="of each subject")
    parser.add_argument("--yaw", type=float, default=45.0, help="largest turn, degrees")
    parser.add_argument("--expression", type=float, default=1.0, help="0 = neutral faces")
    parser.add_argument("--points", type=int, default=3000, help="of the truth that are compared")
    parser.add_argument("--focal", action="store_true", help="fits know the focal length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path, help="folder for the rendered photos")
    arguments = parser.parse_args()
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        raise SystemExit("VISAGRAPH_DATA is not set; it names the folder of test data.")
    model = load_face_model("makehuman")
    regressor = Regressor.load(arguments.weights, model, torch.device("cpu"))
    cases = read_cases(model, Path(data), arguments.points, with_focal=arguments.focal)
    compare("lps_single", model, cases, regressor)
    compare("ICT-FaceKit", model, make_cases(ict_head(), model, arguments), regressor)


if __name__ == "__main__":
    main()
