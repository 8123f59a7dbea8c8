"""Read the photos of one batch: rows of the ledger in, upright working images out."""

from lib.artefacts import BatchWriter, Capture, as_failure
from lib.captures import ImportOptions, import_capture
from lib.figures import stage_sheet
from lib.imaging import save_jpeg
from lib.log import progress, stage_log
from lib.planning import read_ledger


def main(inputs, outputs, params, wildcards):
    options = ImportOptions(**params.options)
    captures = read_ledger(inputs.batch).captures(wildcards.batch)
    with BatchWriter(outputs.capture, Capture, "import") as writer:
        for name, samples in progress(captures.items(), "import", len(captures)):
            try:
                writer.add(name, import_capture(samples, options))
            except Exception as error:
                writer.fail(name, as_failure(error, name))
    save_jpeg(outputs.sheet, stage_sheet("import", {"capture": outputs.capture}))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards)
