"""Tell the parts of the face on photos: working images and landmarks in, labels out."""

from lib.artefacts import BatchReader, Capture, Faces, Landmarks, Parsing, process_batch
from lib.devices import lease_gpus, pick_device
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.parsing import FaceParser, ParsingOptions, parse_parts


def main(inputs, outputs, params):
    options = ParsingOptions(**params.options)
    parser = FaceParser.load(options, pick_device(params.device))
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.landmarks, Landmarks) as landmarks,
    ):

        def parse(name):
            capture = captures[faces[name].photo]
            yield name, parse_parts(capture, landmarks[name], parser, options)

        process_batch(landmarks, outputs.parsing, Parsing, "parsing", parse)
    files = {"capture": inputs.capture, "faces": inputs.faces, "parsing": outputs.parsing}
    save_jpeg(outputs.sheet, stage_sheet("parsing", files))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
