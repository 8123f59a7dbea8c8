"""Highlights: the light that skin mirrors, apart from the light that it scatters.

Needs: capture.h5, faces.h5, skin.h5, fit.h5; of many views rig.h5, base.h5, surface.h5
Makes: highlights.h5 (Highlights)
"""


rule remove_highlights:
    """Take the highlights off the skin, and tell the colour of the light."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        rig=if_many_views("<results>/{batch}/rig.h5"),
        base=if_many_views("<results>/{batch}/base.h5"),
        surface=if_many_views("<results>/{batch}/surface.h5"),
        weights=weights_input(config, "highlights"),
        model=face_model_file,
    output:
        highlights="<results>/{batch}/highlights.h5",
        sheet=report(
            "<results>/{batch}/sheets/highlights.jpg",
            caption="../workflow/report/highlights.rst",
            category="6 Appearance",
            labels={"batch": "{batch}", "sheet": "highlights"},
        ),
    log:
        "<logs>/remove_highlights/{batch}.log",
    benchmark:
        "<benchmarks>/remove_highlights/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000, each_view_mb=150),
        runtime=minutes_of("remove_highlights"),
        gpu=GPUS if needs_weights(config, "highlights") else 0,
    params:
        version=VERSION["highlights"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["highlights"],
    message:
        "Removing the highlights of {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/remove_highlights.py"
