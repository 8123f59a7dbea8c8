"""Find and refine the surface: volumes and images in, surfaces out."""

import contextlib

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Regression,
    Rig,
    SkinMask,
    Surface,
    Volume,
    process_batch,
)
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.regularisation import RegulariseOptions, regularise_capture
from lib.shading import ShadingOptions, ShadingTools, shade_capture
from lib.uvspace.captures import is_calibrated


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options, device = RegulariseOptions(**params.options), pick_device(params.device)
    shading = ShadingOptions(**params.shading)
    tools = ShadingTools.load(shading, model, device)
    with (
        contextlib.ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.rig, Rig) as rigs,
        BatchReader(inputs.base, BaseMesh) as bases,
        BatchReader(inputs.volume, Volume) as volumes,
        BatchReader(inputs.skin, SkinMask) as skin,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):
        codes = None
        if inputs.regression:
            codes = stack.enter_context(BatchReader(inputs.regression, Regression))

        def regularise(name):
            capture, rig = captures[faces[name].photo], rigs[name]
            if shading.method != "none" and not is_calibrated(rig):  # of a photo, then
                seen, code = (capture, skin[name], fits[name]), codes[name] if codes else None
                yield name, shade_capture(model, *seen, shading, tools, code)
                return
            surface = regularise_capture(
                model, capture, rig, bases[name], volumes[name], options, device
            )
            yield name, surface

        process_batch(volumes, outputs.surface, Surface, "regularise", regularise)
    save_jpeg(outputs.sheet, stage_sheet("surface", {"surface": outputs.surface}, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
