"""Measure landmarks: faces in, points with their sigma out."""

from pathlib import Path

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, process_batch
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.landmarks import (
    BatchLandmarker,
    LandmarkOptions,
    faces_on_photos,
    find_landmarks,
    load_landmarker,
)
from lib.log import stage_log
from lib.networks.ahead import Ahead, at_once


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = LandmarkOptions(**params.options)
    device = pick_device(params.device) if options.method == "points106" else "cpu"
    landmarker = load_landmarker(options, Path(inputs.mesh).parent, model, device)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
    ):
        ahead = None
        if isinstance(landmarker, BatchLandmarker) and at_once(device) > 1:

            def read(name):
                return faces_on_photos(captures[faces[name].photo], faces[name])

            ahead = Ahead(landmarker.find_many, faces.captures, read)

        def measure(name):
            face = faces[name]
            yield name, find_landmarks(captures[face.photo], face, landmarker, ahead, name)

        process_batch(faces, outputs.landmarks, Landmarks, "landmarks", measure)
    files = {"capture": inputs.capture, "faces": inputs.faces, "landmarks": outputs.landmarks}
    save_jpeg(outputs.sheet, stage_sheet("landmarks", files))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
