"""Evaluate heads: results of a batch and their truths in, scores and heat maps out."""

from contextlib import ExitStack

from lib.artefacts import (
    Albedo,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Landmarks,
    SkinMask,
    Surface,
    Texture,
)
from lib.evaluation import EvaluationOptions, Result, evaluate_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log


def main(inputs, outputs, params, threads=1):
    model = load_face_model(inputs.model or params.face_model)
    options = EvaluationOptions(points=params.points)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.skin, SkinMask) as skin,
        BatchReader(inputs.fit, FaceFit) as fits,
        BatchReader(inputs.texture, Texture) as textures,
        BatchReader(inputs.albedo, Albedo) as albedos,
        BatchReader(inputs.highlights, Highlights) as matte,
        ExitStack() as many_views,
    ):
        surfaces = inputs.surface and many_views.enter_context(BatchReader(inputs.surface, Surface))

        def read(name):
            capture = captures[faces[name].photo]
            surface = surfaces[name] if surfaces else None
            albedo = albedos[name] if name in albedos.captures else None
            found = landmarks[name], skin[name], fits[name], textures[name]
            highlights = matte[name] if name in matte.captures else None
            return Result(capture, *found, surface, albedo, highlights)

        truths = {name: (truth, views) for name, truth, views, *_ in params.truths}
        evaluate_batch(model, textures.outcomes, truths, read, outputs.scores, options, threads)
    save_jpeg(outputs.sheet, stage_sheet("scores", {"scores": outputs.scores}, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params, snakemake.threads)
