"""Parts: the eight parts of the fitted face on its photos, and its dense landmarks.

Needs: capture.h5, faces.h5, fit.h5      Makes: parts.h5 (Parts), asked for by name
"""


rule segment_parts:
    """Label each pixel by the part of the fitted face that it shows."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        fit=rules.fit_face_model.output.fit,
        model=face_model_file,
    output:
        parts="<results>/{batch}/parts.h5",
        sheet=report(
            "<results>/{batch}/sheets/parts.jpg",
            caption="../workflow/report/parts.rst",
            category="5 Fit",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/segment_parts/{batch}.log",
    benchmark:
        "<benchmarks>/segment_parts/{batch}.tsv"
    priority: 5
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("segment_parts"),
    params:
        version=VERSION["parts"],
        face_model=config["face_model"],
        options=config["segmentation"],
    message:
        "Segmenting the parts of the faces of {wildcards.batch}"
    script:
        "../scripts/segment_parts.py"
