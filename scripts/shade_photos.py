"""Tell relief from shading: photos and fitted heads in, surfaces out."""

import contextlib

from lib.artefacts import (
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Regression,
    SkinMask,
    Surface,
    process_batch,
)
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.shading import ShadingOptions, ShadingTools, shade_capture


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = ShadingOptions(**params.options)
    device = pick_device(params.device) if inputs.get("weights") else "cpu"
    tools = ShadingTools.load(options, model, device)
    with (
        contextlib.ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.skin, SkinMask) as skin,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):
        codes = None
        if inputs.regression:
            codes = stack.enter_context(BatchReader(inputs.regression, Regression))

        def shade(name):
            seen = captures[faces[name].photo], skin[name], fits[name]
            code = codes[name] if codes else None
            yield name, shade_capture(model, *seen, options, tools, code)

        process_batch(fits, outputs.surface, Surface, "shade", shade)
    files = {"surface": outputs.surface, "capture": inputs.capture, "faces": inputs.faces}
    files["fit"] = inputs.fit
    save_jpeg(outputs.sheet, stage_sheet("shade", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
