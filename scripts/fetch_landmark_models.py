"""Fetch the detector and landmark networks: pinned wheel in, network files and licence out."""

from pathlib import Path

from lib.errors import ConfigError
from lib.log import stage_log
from lib.networks import BLAZEFACE, FACE_MESH, fetch_landmark_models


def main(inputs, outputs, params):
    detector, mesh = Path(outputs.detector), Path(outputs.mesh)
    expected = (BLAZEFACE.file, FACE_MESH.file)
    if (detector.name, mesh.name) != expected or detector.parent != mesh.parent:
        raise ConfigError(f"outputs are {detector}, {mesh}; expected {expected} in one folder.")
    fetch_landmark_models(mesh.parent)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
