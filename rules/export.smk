"""Export: one folder per head, in formats that other programs read.

Needs: every artefact of the batch      Makes: export/{capture}/head.obj, head.glb, ..., provenance.json
"""


rule export_heads:
    """Write OBJ, GLB with 52 expressions, JSON tables and pictures of every head of a batch."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        landmarks=rules.find_landmarks.output.landmarks,
        fit=rules.fit_face_model.output.fit,
        texture=rules.blend_texture.output.texture,
        highlights=rules.remove_highlights.output.highlights,
        albedo=rules.recover_albedo.output.albedo,
        rig=if_many_views("<results>/{batch}/rig.h5"),
        base=if_many_views("<results>/{batch}/base.h5"),
        surface=if_surface("<results>/{batch}/surface.h5"),
        displacement=if_many_views("<results>/{batch}/displacement.h5"),
        regression=if_regressed("<results>/{batch}/regression.h5"),
        parts=if_published("<results>/{batch}/parts.h5"),
        model=face_model_file,
    output:
        heads=directory("<results>/{batch}/export"),
        sheet=report(
            "<results>/{batch}/sheets/export.jpg",
            caption="../workflow/report/export.rst",
            category="7 Heads",
            labels={"batch": "{batch}"},
        ),
    log:
        "<logs>/export_heads/{batch}.log",
    benchmark:
        "<benchmarks>/export_heads/{batch}.tsv"
    priority: 7
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(3000),
        runtime=minutes_of("export_heads"),
    params:
        version=VERSION["export"],
        face_model=config["face_model"],
        options=config["export"],
        texture=config["texture"],
        stages=stages_of(config, LEDGER.many_views),
    message:
        "Exporting the heads of {wildcards.batch}"
    script:
        "../scripts/export_heads.py"
