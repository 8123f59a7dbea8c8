"""Tell relief from shading: photos and fitted heads in, surfaces out."""

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, SkinMask, Surface, process_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.shading import ShadingOptions, shade_capture


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = ShadingOptions(**params.options)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.skin, SkinMask) as skin,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):

        def shade(name):
            capture = captures[faces[name].photo]
            yield name, shade_capture(model, capture, skin[name], fits[name], options)

        process_batch(fits, outputs.surface, Surface, "shade", shade)
    files = {"surface": outputs.surface, "capture": inputs.capture, "faces": inputs.faces}
    files["fit"] = inputs.fit
    save_jpeg(outputs.sheet, stage_sheet("shade", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
