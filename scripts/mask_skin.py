"""Tell bare skin from the rest: working images and landmarks in, probabilities out."""

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, SkinMask, process_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.skin import SkinOptions, mask_skin


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = SkinOptions(**params.options)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
    ):

        def mask(name):
            face = faces[name]
            yield name, mask_skin(model, captures[face.photo], face, landmarks[name], options)

        process_batch(landmarks, outputs.skin, SkinMask, "skin", mask)
    files = {"capture": inputs.capture, "faces": inputs.faces, "skin": outputs.skin}
    save_jpeg(outputs.sheet, stage_sheet("skin", files))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
