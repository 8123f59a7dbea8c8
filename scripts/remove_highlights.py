"""Remove highlights: photos, fits and, of many views, surfaces in; matte pictures out."""

from contextlib import ExitStack

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Rig,
    SkinMask,
    Surface,
    process_batch,
)
from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import stage_sheet
from lib.highlights import HighlightOptions, HighlightTools, remove_highlights
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.uvspace.measured import Measured

OF_ALL = {"capture": Capture, "faces": Faces, "skin": SkinMask, "fit": FaceFit}
OF_MANY_VIEWS = {"rig": Rig, "base": BaseMesh, "surface": Surface}


def main(inputs, outputs, params):
    model = load_face_model(inputs.model or params.face_model)
    options = HighlightOptions(**params.options)
    device = "cpu" if options.method == "dichromatic" else pick_device(params.device)
    tools = HighlightTools.load(options, device)
    many = bool(inputs.get("surface"))  # batches of single photos have none
    kinds = OF_ALL | OF_MANY_VIEWS if many else OF_ALL
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(BatchReader(inputs.get(name), kind))
            for name, kind in kinds.items()
        }

        def remove(name):
            capture = files["capture"][files["faces"][name].photo]
            measured = Measured(*(files[stage][name] for stage in OF_MANY_VIEWS)) if many else None
            seen = capture, files["fit"][name], files["skin"][name]
            yield name, remove_highlights(model, *seen, options, tools, measured)

        last = files["surface" if many else "fit"]
        process_batch(last, outputs.highlights, Highlights, "highlights", remove)
    shown = {"highlights": outputs.highlights, "capture": inputs.capture, "faces": inputs.faces}
    save_jpeg(outputs.sheet, stage_sheet("highlights", shown))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
