"""List the captures of a synthetic world: the sheets of its shards in, one sheet out."""

from lib.log import stage_log
from lib.synthesis import join_samples


def main(inputs, outputs, params):
    join_samples(inputs.photos, outputs.samples)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
