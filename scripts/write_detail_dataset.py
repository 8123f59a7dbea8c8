"""Write TFRecords for the detail layer: what a run found in photos in, a folder of records out."""

import logging
from pathlib import Path

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, Landmarks, Parsing, Parts, SkinMask
from lib.facemodel import load_face_model
from lib.log import progress, stage_log
from lib.training.detail_layer.dataset import DetailDatasetWriter

log = logging.getLogger("write_detail_dataset")


def main(inputs, outputs, params):
    model = load_face_model(str(inputs.get("model") or params.face_model))
    writer = DetailDatasetWriter(outputs.dataset)
    names = ("capture", "faces", "landmarks", "skin", "fit", "labels")
    for files in progress(list(zip(*(inputs[name] for name in names), strict=True)), "batches"):
        add_batch(writer, model, *files)
    log.info("records: %s", writer.finish())


def add_batch(
    writer, model, capture_file, faces_file, landmarks_file, skin_file, fit_file, labels_file
):
    """All captures of a batch; what failed at any stage is noted."""
    parsed = Path(labels_file).name == "parsing.h5"
    with (
        BatchReader(capture_file, Capture) as captures,
        BatchReader(faces_file, Faces) as faces,
        BatchReader(landmarks_file, Landmarks) as landmarks,
        BatchReader(skin_file, SkinMask) as skin,
        BatchReader(fit_file, FaceFit) as fits,
        BatchReader(labels_file, Parsing if parsed else Parts) as told,
        writer.batch(Path(capture_file).parent.name) as records,
    ):
        missing = {row.capture: row for row in told.outcomes if row.failed}
        for row in fits.outcomes:
            row = missing.get(row.capture, row)
            if row.failed:
                writer.leave_out(row.capture, row.outcome, row.reason)
                continue
            name, parts = row.capture, told[row.capture]
            records.add(
                model,
                name,
                captures[faces[name].photo],
                landmarks[name],
                skin[name],
                fits[name],
                parts.label if parsed else parts.visible,
            )


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
