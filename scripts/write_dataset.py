"""Write a data set for training: what a run found in photos in, folders and lists out."""

import logging

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, SkinMask
from lib.log import progress, stage_log
from lib.training.dataset import DatasetOptions, DatasetWriter

log = logging.getLogger("write_dataset")


def main(inputs, outputs, params):
    writer = DatasetWriter(outputs.dataset, DatasetOptions(**params.options))
    files = zip(inputs.capture, inputs.faces, inputs.landmarks, inputs.skin, strict=True)
    for capture_file, faces_file, landmarks_file, skin_file in progress(list(files), "batches"):
        with (
            BatchReader(capture_file, Capture) as captures,
            BatchReader(faces_file, Faces) as faces,
            BatchReader(landmarks_file, Landmarks) as landmarks,
            BatchReader(skin_file, SkinMask) as skin,
        ):
            for row in skin.outcomes:
                if row.failed:
                    writer.leave_out(row)
                    continue
                name = row.capture
                capture = captures[faces[name].photo]
                writer.add(name, capture, faces[name], landmarks[name], skin[name])
    log.info("photos: %s", writer.finish())


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
