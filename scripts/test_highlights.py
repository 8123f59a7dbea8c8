"""Test a network that takes highlights off: pictures and weights in, scores and pictures out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.highlights.judge import judge_highlights
from lib.training.highlights.options import HighlightTrainingOptions


def main(inputs, outputs, params):
    given = {"data": list(inputs.data), "test": list(inputs.test)}
    options = HighlightTrainingOptions(**params.options | given)
    device = pick_device(params.device)
    judge_highlights(options, str(inputs.weights), Path(outputs.folder), device)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
