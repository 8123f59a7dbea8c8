"""Read coefficients off a batch: photos and points in, a network's codes and their crops out."""

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, Regression, process_batch
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.networks.ahead import Ahead, at_once
from lib.regression import RegressionOptions, Regressor, align_views, regress_capture


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = RegressionOptions(**params.options)
    regressor = Regressor.load(inputs.weights or "", model, pick_device(params.device))
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
    ):

        def read(name):
            face = faces[name]
            seen = captures[face.photo], face, landmarks[name]
            return align_views(*seen, options, regressor.system).pictures

        full = at_once(regressor.device) > 1
        ahead = Ahead(regressor.many, landmarks.captures, read) if full else None

        def work(name):
            face, points = faces[name], landmarks[name]
            capture = captures[face.photo]
            yield name, regress_capture(capture, face, points, regressor, options, ahead, name)

        process_batch(landmarks, outputs.regression, Regression, "regression", work)
    files = {"capture": inputs.capture, "faces": inputs.faces, "regression": outputs.regression}
    save_jpeg(outputs.sheet, stage_sheet("regression", files, model))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
