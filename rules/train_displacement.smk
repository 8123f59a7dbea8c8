"""Training of the network of `displacement.method: learned`; never part of `all`.

    snakemake --cores 8 train_displacement --config results=out \\
        'synthesis={count: 24, maps_px: 2048, texture_px: 2048}'

Needs: shards of Truth with fine surface maps
Makes: weights, weight card, curves and checkpoints in resources/weights/. A training that was
stopped goes on from its last checkpoint.
"""


rule train_displacement:
    """Train the network that tells fine relief from textures."""
    input:
        data=training_data,
        model=face_model_file,
    output:
        weights="<resources>/weights/displacement_learned/relief.pt",
        card="<resources>/weights/displacement_learned/card.json",
        table="<resources>/weights/displacement_learned/curves.csv",
        picture="<resources>/weights/displacement_learned/curves.png",
    log:
        "<resources>/logs/train_displacement_learned.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(6000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["training"],
    message:
        "Training the relief network"
    script:
        "../scripts/train_displacement.py"
