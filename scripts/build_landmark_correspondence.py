"""Find where the 468 points of the mesh network lie on a head model: model in, JSON out."""

from pathlib import Path

from lib.facemodel import load_face_model
from lib.landmarks import CorrespondenceOptions, mesh468_on_model, write_correspondence
from lib.log import stage_log


def main(inputs, outputs, params):
    options = CorrespondenceOptions(**getattr(params, "options", {}))
    model = load_face_model(str(inputs.model))
    points = mesh468_on_model(model, Path(inputs.mesh).parent, options)
    write_correspondence(outputs.correspondence, model, points, options)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
