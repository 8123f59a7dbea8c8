"""Train the shading network: photos with truth in, weights, card and curves out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.options import TrainingOptions
from lib.training.shading import train_shading


def main(inputs, outputs, params):
    options = TrainingOptions(**params.options | {"data": list(inputs.data)})
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or "")
    landmark_models = Path(inputs.mesh).parent
    train_shading(options, folder, pick_device(params.device), landmark_models, model)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
