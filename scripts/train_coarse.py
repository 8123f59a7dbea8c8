"""Train a coefficient regressor: crops of photos or made-up people in, weights and card out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.coarse import CoarseOptions
from lib.training.coarse.run import train_coarse


def main(inputs, outputs, params):
    options = CoarseOptions(**params.options | {"data": named(inputs.data)})
    folder, model = Path(outputs.weights).parent, str(inputs.get("model") or params.face_model)
    train_coarse(options, folder, pick_device(params.device), model)


def named(files):
    """Shards, and the folders of batches, whose files come one by one; each once."""
    stages = {"capture.h5", "faces.h5", "landmarks.h5", "skin.h5", "parsing.h5"}
    places = [str(Path(f).parent) if Path(f).name in stages else str(f) for f in files]
    return list(dict.fromkeys(places))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
