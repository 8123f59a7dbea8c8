"""Fitting: one face model through all views of a capture, identity shared by a subject.

Needs: capture.h5, faces.h5, landmarks.h5, skin.h5, rig.h5 of many views
Makes: regression.h5 (Regression) where fit.method asks a network, fit.h5 (FaceFit)
"""


rule regress_coefficients:
    """Read the head model's coefficients off aligned crops by a network."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        weights=regressor_weights,
        model=face_model_file,
    output:
        regression="<results>/{batch}/regression.h5",
        sheet=report(
            "<results>/{batch}/sheets/regression.jpg",
            caption="../workflow/report/regression.rst",
            category="5 Fit",
            labels={"batch": "{batch}", "sheet": "aligned crops"},
        ),
    log:
        "<logs>/regress_coefficients/{batch}.log",
    benchmark:
        "<benchmarks>/regress_coefficients/{batch}.tsv"
    priority: 4
    conda:
        TORCH_ENV
    threads: 1  # sums over pixels depend on how threads share them: the same bits everywhere
    resources:
        mem_mb=more_each_try(3000),
        runtime=minutes_of("regress_coefficients"),
        gpu=GPUS,
    params:
        version=VERSION["regression"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["regression"],
    message:
        "Reading coefficients off {wildcards.batch}"
    script:
        "../scripts/regress_coefficients.py"


rule fit_face_model:
    """Fit identity, expression, camera, light and albedo to landmarks and skin pixels."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        skin=rules.mask_skin.output.skin,
        rig=if_many_views("<results>/{batch}/rig.h5"),
        regression=if_regressed("<results>/{batch}/regression.h5"),
        parsing=if_parsed("<results>/{batch}/parsing.h5"),
        model=face_model_file,
    output:
        fit="<results>/{batch}/fit.h5",
        sheet=report(
            "<results>/{batch}/sheets/fit.jpg",
            caption="../workflow/report/fit.rst",
            category="5 Fit",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/fit_face_model/{batch}.log",
    benchmark:
        "<benchmarks>/fit_face_model/{batch}.tsv"
    priority: 5
    conda:
        TORCH_ENV
    threads: 1  # sums over pixels depend on how threads share them: the same bits everywhere
    resources:
        mem_mb=more_each_try(4000),
        runtime=minutes_of("fit_face_model"),
        gpu=GPUS,
    params:
        version=VERSION["fit"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["fit"],
    message:
        "Fitting the {params.face_model} head to {wildcards.batch}"
    script:
        "../scripts/fit_face_model.py"
