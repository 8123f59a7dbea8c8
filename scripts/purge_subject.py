"""Take a person out of a results folder: a name in, their files and those shared with them gone."""

from lib.log import stage_log
from lib.planning.purge import purge_report, purge_subject


def main(inputs, outputs, params):
    print(purge_report(purge_subject(params.results, params.subject)))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
