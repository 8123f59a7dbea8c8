"""Train the albedo network: fitted photos or made-up people in, weights, card and curves out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.albedo.data import places_of
from lib.training.albedo.options import AlbedoTrainingOptions
from lib.training.albedo.run import train_albedo


def main(inputs, outputs, params):
    options = AlbedoTrainingOptions(**params.options | {"data": places_of(inputs.data)})
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or params.face_model)
    train_albedo(options, folder, pick_device(params.device), model, Path(inputs.mesh).parent)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
