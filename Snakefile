"""visagraph: raw photos and multi-view captures of faces to detailed, textured, rigged 3D heads.

    snakemake --cores 8 --config photos=my_photos results=out
    snakemake --cores 8 --config samples=samples.tsv

Settings: config.yaml (what each means: docs/config.md). Stages: docs/architecture.md.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, str(Path(workflow.basedir)))

from lib.planning.presets import preset_file

if Path("config.yaml").exists():

    configfile: "config.yaml"


if config.get("preset"):

    configfile: preset_file(config["preset"], Path(workflow.basedir))


# Includes stand in the order in which data flow.
include: "rules/common.smk"


pathvars:
    results=config["results"],
    logs=f"{config['results']}/logs",
    benchmarks=f"{config['results']}/benchmarks",


include: "rules/resources.smk"
include: "rules/captures.smk"
include: "rules/faces.smk"
include: "rules/parsing.smk"
include: "rules/rig.smk"
include: "rules/fit.smk"
include: "rules/parts.smk"
include: "rules/surface.smk"
include: "rules/highlights.smk"
include: "rules/texture.smk"
include: "rules/albedo.smk"
include: "rules/displacement.smk"
include: "rules/export.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/purge.smk"
include: "rules/synthesise.smk"
include: "rules/dataset.smk"
include: "rules/training_data.smk"
include: "rules/train.smk"
include: "rules/train_albedo.smk"
include: "rules/train_detail_layer.smk"
include: "rules/train_displacement.smk"
include: "rules/train_highlights.smk"
include: "rules/train_shading.smk"


rule all:
    """Every head, scores of those that have a truth, the table of outcomes, report and provenance."""
    default_target: True
    input:
        expand("<results>/{batch}/export", batch=BATCHES),
        expand("<results>/{batch}/scores.h5", batch=SCORED),
        expand("<results>/{batch}/relocated", batch=RELOCATED),
        "<results>/status.tsv",
        "<results>/report.html",
        "<results>/provenance.json",


report: "workflow/report/workflow.rst"


onstart:
    remember_batches()
    wake_once(workflow.scheduler)


onsuccess:
    show_summary()
