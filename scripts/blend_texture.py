"""Blend textures: original photos and fits in, colour on the UV chart out."""

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, SkinMask, Texture, process_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.texture import TextureOptions, blend_texture, prepare_chart


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = TextureOptions(**params.options)
    chart = prepare_chart(model, options.uv_size)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.skin, SkinMask) as skin,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):

        def blend(name):
            face = faces[name]
            capture = captures[face.photo]
            yield (
                name,
                blend_texture(model, capture, face, fits[name], skin[name], options, chart=chart),
            )

        process_batch(fits, outputs.texture, Texture, "texture", blend)
    save_jpeg(outputs.sheet, stage_sheet("texture", {"texture": outputs.texture}))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
