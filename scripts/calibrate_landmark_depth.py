"""Measure the mesh network's depth habit on many people: landmarks of batches in, points out."""

from dataclasses import replace
from pathlib import Path

from lib.artefacts import BatchReader, Landmarks
from lib.facemodel import load_face_model
from lib.fitting import average_person
from lib.landmarks import CorrespondenceOptions, depth_bias, write_correspondence
from lib.log import stage_log


def main(inputs, outputs, params):
    name = Path(outputs.points).stem.removeprefix("mesh468_calibrated_")
    model = average_person(load_face_model(name))
    faces = []
    for file in inputs.landmarks:
        with BatchReader(file, Landmarks) as batch:
            faces += [landmarks for _, landmarks in batch.items()]
    points = replace(model.landmarks["mesh468"], depth_bias_mm=depth_bias(model, faces))
    write_correspondence(outputs.points, model, points, CorrespondenceOptions())


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
