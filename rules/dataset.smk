"""A data set for training from the photos of a run; never part of `all`.

    snakemake --cores 8 write_dataset --config photos=my_photos results=out

Needs: capture.h5, faces.h5, landmarks.h5, skin.h5 of every batch
Makes: dataset/ in the layout of Deep3DFaceRecon's data preparation: docs/published_systems.md
"""


rule write_dataset:
    """Write photos, five and 68 points, skin masks and lists as published training reads them."""
    input:
        capture=expand("<results>/{batch}/capture.h5", batch=BATCHES),
        faces=expand("<results>/{batch}/faces.h5", batch=BATCHES),
        landmarks=expand("<results>/{batch}/landmarks.h5", batch=BATCHES),
        skin=expand("<results>/{batch}/skin.h5", batch=BATCHES),
    output:
        dataset=directory("<results>/dataset"),
    log:
        "<logs>/write_dataset.log",
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=4 * 60,
    params:
        options=config["dataset"],
    message:
        "Writing the photos of this run as a data set for training"
    script:
        "../scripts/write_dataset.py"
