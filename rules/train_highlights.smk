"""The networks that take highlights off photos: their training and their test; never part of `all`.

    snakemake --cores 8 train_highlights --config preset=highlights 'highlight_training={data: [SHIQ/train], test: [SHIQ/test]}'
    snakemake --cores 8 test_highlights --config preset=highlights results=out \\
        'highlight_training={test: [SHIQ/test], weights: unet.pt, save_images: true}'

Needs: folders laid out like SHIQ, or shards of Truth
Makes: weights, weight card, curves and checkpoints in resources/weights/; scores and pictures in
highlight_test/ of the results. A training that was stopped goes on from its last checkpoint.
"""

HIGHLIGHTS = f"<resources>/weights/highlights_{config['highlight_training']['method']}"
# Of the settings, else made-up people. A test with weights and pictures of its own needs neither.
HIGHLIGHT_DATA = config["highlight_training"]["data"] or expand(
    "<results>/synthetic/{world}/shard_{shard}.h5",
    world=WORLD,
    shard=shard_names(config["synthesis"]),
)


rule train_highlights:
    """Train the network that finds highlights and takes them off."""
    input:
        data=HIGHLIGHT_DATA,
        test=config["highlight_training"]["test"],
        start=weights_input(config, "highlight_training", "start"),
        vgg=weights_input(config, "highlight_training", "vgg"),
    output:
        weights=f"{HIGHLIGHTS}/highlights.pt",
        card=f"{HIGHLIGHTS}/card.json",
        table=f"{HIGHLIGHTS}/curves.csv",
        picture=f"{HIGHLIGHTS}/curves.png",
    log:
        f"<resources>/logs/train_highlights_{config['highlight_training']['method']}.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(8000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["highlight_training"],
    message:
        "Training a highlight network ({params.options[method]})"
    script:
        "../scripts/train_highlights.py"


rule test_highlights:
    """Score a highlight network on pictures that it did not learn from, and show its answers."""
    input:
        data=[] if config["highlight_training"]["test"] else HIGHLIGHT_DATA,
        test=config["highlight_training"]["test"],
        weights=(
            weights_input(config, "highlight_training")
            if config["highlight_training"]["weights"]
            else rules.train_highlights.output.weights
        ),
    output:
        folder=directory("<results>/highlight_test"),
    log:
        "<logs>/test_highlights.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(4000),
        runtime=4 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["highlight_training"],
    message:
        "Testing a highlight network ({params.options[method]})"
    script:
        "../scripts/test_highlights.py"
