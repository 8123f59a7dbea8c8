"""Blend textures: original photos, fits and measured surfaces in, colour on the UV chart out."""

from contextlib import ExitStack

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Rig,
    SkinMask,
    Surface,
    Texture,
    process_batch,
)
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.texture import Measured, TextureOptions, blend_texture, prepare_chart

OF_ALL = {"capture": Capture, "faces": Faces, "skin": SkinMask, "fit": FaceFit}
OF_MANY_VIEWS = {"rig": Rig, "base": BaseMesh, "surface": Surface}


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = TextureOptions(**params.options)
    chart = prepare_chart(model, options.uv_size)
    many = bool(inputs.get("surface"))  # batches of single photos have none
    kinds = OF_ALL | OF_MANY_VIEWS if many else OF_ALL
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(BatchReader(inputs.get(name), kind))
            for name, kind in kinds.items()
        }

        def blend(name):
            face, fit, skin = (files[stage][name] for stage in ("faces", "fit", "skin"))
            capture = files["capture"][face.photo]
            measured = Measured(*(files[stage][name] for stage in OF_MANY_VIEWS)) if many else None
            texture = blend_texture(
                *(model, capture, face, fit, skin, options), chart=chart, measured=measured
            )
            yield name, texture

        last = files["surface" if many else "fit"]
        process_batch(last, outputs.texture, Texture, "texture", blend)
    save_jpeg(outputs.sheet, stage_sheet("texture", {"texture": outputs.texture}))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
