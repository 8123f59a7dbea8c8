"""Surface: of calibrated views measured, of a single photo told by its shading; on the UV chart.

Needs: capture.h5, faces.h5, skin.h5, fit.h5, of many views rig.h5
Makes: of many views base.h5 (BaseMesh) and volume.h5 (Volume); surface.h5 (Surface)

Batches of single photos have neither base nor volume, and no surface with shading.method: none:
whoever needs one asks by `if_many_views` or `if_surface`.
"""


rule fit_base_mesh:
    """Draw the fitted head to where the views agree, by a smooth free-form layer."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        rig=rules.calibrate_rig.output.rig,
        fit=rules.fit_face_model.output.fit,
        model=face_model_file,
    output:
        base="<results>/{batch}/base.h5",
        sheet=report(
            "<results>/{batch}/sheets/base.jpg",
            caption="../workflow/report/base.rst",
            category="5 Surface",
            labels={"batch": "{batch}", "sheet": "base mesh"},
        ),
    log:
        "<logs>/fit_base_mesh/{batch}.log",
    benchmark:
        "<benchmarks>/fit_base_mesh/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        mem_mb=more_each_try(4000),
        runtime=minutes_of("fit_base_mesh"),
        gpu=GPUS,
    params:
        version=VERSION["base"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["base"],
    message:
        "Shaping the base meshes of {wildcards.batch}"
    script:
        "../scripts/fit_base_mesh.py"


rule match_views:
    """Tell how well the views agree at distances along every normal of the base mesh."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        rig=rules.calibrate_rig.output.rig,
        base=rules.fit_base_mesh.output.base,
        weights=weights_input(config, "implicit"),
        model=face_model_file,
    output:
        volume="<results>/{batch}/volume.h5",
    log:
        "<logs>/match_views/{batch}.log",
    benchmark:
        "<benchmarks>/match_views/{batch}.tsv"
    priority: 6
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        mem_mb=more_each_try(4000, each_view_mb=100),
        runtime=minutes_of("match_views"),
        gpu=GPUS,
    params:
        version=VERSION["volume"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["implicit"],
    message:
        "Matching the views of {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/match_views.py"


rule regularise_surface:
    """Find a smooth surface in the volume and refine it on the images."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        rig=rules.calibrate_rig.output.rig,
        base=rules.fit_base_mesh.output.base,
        volume=rules.match_views.output.volume,
        weights=weights_input(config, "regularise"),
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        regression=if_regressed("<results>/{batch}/regression.h5"),
        shading_weights=weights_input(config, "shading"),
        model=face_model_file,
    output:
        surface="<results>/{batch}/surface.h5",
        sheet=report(
            "<results>/{batch}/sheets/surface.jpg",
            caption="../workflow/report/surface.rst",
            category="5 Surface",
            labels={"batch": "{batch}", "sheet": "measured surface"},
        ),
    log:
        "<logs>/regularise_surface/{batch}.log",
    benchmark:
        "<benchmarks>/regularise_surface/{batch}.tsv"
    wildcard_constraints:
        batch=one_of(MANY_VIEWS),
    priority: 6
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        mem_mb=more_each_try(4000, each_view_mb=200),
        runtime=minutes_of("regularise_surface"),
        gpu=GPUS,
    params:
        version=VERSION["surface"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["regularise"],
        shading=config["shading"],
    message:
        "Finding the surfaces of {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/regularise_surface.py"


rule shade_photos:
    """Tell the relief of single photos from light and dark on their skin."""
    input:
        capture=rules.import_capture.output.capture,
        faces=rules.detect_faces.output.faces,
        skin=rules.mask_skin.output.skin,
        fit=rules.fit_face_model.output.fit,
        regression=if_regressed("<results>/{batch}/regression.h5"),
        weights=weights_input(config, "shading"),
        model=face_model_file,
    output:
        surface="<results>/{batch}/surface.h5",
        sheet=report(
            "<results>/{batch}/sheets/shade.jpg",
            caption="../workflow/report/shading.rst",
            category="5 Surface",
            labels={"batch": "{batch}", "sheet": "relief from shading"},
        ),
    log:
        "<logs>/shade_photos/{batch}.log",
    benchmark:
        "<benchmarks>/shade_photos/{batch}.tsv"
    wildcard_constraints:
        batch=one_of(SINGLE_VIEWS),
    priority: 6
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        mem_mb=more_each_try(
            round(2500 + 500 * (config["shading"]["uv_size"] / 1024) ** 2)
        ),
        runtime=minutes_of("shade_photos"),
        gpu=GPUS if needs_weights(config, "shading") else 0,
    params:
        version=VERSION["surface"],
        face_model=config["face_model"],
        device=config["device"],
        options=config["shading"],
    message:
        "Telling relief from the shading of {wildcards.batch} ({params.options[method]})"
    script:
        "../scripts/shade_photos.py"
