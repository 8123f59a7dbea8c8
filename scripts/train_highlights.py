"""Train a network that takes highlights off: pictures in, weights, card and curves out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.highlights.options import HighlightTrainingOptions
from lib.training.highlights.run import train_highlights


def main(inputs, outputs, params):
    given = {"data": list(inputs.data), "test": list(inputs.test)}
    options = HighlightTrainingOptions(**params.options | given)
    train_highlights(options, Path(outputs.weights).parent, pick_device(params.device))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
