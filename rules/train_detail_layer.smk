"""The networks of the detail layer: photos for their training, and both trainings.

    snakemake --cores 8 train_detail_coarse --config photos=my_photos results=out
    snakemake --cores 8 train_detail_fine --config photos=my_photos results=out
    snakemake --cores 8 train_detail_coarse --config results=out 'synthesis={count: 2000}'

Needs: capture.h5, landmarks.h5, skin.h5, fit.h5, and parsing.h5 or parts.h5 of batches, or TFRecords
Makes: detail_dataset/ in the results; weights, weight card, curves and checkpoints in
resources/weights/. Never part of `all`. A training that was stopped goes on from its last
checkpoint. Several GPUs: docs/training.md.
"""

DETAIL_COARSE = (
    f"<resources>/weights/detail_layer_coarse_{Path(config['face_model']).stem}"
)
DETAIL_FINE = f"<resources>/weights/detail_layer_fine_{Path(config['face_model']).stem}"
DETAIL_LABELS = "parsing" if config["parsing"]["method"] != "none" else "parts"


rule write_detail_dataset:
    """Write crops, points and classes of this run's photos as the published training reads them."""
    input:
        capture=expand("<results>/{batch}/capture.h5", batch=BATCHES),
        faces=expand("<results>/{batch}/faces.h5", batch=BATCHES),
        landmarks=expand("<results>/{batch}/landmarks.h5", batch=BATCHES),
        skin=expand("<results>/{batch}/skin.h5", batch=BATCHES),
        fit=expand("<results>/{batch}/fit.h5", batch=BATCHES),
        labels=expand(f"<results>/{{batch}}/{DETAIL_LABELS}.h5", batch=BATCHES),
        model=face_model_file,
    output:
        dataset=directory("<results>/detail_dataset"),
    log:
        "<logs>/write_detail_dataset.log",
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=4 * 60,
    params:
        face_model=config["face_model"],
    message:
        "Writing the photos of this run as TFRecords for the detail layer"
    script:
        "../scripts/write_detail_dataset.py"


# Of the settings, else this run's photos, else made-up people. A run whose fit begins with these very
# networks cannot be what they learn from.
DETAIL_DATA = config["detail_training"]["data"] or (
    rules.write_detail_dataset.output.dataset
    if BATCHES and config["fit"]["method"] != "detail_layer"
    else expand(
        "<results>/synthetic/{world}/shard_{shard}.h5",
        world=WORLD,
        shard=shard_names(config["synthesis"]),
    )
)


rule train_detail_coarse:
    """Train the network that tells shape, albedo, pose and light of a photo."""
    input:
        data=DETAIL_DATA,
        start=weights_input(config, "detail_training", "coarse"),
        recognition=weights_input(config, "detail_training", "recognition"),
        model=face_model_file,
    output:
        weights=f"{DETAIL_COARSE}/coarse.pt",
        card=f"{DETAIL_COARSE}/card.json",
        table=f"{DETAIL_COARSE}/curves.csv",
        picture=f"{DETAIL_COARSE}/curves.png",
    log:
        "<resources>/logs/train_detail_coarse.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(12000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        face_model=config["face_model"],
        device=config["device"],
        options=config["detail_training"],
    message:
        "Training the detail layer's coarse network"
    script:
        "../scripts/train_detail_coarse.py"


rule train_detail_fine:
    """Train the network that tells the relief over the coarse face."""
    input:
        data=DETAIL_DATA,
        coarse=(
            weights_input(config, "detail_training", "coarse")
            if config["detail_training"]["coarse"]
            else rules.train_detail_coarse.output.weights
        ),
        start=weights_input(config, "detail_training", "fine"),
        model=face_model_file,
    output:
        weights=f"{DETAIL_FINE}/fine.pt",
        card=f"{DETAIL_FINE}/card.json",
        table=f"{DETAIL_FINE}/curves.csv",
        picture=f"{DETAIL_FINE}/curves.png",
    log:
        "<resources>/logs/train_detail_fine.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(16000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        face_model=config["face_model"],
        device=config["device"],
        options=config["detail_training"],
    message:
        "Training the detail layer's fine network"
    script:
        "../scripts/train_detail_fine.py"
