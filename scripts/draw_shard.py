"""Draw a shard of a synthetic world: settings in, truth, photos and a contact sheet out."""

from lib.devices import lease_gpus, pick_device
from lib.facemodel import load_face_model
from lib.figures import synthetic_sheet
from lib.imaging import save_jpeg
from lib.log import stage_log
from lib.synthesis import SynthesisOptions, open_studio, write_shard


def main(inputs, outputs, params):
    studio = open_studio(load_face_model(inputs.get("model") or params.face_model))
    options = SynthesisOptions(**params.options)
    device = pick_device(params.device)
    write_shard(studio, options, params.shard, outputs.shard, outputs.photos, device)
    save_jpeg(outputs.sheet, synthetic_sheet(outputs.shard))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
