"""Captures: which photos make a batch, and the photos themselves.

Needs: the photos      Makes: batch.tsv (rows of the ledger), capture.h5 (Capture)

Later stages have a higher priority: a batch that is begun is finished first, and heads come early.
"""


localrules:
    plan_batch,


rule plan_batch:
    """List the photos of a batch; runs again only when one of them changes."""
    input:
        after_kill,
    output:
        batch="<results>/{batch}/batch.tsv",
    log:
        "<logs>/plan_batch/{batch}.log",
    conda:
        TORCH_ENV
    params:
        ledger=str(LEDGER_FILE),
        digest=digest_of_batch,
    message:
        "Planning {wildcards.batch}"
    script:
        "../scripts/plan_batch.py"


rule import_capture:
    """Read photos of every kind: upright, sRGB, at a working size, with what EXIF tells."""
    input:
        batch=rules.plan_batch.output.batch,
    output:
        capture="<results>/{batch}/capture.h5",
        sheet=report(
            "<results>/{batch}/sheets/import.jpg",
            caption="../workflow/report/import.rst",
            category="1 Photos",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/import_capture/{batch}.log",
    benchmark:
        "<benchmarks>/import_capture/{batch}.tsv"
    priority: 1
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=minutes_of("import_capture"),
    params:
        version=VERSION["capture"],
        options=config["import"],
    message:
        "Reading the photos of {wildcards.batch}"
    script:
        "../scripts/import_capture.py"
