"""Taking a person out of the results. No part of `all`.

snakemake --cores 1 purge_subject --config purge=anna results=out
"""


localrules:
    purge_subject,


rule purge_subject:
    """Remove every file that was derived from a person's photos."""
    log:
        "<results>/purge.log",
    conda:
        TORCH_ENV
    params:
        results=config["results"],
        subject=config["purge"],
    message:
        "Removing what was derived from the photos of {params.subject}"
    script:
        "../scripts/purge_subject.py"
