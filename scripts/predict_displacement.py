"""Find pores and fine wrinkles: measured surface and texture in, height over the surface out."""

from lib.artefacts import BatchReader, Displacement, Surface, Texture, process_batch
from lib.displacement import DisplacementOptions, open_predictor, predict_displacement
from lib.facemodel import load_face_model
from lib.figures.relief import relief_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    predictor = open_predictor(model, DisplacementOptions(**params.options))
    with (
        BatchReader(inputs.surface, Surface) as surfaces,
        BatchReader(inputs.texture, Texture) as textures,
    ):

        def predict(name):
            yield name, predict_displacement(predictor, surfaces[name], textures[name])

        process_batch(textures, outputs.displacement, Displacement, "displacement", predict)
    save_jpeg(outputs.sheet, relief_sheet(inputs.surface, outputs.displacement))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
