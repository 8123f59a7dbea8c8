"""The UV network of `albedo.method: face_texture` and `learned`: its training and its test.

    snakemake --cores 8 train_albedo --config preset=face_texture photos=my_photos results=out
    snakemake --cores 8 test_albedo --config preset=face_texture photos=my_photos results=out
    snakemake --cores 8 train_albedo --config results=out 'synthesis={count: 2000, yaw_deg: 45}' \\
        'albedo_training={method: learned, percep: 0}'

Needs: capture.h5, faces.h5, skin.h5, fit.h5 and highlights.h5 of batches, or shards of Truth of single photos
Makes: weights, weight card, curves, checkpoints, and of the test a table and pictures, in
resources/weights/. Never part of `all`. A training that was stopped goes on from its last
checkpoint; weights are replaced only by better ones.
"""

ALBEDO = f"<resources>/weights/albedo_{config['albedo_training']['method']}_{Path(config['face_model']).stem}"
ALBEDO_STAGES = ["capture", "faces", "skin", "fit", "highlights"]
# Of the settings, else this run's photos, else made-up people.
ALBEDO_DATA = config["albedo_training"]["data"] or (
    expand("<results>/{batch}/{stage}.h5", batch=BATCHES, stage=ALBEDO_STAGES)
    if BATCHES
    else expand(
        "<results>/synthetic/{world}/shard_{shard}.h5",
        world=WORLD,
        shard=shard_names(config["synthesis"]),
    )
)


rule train_albedo:
    """Train the network that tells albedo and light of a face's unwrapped photo."""
    input:
        data=ALBEDO_DATA,
        start=weights_input(config, "albedo_training", "start"),
        recognition=weights_input(config, "albedo_training", "recognition"),
        model=face_model_file,
        detector=ancient(rules.fetch_landmark_models.output.detector),
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
    output:
        weights=f"{ALBEDO}/albedo.pt",
        card=f"{ALBEDO}/card.json",
        table=f"{ALBEDO}/curves.csv",
        picture=f"{ALBEDO}/curves.png",
    log:
        f"<resources>/logs/train_albedo_{config['albedo_training']['method']}.log",
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
        options=config["albedo_training"],
    message:
        "Training the albedo network ({params.options[method]})"
    script:
        "../scripts/train_albedo.py"


rule test_albedo:
    """Judge the albedo network on photos that its training keeps out."""
    input:
        data=ALBEDO_DATA,
        weights=rules.train_albedo.output.weights,
        model=face_model_file,
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
    output:
        table=f"{ALBEDO}/test/scores.tsv",
        pictures=directory(f"{ALBEDO}/test/pictures"),
    log:
        f"<resources>/logs/test_albedo_{config['albedo_training']['method']}.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(6000),
        runtime=4 * 60,
        gpu=GPUS,
    params:
        face_model=config["face_model"],
        device=config["device"],
        options=config["albedo_training"],
    message:
        "Judging the albedo network ({params.options[method]})"
    script:
        "../scripts/test_albedo.py"
