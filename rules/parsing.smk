"""Parsing: which pixels of a photo show which part of the face.

Needs: capture.h5, faces.h5, landmarks.h5, masks or a network
Makes: parsing.h5 (Parsing), where parsing.method names who tells
"""


rule parse_parts:
    """Label the pixels of photos by parts of the face, without a fitted head."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        weights=weights_input(config, "parsing"),
    output:
        parsing="<results>/{batch}/parsing.h5",
        sheet=report(
            "<results>/{batch}/sheets/parsing.jpg",
            caption="../workflow/report/parsing.rst",
            category="4 Skin",
            labels={"batch": "{batch}", "sheet": "parts on the photos"},
        ),
    log:
        "<logs>/parse_parts/{batch}.log",
    benchmark:
        "<benchmarks>/parse_parts/{batch}.tsv"
    priority: 4
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("parse_parts"),
        gpu=GPUS,
    params:
        version=VERSION["parsing"],
        device=config["device"],
        options=config["parsing"],
    message:
        "Parsing the faces of {wildcards.batch}"
    script:
        "../scripts/parse_parts.py"
