"""Collect outcomes: every artefact of every batch in, one table out."""

from pathlib import Path

from lib.log import stage_log
from lib.report import collect_status, write_status


def main(inputs, outputs, params):
    write_status(outputs.status, collect_status(map(Path, inputs)))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
