"""Rig: the cameras of a capture of many views in one metric frame.

Needs: capture.h5, faces.h5, landmarks.h5, skin.h5      Makes: rig.h5 (Rig)

Batches of single photos have none: whoever needs it asks by `if_many_views`.
"""


rule calibrate_rig:
    """Triangulate landmarks, choose views, and tell what a unit of length is in mm."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        skin=rules.mask_skin.output.skin,
        model=face_model_file,
    output:
        rig="<results>/{batch}/rig.h5",
        sheet=report(
            "<results>/{batch}/sheets/rig.jpg",
            caption="../workflow/report/rig.rst",
            category="5 Surface",
            labels={"batch": "{batch}", "sheet": "cameras"},
        ),
    log:
        "<logs>/calibrate_rig/{batch}.log",
    benchmark:
        "<benchmarks>/calibrate_rig/{batch}.tsv"
    priority: 5
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=minutes_of("calibrate_rig"),
    params:
        version=VERSION["rig"],
        face_model=config["face_model"],
        options=config["rig"],
    message:
        "Calibrating the cameras of {wildcards.batch}"
    script:
        "../scripts/calibrate_rig.py"
