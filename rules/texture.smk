"""Texture: the photo's colour on the head's UV chart, free of holes.

Needs: capture.h5, faces.h5, skin.h5, fit.h5, the original photos      Makes: texture.h5 (Texture)
"""


rule blend_texture:
    """Sample the original photos on the UV chart and fill what no view shows."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        model=face_model_file,
    output:
        texture="<results>/{batch}/texture.h5",
        sheet=report(
            "<results>/{batch}/sheets/texture.jpg",
            caption="../workflow/report/texture.rst",
            category="6 Texture",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/blend_texture/{batch}.log",
    benchmark:
        "<benchmarks>/blend_texture/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=3000,
    params:
        version=VERSION["texture"],
        face_model=config["face_model"],
        options=config["texture"],
    message:
        "Blending the textures of {wildcards.batch}"
    script:
        "../scripts/blend_texture.py"
