"""A synthetic world: captures of made-up people whose truth is known, for training and evaluation.

    snakemake --cores 8 synthesise --config results=out
    snakemake --cores 8 --config samples=out/synthetic/makehuman_photo_0/samples.tsv results=out

Needs: a face model      Makes: shards of Truth, photos and a sample sheet; never part of `all`
"""

from lib.planning.synthesis import shard_names, world_name

WORLD = world_name(config["face_model"], config["synthesis"])


rule draw_shard:
    """Draw the captures of one shard, with photos as files and all that is true about them."""
    input:
        model=face_model_file,
    output:
        shard="<results>/synthetic/{world}/shard_{shard}.h5",
        photos=directory("<results>/synthetic/{world}/photos_{shard}"),
        sheet=report(
            "<results>/synthetic/{world}/sheets/{shard}.jpg",
            caption="../workflow/report/synthesise.rst",
            category="9 Synthetic world",
            labels={"shard": "{shard}"},
        ),
    log:
        "<logs>/draw_shard/{world}_{shard}.log",
    benchmark:
        "<benchmarks>/draw_shard/{world}_{shard}.tsv"
    wildcard_constraints:
        shard=r"\d{4}",
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=4 * 60,
        gpu=GPUS,
    params:
        version=VERSION["truth"],
        face_model=config["face_model"],
        device=config["device"],
        options=settings_of_shard,
        shard=number_of_shard,
    message:
        "Drawing shard {wildcards.shard} of {wildcards.world}"
    script:
        "../scripts/draw_shard.py"


rule synthesise:
    """One sample sheet of a whole world."""
    input:
        shards=expand(
            "<results>/synthetic/{world}/shard_{shard}.h5",
            world=WORLD,
            shard=shard_names(config["synthesis"]),
        ),
        photos=expand(
            "<results>/synthetic/{world}/photos_{shard}",
            world=WORLD,
            shard=shard_names(config["synthesis"]),
        ),
    output:
        samples=f"<results>/synthetic/{WORLD}/samples.tsv",
    log:
        f"<logs>/synthesise/{WORLD}.log",
    conda:
        TORCH_ENV
    message:
        "Listing the captures of a synthetic world"
    script:
        "../scripts/synthesise.py"


rule draw_demo_capture:
    """The demo's capture of eight views, whose truth lets the report show errors in mm."""
    output:
        shard="<resources>/demo/octet.h5",
        photos=directory("<resources>/demo/octet"),
        sheet="<resources>/demo/octet.jpg",
    log:
        "<resources>/logs/draw_demo_capture.log",
    conda:
        TORCH_ENV
    params:
        version=VERSION["truth"],
        face_model="makehuman",
        device="cpu",
        options=config["synthesis"]
        | {
            "kind": "octet",
            "seed": 1,
            "count": 1,
            "height_px": 640,
            "width_px": 480,
        },
        shard=0,
    message:
        "Drawing the demo's capture of eight views"
    script:
        "../scripts/draw_shard.py"
