"""Find faces: working images in, boxes and five points out; several faces make several captures."""

from functools import partial
from pathlib import Path

from lib.artefacts import BatchReader, Capture, Faces, process_batch
from lib.detection import BatchDetector, DetectionOptions, find_faces, load_detector
from lib.devices import lease_gpus, pick_device
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.networks.ahead import Ahead, at_once


def main(inputs, outputs, params):
    options = DetectionOptions(**params.options)
    device = pick_device(params.device) if options.method == "retinaface" else "cpu"
    detector = load_detector(options, Path(inputs.detector).parent, device)
    with BatchReader(inputs.capture, Capture) as captures:
        if isinstance(detector, BatchDetector) and at_once(device) > 1:
            read = partial(captures.field, name="image")
            detector = Ahead(detector.detect_many, captures.captures, read)
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
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
