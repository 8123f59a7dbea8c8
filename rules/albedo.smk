"""Albedo: what the skin is made of, apart from the light of the photos; eyes and mouth likewise.

Needs: capture.h5, faces.h5, skin.h5, fit.h5, highlights.h5, texture.h5, the original photos; surface.h5 where
there is one; of many views rig.h5, base.h5
Makes: albedo.h5 (Albedo)
"""


rule recover_albedo:
    """Tell albedo from light, on all photos of a subject together."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        highlights=rules.remove_highlights.output.highlights,
        texture=rules.blend_texture.output.texture,
        rig=if_many_views("<results>/{batch}/rig.h5"),
        base=if_many_views("<results>/{batch}/base.h5"),
        surface=if_surface("<results>/{batch}/surface.h5"),
        weights=weights_input(config, "albedo"),
        model=face_model_file,
    output:
        albedo="<results>/{batch}/albedo.h5",
        sheet=report(
            "<results>/{batch}/sheets/albedo.jpg",
            caption="../workflow/report/albedo.rst",
            category="6 Appearance",
            labels={"batch": "{batch}", "sheet": "albedo"},
        ),
    log:
        "<logs>/recover_albedo/{batch}.log",
    benchmark:
        "<benchmarks>/recover_albedo/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(
            round(2500 + 1500 * (config["albedo"]["uv_size"] / 1024) ** 2),
            each_view_mb=200,
        ),
        runtime=minutes_of("recover_albedo"),
        gpu=GPUS if needs_weights(config, "albedo") else 0,
    params:
        version=VERSION["albedo"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["albedo"],
    message:
        "Recovering the albedo of {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/recover_albedo.py"
