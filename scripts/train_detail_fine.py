"""Train the detail layer's fine network: TFRecords and the coarse network in, weights out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.detail_layer.options import DetailTrainingOptions
from lib.training.detail_layer.run import train_detail_fine


def main(inputs, outputs, params):
    data = [inputs.data] if isinstance(inputs.data, str) else list(inputs.data)
    given = params.options | {"data": data, "coarse": str(inputs.coarse)}
    options = DetailTrainingOptions(**given)
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or params.face_model)
    train_detail_fine(options, folder, pick_device(params.device), model)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
