"""Fit a head model to a batch: landmarks and pixels in, coefficients, cameras and sigma out."""

import contextlib

from lib.artefacts import (
    BatchReader,
    Capture,
    Faces,
    Landmarks,
    Parsing,
    Regression,
    Rig,
    SkinMask,
    earliest_failures,
)
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.fitting import FitOptions, Subject, fit_batch
from lib.imaging import save_jpeg
from lib.log import stage_log


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = FitOptions(**params.options)
    with (
        contextlib.ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.skin, SkinMask) as skin,
    ):
        # Batches of single photos have no rig.
        rigs = stack.enter_context(BatchReader(inputs.rig, Rig)) if inputs.rig else None
        codes = None
        if inputs.regression:
            codes = stack.enter_context(BatchReader(inputs.regression, Regression))

        told = None
        if inputs.get("parsing"):
            told = stack.enter_context(BatchReader(inputs.parsing, Parsing))

        def read(name):
            face, parsing = faces[name], told[name] if told else None
            rig, code = rigs[name] if rigs else None, codes[name] if codes else None
            return Subject(
                name, captures[face.photo], face, landmarks[name], skin[name], rig, code, parsing
            )

        more = [*(codes.outcomes if codes else ()), *(told.outcomes if told else ())]
        rows = earliest_failures((rigs or skin).outcomes, more)
        fit_batch(model, rows, read, outputs.fit, options, pick_device(params.device))
    files = {"capture": inputs.capture, "faces": inputs.faces, "fit": outputs.fit}
    save_jpeg(outputs.sheet, stage_sheet("fit", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
