"""Evaluation: how far heads are from the truth, where the sample sheet names one.

Needs: every artefact of the batch and the truths      Makes: scores.h5 (Scores), scoreboard.tsv
"""


rule evaluate_heads:
    """Score heads and measured surfaces that have a truth, beside average person and mean face."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        texture=rules.blend_texture.output.texture,
        albedo=rules.recover_albedo.output.albedo,
        highlights=rules.remove_highlights.output.highlights,
        surface=if_many_views("<results>/{batch}/surface.h5"),
        model=face_model_file,
    output:
        scores="<results>/{batch}/scores.h5",
        sheet=report(
            "<results>/{batch}/sheets/scores.jpg",
            caption="../workflow/report/scores.rst",
            category="8 Errors",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/evaluate_heads/{batch}.log",
    benchmark:
        "<benchmarks>/evaluate_heads/{batch}.tsv"
    priority: 8
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        mem_mb=more_each_try(4000),
        runtime=minutes_of("evaluate_heads"),
    params:
        version=VERSION["scores"],
        truth_version=VERSION["truth"],
        face_model=config["face_model"],
        truths=truths_of_batch,
        points=config["evaluation"]["points"],
    message:
        "Comparing {wildcards.batch} with the truth"
    script:
        "../scripts/evaluate_heads.py"


rule scoreboard:
    """One table of all scores: in-model and out-of-model apart, always beside the mean face."""
    input:
        scores=expand("<results>/{batch}/scores.h5", batch=SCORED),
        benchmarks=config["evaluation"]["benchmarks"],
        model=face_model_file,
    output:
        table="<results>/scoreboard.tsv",
        page="<results>/scoreboard.html",
    log:
        "<logs>/scoreboard.log",
    conda:
        TORCH_ENV
    params:
        face_model=config["face_model"],
        options=config["evaluation"],
    message:
        "Writing the scoreboard"
    script:
        "../scripts/write_scoreboard.py"
