"""Train a regulariser: captures with truth and an implicit function or volumes in, weights out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.options import TrainingOptions
from lib.training.run import train_regularise


def main(inputs, outputs, params):
    found = {"data": list(inputs.data), "responses": list(inputs.get("responses") or [])}
    options = TrainingOptions(**params.options | found)
    implicit = Path(inputs.implicit) if inputs.get("implicit") else None
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or "")
    train_regularise(options, folder, pick_device(params.device), implicit, model)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
