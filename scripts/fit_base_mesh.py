"""Draw fitted heads to where their views agree: rigs and fits in, base meshes out."""

from lib.artefacts import BaseMesh, BatchReader, Capture, FaceFit, Faces, Rig, process_batch
from lib.base import BaseOptions, fit_base_mesh
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options, device = BaseOptions(**params.options), pick_device(params.device)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.rig, Rig) as rigs,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):

        def shape(name):
            capture = captures[faces[name].photo]
            yield name, fit_base_mesh(model, capture, rigs[name], fits[name], options, device)

        process_batch(fits, outputs.base, BaseMesh, "base", shape)
    save_jpeg(outputs.sheet, stage_sheet("base", {"base": outputs.base}, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
