"""Recover albedo: photos, heads and surfaces in, albedo and the light of each photo out."""

from contextlib import ExitStack

from lib.albedo import AlbedoOptions, AlbedoTools, Source, recover_batch
from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Rig,
    SkinMask,
    Surface,
    Texture,
)
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log

OF_ALL = {"fit": FaceFit, "skin": SkinMask, "texture": Texture, "highlights": Highlights}
OF_SOME = {"surface": Surface, "rig": Rig, "base": BaseMesh}


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = AlbedoOptions(**params.options)
    device = pick_device(params.device) if inputs.get("weights") else "cpu"
    tools = AlbedoTools.load(options, model, device)
    kinds = OF_ALL | {name: kind for name, kind in OF_SOME.items() if inputs.get(name)}
    with (
        ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
    ):
        files = {
            name: stack.enter_context(BatchReader(inputs.get(name), kind))
            for name, kind in kinds.items()
        }

        def read(name):
            found = {part: file[name] for part, file in files.items() if name in file.captures}
            return Source(captures[faces[name].photo], **found)

        textures = files["texture"]
        subjects = {name: faces.field(name, "subject") for name in textures.captures}
        recover_batch(textures.outcomes, subjects, read, outputs.albedo, options, tools)
    save_jpeg(outputs.sheet, stage_sheet("albedo", {"albedo": outputs.albedo}))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
