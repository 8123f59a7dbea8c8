"""Export heads: every artefact of a batch in, one folder per head out."""

import contextlib
import dataclasses
from pathlib import Path

from lib.artefacts import (
    Albedo,
    BaseMesh,
    BatchReader,
    Capture,
    Displacement,
    FaceFit,
    Faces,
    Highlights,
    Landmarks,
    Parts,
    Regression,
    Rig,
    Surface,
    Texture,
)
from lib.export import (
    Appearance,
    ExportOptions,
    HeadExporter,
    Measured,
    PublishedExporter,
    PublishedInputs,
    origins,
    write_provenance,
)
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import progress, stage_log
from lib.texture import TextureOptions, blend_texture, prepare_chart


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = ExportOptions(**params.options)
    exporter = HeadExporter(model, options)
    common = origins(inputs.model or params.face_model, params.stages)
    folder = Path(outputs.heads)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.fit, FaceFit) as fits,
        BatchReader(inputs.texture, Texture) as textures,
        BatchReader(inputs.highlights, Highlights) as highlights,
        BatchReader(inputs.albedo, Albedo) as albedos,
    ):
        kinds = {"surface": Surface, "rig": Rig, "base": BaseMesh, "displacement": Displacement}
        readers = {
            part: stack.enter_context(BatchReader(inputs.get(part), kind))
            for part, kind in kinds.items()
            if inputs.get(part)  # batches of single photos have a surface at most
        }
        write_published = published(model, options, inputs, params, stack)
        for name in progress(textures.captures, "export"):
            capture = captures[faces[name].photo]
            measured = None
            if "surface" in readers and name in readers["surface"].captures:
                measured = Measured(**{part: found[name] for part, found in readers.items()})
            head = capture, landmarks[name], fits[name], textures[name]
            told = (file[name] if name in file.captures else None for file in (albedos, highlights))
            appearance = Appearance(*told)
            exporter.write(folder / name, name, *head, measured, appearance)
            relief = measured.surface if measured else None
            write_published(folder / name, name, *head, faces[name], relief, appearance.albedo)
            write_provenance(folder / name, name, capture, common)
    files = {"texture": inputs.texture, "fit": inputs.fit}
    save_jpeg(outputs.sheet, stage_sheet("export", files, model))


def published(model, options, inputs, params, stack):
    """The function that writes a head's files of published systems; it does nothing for none."""
    if not options.published:
        return lambda *_: None
    exporter = PublishedExporter(model, options.published)
    texturing = TextureOptions(**params.texture)
    is_ready = texturing.method == "extract" or "3ddfa_v3" not in options.published
    texturing = dataclasses.replace(texturing, method="extract")
    chart = None if is_ready else prepare_chart(model, texturing.uv_size)
    parts = stack.enter_context(BatchReader(inputs.parts, Parts))
    codes = None
    if inputs.regression:
        codes = stack.enter_context(BatchReader(inputs.regression, Regression))

    def write(folder, name, capture, landmarks, fit, texture, face, relief, skin):
        if not is_ready:
            texture = blend_texture(model, capture, face, fit, options=texturing, chart=chart)
        code = codes[name] if codes else None
        found = PublishedInputs(capture, landmarks, fit, parts[name], texture, code, relief, skin)
        exporter.write(folder, name, found)

    return write


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
