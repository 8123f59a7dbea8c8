"""Export heads: every artefact of a batch in, one folder per head out."""

import contextlib
from pathlib import Path

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    Displacement,
    FaceFit,
    Faces,
    Landmarks,
    Rig,
    Surface,
    Texture,
)
from lib.export import ExportOptions, HeadExporter, Measured
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import progress, stage_log


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    exporter = HeadExporter(model, ExportOptions(**params.options))
    folder = Path(outputs.heads)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.ExitStack() as stack,
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.fit, FaceFit) as fits,
        BatchReader(inputs.texture, Texture) as textures,
    ):
        # Batches of single photos have none of these.
        many = [
            stack.enter_context(BatchReader(file, kind))
            for file, kind in (
                (inputs.rig, Rig),
                (inputs.base, BaseMesh),
                (inputs.surface, Surface),
                (inputs.displacement, Displacement),
            )
            if file
        ]
        for name in progress(textures.captures, "export"):
            capture = captures[faces[name].photo]
            measured = Measured(*(reader[name] for reader in many)) if many else None
            exporter.write(
                folder / name,
                name,
                capture,
                landmarks[name],
                fits[name],
                textures[name],
                measured,
            )
    files = {"texture": inputs.texture, "fit": inputs.fit}
    save_jpeg(outputs.sheet, stage_sheet("export", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
