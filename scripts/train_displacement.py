"""Train the relief network: captures with truth in, weights, card and curves out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.displacement import train_displacement
from lib.training.options import TrainingOptions


def main(inputs, outputs, params):
    options = TrainingOptions(**params.options | {"data": list(inputs.data)})
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or "")
    train_displacement(options, folder, pick_device(params.device), model)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
