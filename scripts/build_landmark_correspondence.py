"""Find where the 468 points of the mesh network, and by them iBUG's, lie on a head model."""

from dataclasses import replace
from pathlib import Path

from lib.facemodel import load_face_model
from lib.fitting import average_person
from lib.imaging import save_png
from lib.landmarks import (
    CorrespondenceOptions,
    draw_on_head,
    ibug68_by_mesh,
    mesh468_on_model,
    write_correspondence,
)
from lib.log import stage_log


def main(inputs, outputs, params):
    model = average_person(load_face_model(Path(outputs.points).stem.removeprefix("mesh468_")))
    options = CorrespondenceOptions(**getattr(params, "options", {}))
    points = mesh468_on_model(model, Path(inputs.mesh).parent, options)
    if "mesh468" in model.landmarks:  # the network's habit was measured apart and stays
        points = replace(points, depth_bias_mm=model.landmarks["mesh468"].depth_bias_mm)
    write_correspondence(outputs.points, model, points, options)
    ibug68 = ibug68_by_mesh(model, points)
    write_correspondence(outputs.ibug68, model, ibug68, options, "ibug68")
    save_png(outputs.picture, draw_on_head(model, points))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
