"""Training of networks on captures whose truth is known; never part of `all`.

    snakemake --cores 8 train_implicit --config results=out 'synthesis={kind: octet, count: 200}'
    snakemake --cores 8 train_regularise --config results=out 'synthesis={kind: octet, count: 200}'
    snakemake --cores 8 train_coarse --config preset=deep3d photos=my_photos results=out

Needs: shards of Truth or FaceScape folders; of train_coarse also batches of a run on photos
Makes: weights, weight card, curves and checkpoints in resources/weights/. A training that was
stopped goes on from its last checkpoint. Several GPUs: docs/training.md.
"""

TRAINED = f"<resources>/weights/implicit_{config['training']['method']}"
REGULARISED = f"<resources>/weights/regularise_{config['training']['method']}"
IMPLICIT_WEIGHTS = {"learned": "matcher.pt", "mvfr": "checkpoint_if.pkl"}
REGULARISE_WEIGHTS = {"learned": "smoother.pt", "mvfr": "checkpoint_reg.pkl"}


rule train_implicit:
    """Train the network that tells where several views see one surface."""
    input:
        data=training_data,
        model=face_model_file,
    output:
        weights=f"{TRAINED}/{IMPLICIT_WEIGHTS[config['training']['method']]}",
        card=f"{TRAINED}/card.json",
        table=f"{TRAINED}/curves.csv",
        picture=f"{TRAINED}/curves.png",
    log:
        f"<resources>/logs/train_implicit_{config['training']['method']}.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(16000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["training"],
    message:
        "Training the implicit function ({params.options[method]})"
    script:
        "../scripts/train_implicit.py"


rule train_regularise:
    """Train the network that finds the surface in a volume of responses."""
    input:
        data=training_data,
        implicit=(
            []
            if config["training"]["responses"]
            else rules.train_implicit.output.weights
        ),
        responses=config["training"]["responses"],
        model=face_model_file,
    output:
        weights=f"{REGULARISED}/{REGULARISE_WEIGHTS[config['training']['method']]}",
        card=f"{REGULARISED}/card.json",
        table=f"{REGULARISED}/curves.csv",
        picture=f"{REGULARISED}/curves.png",
    log:
        f"<resources>/logs/train_regularise_{config['training']['method']}.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(16000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["training"],
    message:
        "Training the regulariser ({params.options[method]})"
    script:
        "../scripts/train_regularise.py"


COARSE = f"<resources>/weights/coarse_{config['coarse_training']['backbone']}_{Path(config['face_model']).stem}"


rule train_coarse:
    """Train the network that reads a head model's coefficients off aligned crops."""
    input:
        data=coarse_data,
        start=weights_input(config, "coarse_training", "start"),
        recognition=weights_input(config, "coarse_training", "recognition"),
        model=face_model_file,
    output:
        weights=f"{COARSE}/net_recon.pth",
        card=f"{COARSE}/card.json",
        table=f"{COARSE}/curves.csv",
        picture=f"{COARSE}/curves.png",
    log:
        f"<resources>/logs/train_coarse_{config['coarse_training']['backbone']}.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(8000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        face_model=config["face_model"],
        device=config["device"],
        options=config["coarse_training"],
    message:
        "Training a regressor of {params.face_model} coefficients"
    script:
        "../scripts/train_coarse.py"


rule train_parser:
    """Train the network that tells the parts of a face on photos."""
    input:
        data=training_data,
    output:
        weights="<resources>/weights/parser_learned/parser.pt",
        card="<resources>/weights/parser_learned/card.json",
        table="<resources>/weights/parser_learned/curves.csv",
        picture="<resources>/weights/parser_learned/curves.png",
    log:
        "<resources>/logs/train_parser_learned.log",
    conda:
        TORCH_ENV
    threads: workflow.cores or 1
    resources:
        mem_mb=more_each_try(8000),
        runtime=24 * 60,
        gpu=GPUS,
    params:
        device=config["device"],
        options=config["training"],
    message:
        "Training the face parser"
    script:
        "../scripts/train_parser.py"
