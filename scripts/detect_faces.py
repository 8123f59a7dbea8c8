"""Find faces: working images in, boxes and five points out; several faces make several captures."""

from pathlib import Path

from lib.artefacts import BatchReader, Capture, Faces, process_batch
from lib.detection import DetectionOptions, find_faces, load_detector
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log


def main(inputs, outputs, params):
    options = DetectionOptions(**params.options)
    detector = load_detector(options, Path(inputs.detector).parent)
    with BatchReader(inputs.capture, Capture) as captures:
        process_batch(
            captures,
            outputs.faces,
            Faces,
            "detect",
            lambda name: find_faces(name, captures[name], detector, options),
        )
    files = {"capture": inputs.capture, "faces": outputs.faces}
    save_jpeg(outputs.sheet, stage_sheet("detect", files))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
