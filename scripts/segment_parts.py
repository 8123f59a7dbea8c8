"""Segment parts: fitted faces in, labels of their pixels and dense landmarks out."""

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, Parts, process_batch
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.segmentation import SegmentationOptions, part_surfaces, segment_parts


def main(inputs, outputs, params):
    surfaces = part_surfaces(load_face_model(inputs.model or params.face_model))
    options = SegmentationOptions(**params.options)
    with (
        BatchReader(inputs.capture, Capture) as captures,
        BatchReader(inputs.faces, Faces) as faces,
        BatchReader(inputs.fit, FaceFit) as fits,
    ):

        def segment(name):
            capture = captures[faces[name].photo]
            yield name, segment_parts(surfaces, capture, fits[name], options)

        process_batch(fits, outputs.parts, Parts, "parts", segment)
    files = {"capture": inputs.capture, "faces": inputs.faces, "parts": outputs.parts}
    save_jpeg(outputs.sheet, stage_sheet("parts", files))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
