"""Export heads: every artefact of a batch in, one folder per head out."""

from pathlib import Path

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, Landmarks, Texture
from lib.export import ExportOptions, HeadExporter
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
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.fit, FaceFit) as fits,
        BatchReader(inputs.texture, Texture) as textures,
    ):
        for name in progress(textures.captures, "export"):
            capture = captures[faces[name].photo]
            exporter.write(
                folder / name, name, capture, landmarks[name], fits[name], textures[name]
            )
    files = {"texture": inputs.texture, "fit": inputs.fit}
    save_jpeg(outputs.sheet, stage_sheet("export", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
