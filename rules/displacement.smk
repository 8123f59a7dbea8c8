"""Displacement: pores and fine wrinkles that the measured surface does not hold.

Needs: surface.h5, texture.h5      Makes: displacement.h5 (Displacement)
"""


rule predict_displacement:
    """Find the fine relief over the surface from the detail of the texture."""
    input:
        surface="<results>/{batch}/surface.h5",
        texture=rules.blend_texture.output.texture,
        weights=weights_input(config, "displacement"),
        model=face_model_file,
    output:
        displacement="<results>/{batch}/displacement.h5",
        sheet=report(
            "<results>/{batch}/sheets/displacement.jpg",
            caption="../workflow/report/displacement.rst",
            category="6 Texture",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/predict_displacement/{batch}.log",
    benchmark:
        "<benchmarks>/predict_displacement/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(4000),
        runtime=minutes_of("predict_displacement"),
    params:
        version=VERSION["displacement"],
        face_model=config["face_model"],
        options=config["displacement"],
    message:
        "Finding pores and fine wrinkles of {wildcards.batch}"
    script:
        "../scripts/predict_displacement.py"
