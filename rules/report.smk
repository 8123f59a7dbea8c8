"""Report: what became of every photo, and all of it on one page.

Needs: the outcome rows of every artefact      Makes: status.tsv, report.html, provenance.json
"""


rule collect_status:
    """One row per capture and stage: ok, or why not."""
    input:
        capture=expand("<results>/{batch}/capture.h5", batch=BATCHES),
        faces=expand("<results>/{batch}/faces.h5", batch=BATCHES),
        landmarks=expand("<results>/{batch}/landmarks.h5", batch=BATCHES),
        skin=expand("<results>/{batch}/skin.h5", batch=BATCHES),
        fit=expand("<results>/{batch}/fit.h5", batch=BATCHES),
        texture=expand("<results>/{batch}/texture.h5", batch=BATCHES),
        albedo=expand("<results>/{batch}/albedo.h5", batch=BATCHES),
        parts=if_published(expand("<results>/{batch}/parts.h5", batch=BATCHES)),
        many_views=expand(
            "<results>/{batch}/{artefact}.h5",
            batch=filter(has_many_views, BATCHES),
            artefact=["rig", "base", "volume", "displacement"],
        ),
        surface=expand(
            "<results>/{batch}/surface.h5", batch=filter(has_surface, BATCHES)
        ),
        heads=expand("<results>/{batch}/export", batch=BATCHES),
    output:
        status="<results>/status.tsv",
    log:
        "<logs>/collect_status.log",
    conda:
        TORCH_ENV
    params:
        batches=BATCHES,
    message:
        "Collecting outcomes"
    script:
        "../scripts/collect_status.py"


rule write_report:
    """A page that opens offline: every stage, every failure, seconds, and each head in 3D."""
    input:
        status=rules.collect_status.output.status,
        heads=expand("<results>/{batch}/export", batch=BATCHES),
        scores=expand("<results>/{batch}/scores.h5", batch=SCORED),
        model=face_model_file,
    output:
        page="<results>/report.html",
        timings="<results>/timings.tsv",
        summary="<logs>/summary.txt",
    log:
        "<logs>/write_report.log",
    conda:
        TORCH_ENV
    params:
        batches=BATCHES,
        face_model=config["face_model"],
        stages=stages_of_run(config, LEDGER.many_views, BATCHES),
        options=config["report"],
        evaluation=config["evaluation"],
    message:
        "Writing the report"
    script:
        "../scripts/write_report.py"


rule write_provenance:
    """Photos, software, models, weights, their licences, and the hash of every head."""
    input:
        capture=expand("<results>/{batch}/capture.h5", batch=BATCHES),
        faces=expand("<results>/{batch}/faces.h5", batch=BATCHES),
        texture=expand("<results>/{batch}/texture.h5", batch=BATCHES),
        heads=expand("<results>/{batch}/export", batch=BATCHES),
        model=face_model_file,
    output:
        provenance="<results>/provenance.json",
    log:
        "<logs>/write_provenance.log",
    conda:
        TORCH_ENV
    params:
        batches=BATCHES,
        face_model=config["face_model"],
        stages=stages_of_run(config, LEDGER.many_views, BATCHES),
    message:
        "Writing the provenance of all heads"
    script:
        "../scripts/write_provenance.py"
