"""Faces: where they are, their landmarks, their skin.

Needs: capture.h5      Makes: faces.h5 (Faces), landmarks.h5 (Landmarks), skin.h5 (SkinMask)
"""


rule detect_faces:
    """Find the face that is meant, or all faces, in every photo."""
    input:
        capture=rules.import_capture.output.capture,
        detector=ancient(rules.fetch_landmark_models.output.detector),
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
        weights=weights_input(config, "detection"),
    output:
        faces="<results>/{batch}/faces.h5",
        sheet=report(
            "<results>/{batch}/sheets/detect.jpg",
            caption="../workflow/report/detect.rst",
            category="2 Faces",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/detect_faces/{batch}.log",
    benchmark:
        "<benchmarks>/detect_faces/{batch}.tsv"
    priority: 2
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("detect_faces"),
        gpu=GPUS if needs_weights(config, "detection") else 0,
    params:
        version=VERSION["faces"],
        device=config["device"],
        options=config["detection"],
    message:
        "Finding faces in {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/detect_faces.py"


rule find_landmarks:
    """Measure landmarks with a standard deviation for each."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
        weights=weights_input(config, "landmarks"),
        model=face_model_file,
    output:
        landmarks="<results>/{batch}/landmarks.h5",
        sheet=report(
            "<results>/{batch}/sheets/landmarks.jpg",
            caption="../workflow/report/landmarks.rst",
            category="3 Landmarks",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/find_landmarks/{batch}.log",
    benchmark:
        "<benchmarks>/find_landmarks/{batch}.tsv"
    priority: 3
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("find_landmarks"),
        gpu=GPUS if needs_weights(config, "landmarks") else 0,
    params:
        version=VERSION["landmarks"],
        device=config["device"],
        face_model=config["face_model"],
        options=config["landmarks"],
    message:
        "Measuring landmarks in {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/find_landmarks.py"


rule mask_skin:
    """Tell bare skin from hair, eyes, glasses and background."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        model=face_model_file,
    output:
        skin="<results>/{batch}/skin.h5",
        sheet=report(
            "<results>/{batch}/sheets/skin.jpg",
            caption="../workflow/report/skin.rst",
            category="4 Skin",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/mask_skin/{batch}.log",
    benchmark:
        "<benchmarks>/mask_skin/{batch}.tsv"
    priority: 4
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("mask_skin"),
    params:
        version=VERSION["skin"],
        face_model=config["face_model"],
        options=config["skin"],
    message:
        "Masking skin in {wildcards.batch}"
    script:
        "../scripts/mask_skin.py"
