"""Ask where the surface is: base meshes and images in, volumes of responses out."""

from lib.artefacts import BaseMesh, BatchReader, Capture, Faces, Rig, Volume, process_batch
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.implicit import ImplicitOptions, respond_capture
from lib.log import stage_log


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options, device = ImplicitOptions(**params.options), pick_device(params.device)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.rig, Rig) as rigs,
        BatchReader(inputs.base, BaseMesh) as bases,
    ):

        def respond(name):
            capture = captures[faces[name].photo]
            yield name, respond_capture(model, capture, rigs[name], bases[name], options, device)

        process_batch(bases, outputs.volume, Volume, "implicit", respond)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
