"""The average person of the default model: `python -m tests.benchmarks.average_person --write`.

The mean of ICT-FaceKit (MIT licence) is the average of scanned people. This finds the identity at
which the default model has its face, and tells how near it comes. With --write the result replaces
`lib/fitting/data/average_makehuman.json`, from which every fit starts. Needs VISAGRAPH_DATA (or the
model in resources).
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from lib.facemodel import FaceModel, load_face_model
from lib.fitting.average import DATA
from lib.metrics import Scan, Surface, sample_scan, score_mesh
from tests.benchmarks.fit_accuracy import FACE_RADIUS_MM, NOSE_TIP, ict_head

ROUNDS = 15
POINTS = 100.0  # how many independent ones the scan counts for, each known to a millimetre
REACH_MM = 10.0


def mean_scan(truth: FaceModel) -> Scan:
    """The face of a model's mean."""
    marks = truth.landmarks["ibug68"].on(truth.mean, truth.triangles)
    near = np.linalg.norm(truth.mean - marks[NOSE_TIP], axis=1) < FACE_RADIUS_MM
    region = np.intersect1d(truth.parts["face_mask"], np.flatnonzero(near))
    triangles = truth.triangles[truth.region("skin")]
    return sample_scan(truth.mean, triangles, marks, region, 2500)


def identity_of(model: FaceModel, scan: Scan) -> np.ndarray:
    """(n_identity,) the most likely identity with the scan's face, up to size and place."""
    z = np.zeros(model.n_identity)
    for _ in range(ROUNDS):
        vertices = model.vertices(z)
        marks = model.landmarks["ibug68"].on(vertices, model.triangles)
        alignment = score_mesh(vertices, model.triangles, marks, scan).alignment
        wanted = alignment.inverse().apply(scan.points)
        surface = Surface.of(vertices, model.triangles)
        found = surface.tree.nearest(wanted)
        normal = surface.normals[found.triangles]
        corners = model.identity_basis[:, model.triangles[found.triangles]]
        slopes = np.einsum("knjc,nj,nc->nk", corners, found.barycentric, normal)
        gap = ((wanted - found.points) * normal).sum(1) + slopes @ z
        kept = found.distance_mm < REACH_MM
        share = POINTS / kept.sum()
        system = share * slopes[kept].T @ slopes[kept] + np.eye(len(z))
        z = np.linalg.solve(system, share * slopes[kept].T @ gap[kept])
    return z.round(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    model, scan = load_face_model("makehuman"), mean_scan(ict_head())
    identity = identity_of(model, scan)
    for label, z in (("mean", np.zeros(len(identity))), ("average person", identity)):
        vertices = model.vertices(z)
        marks = model.landmarks["ibug68"].on(vertices, model.triangles)
        score = score_mesh(vertices, model.triangles, marks, scan)
        print(f"{label:16s} median {score.median_mm:.3f} mean {score.mean_mm:.3f} mm")
    print(
        f"coefficients: rms {np.sqrt((identity**2).mean()):.2f}, max {np.abs(identity).max():.2f}"
    )
    if arguments.write:
        content = {
            "model": model.name,
            "made_by": "tests/benchmarks/average_person.py",
            "source": "the mean face of ICT-FaceKit, (c) 2020 USC Institute for Creative "
            "Technologies, MIT licence",
            "identity": [float(value) for value in identity],
        }
        DATA.mkdir(exist_ok=True)
        text = json.dumps(content, indent=1) + "\n"
        (DATA / f"average_{model.name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
