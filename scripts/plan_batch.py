"""List the photos of one batch: rows of the ledger in, a table of that batch out."""

from lib.log import stage_log
from lib.planning import Ledger, read_ledger
from lib.planning.ledger import write_ledger


def main(inputs, outputs, params, wildcards):
    ledger = read_ledger(params.ledger, {wildcards.batch})
    # Without truths: what a capture is compared with must not run the stages before that again.
    write_ledger(outputs.batch, Ledger(tuple(row.photo for row in ledger.rows)))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards)
