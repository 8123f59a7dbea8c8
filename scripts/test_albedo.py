"""Judge the albedo network: photos that training kept out in, errors and pictures out."""

from pathlib import Path

from lib.devices import lease_gpus, pick_device
from lib.log import stage_log
from lib.training.albedo.data import places_of
from lib.training.albedo.judge import JudgedFiles, judge_albedo
from lib.training.albedo.options import AlbedoTrainingOptions


def main(inputs, outputs, params):
    options = AlbedoTrainingOptions(**params.options | {"data": places_of(inputs.data)})
    model = str(inputs.get("model") or params.face_model)
    files = JudgedFiles(Path(inputs.weights), Path(outputs.table), Path(outputs.pictures))
    folder, landmark_models = files.weights.parent, Path(inputs.mesh).parent
    judge_albedo(options, folder, pick_device(params.device), model, landmark_models, files)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]), lease_gpus(snakemake.resources.get("gpu", 0)):
        main(snakemake.input, snakemake.output, snakemake.params)
