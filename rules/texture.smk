"""Texture: the colour of one photo, or of many views, on the head's UV chart, free of holes.

Needs: capture.h5, faces.h5, skin.h5, fit.h5, the original photos; of many views rig.h5, base.h5, surface.h5
Makes: texture.h5 (Texture); relocated/ on demand
"""

RELOCATED = BATCHES if config["texture"]["relocate"] else []


rule blend_texture:
    """Sample the original photos on the UV chart and fill what no view shows."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        rig=if_many_views("<results>/{batch}/rig.h5"),
        base=if_many_views("<results>/{batch}/base.h5"),
        surface=if_many_views("<results>/{batch}/surface.h5"),
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
        mem_mb=more_each_try(
            round(3000 + 3500 * (config["texture"]["uv_size"] / 4096) ** 2),
            each_view_mb=200,
        ),
        runtime=minutes_of("blend_texture"),
    params:
        version=VERSION["texture"],
        face_model=config["face_model"],
        options=config["texture"],
    message:
        "Blending the textures of {wildcards.batch}"
    script:
        "../scripts/blend_texture.py"


rule relocate_textures:
    """Cut out of each texture what the published displacement network expects."""
    input:
        texture=rules.blend_texture.output.texture,
    output:
        crops=directory("<results>/{batch}/relocated"),
    log:
        "<logs>/relocate_textures/{batch}.log",
    benchmark:
        "<benchmarks>/relocate_textures/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: 1
    resources:
        mem_mb=more_each_try(2000),
        runtime=minutes_of("relocate_textures"),
    params:
        version=VERSION["texture"],
    message:
        "Relocating the textures of {wildcards.batch}"
    script:
        "../scripts/relocate_textures.py"
