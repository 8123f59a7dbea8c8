"""Train our face parser: synthetic photos with truth in, weights out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.options import TrainingOptions
from lib.training.run import train_parser


def main(inputs, outputs, params):
    options = TrainingOptions(**params.options | {"data": list(inputs.data)})
    train_parser(options, Path(outputs.weights).parent, pick_device(params.device))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
