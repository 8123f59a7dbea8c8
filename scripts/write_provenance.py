"""Write the run's provenance: photos, software, models, licences and the hash of every head."""

from pathlib import Path

from lib.export import origins
from lib.log import stage_log
from lib.report import write_run_provenance


def main(inputs, outputs, params):
    common = origins(inputs.model or params.face_model, params.stages)
    write_run_provenance(Path(outputs.provenance), params.batches, common)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
