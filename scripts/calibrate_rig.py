"""Bring the cameras of captures into one metric frame: views and landmarks in, rigs out."""

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, Rig, SkinMask, process_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.rig import RigOptions, calibrate_rig


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = RigOptions(**params.options)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
        BatchReader(inputs.skin, SkinMask) as skin,
    ):

        def calibrate(name):
            capture = captures[faces[name].photo]
            yield name, calibrate_rig(model, name, capture, landmarks[name], options)

        process_batch(skin, outputs.rig, Rig, "rig", calibrate)
    names = ("capture", "faces", "landmarks")
    files = {name: getattr(inputs, name) for name in names} | {"rig": outputs.rig}
    save_jpeg(outputs.sheet, stage_sheet("rig", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
