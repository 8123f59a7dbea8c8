"""Training of the network of `shading.method: learned`; never part of `all`.

    snakemake --cores 8 train_shading --config results=out \\
        'synthesis={count: 600, height_px: 768, width_px: 768, yaw_deg: 45, wrinkles: 3,
                    expressions: balanced, maps_px: 1024}'

Needs: shards of Truth of single photos
Makes: weights, weight card, curves and checkpoints in resources/weights/. A training that was
stopped goes on from its last checkpoint; weights are replaced only by better ones.
"""


rule train_shading:
    """Train the network that reads relief off the shading of a photo."""
    input:
        data=training_data,
        model=face_model_file,
        detector=ancient(rules.fetch_landmark_models.output.detector),
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
    output:
        weights="<resources>/weights/shading_learned/relief.pt",
        card="<resources>/weights/shading_learned/card.json",
        table="<resources>/weights/shading_learned/curves.csv",
        picture="<resources>/weights/shading_learned/curves.png",
    log:
        "<resources>/logs/train_shading_learned.log",
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
        "Training the shading network"
    script:
        "../scripts/train_shading.py"
