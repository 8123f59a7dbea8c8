"""The contact sheet of one stage of one batch, read capture by capture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from lib.artefacts import (
    ARTEFACTS,
    OK,
    Albedo,
    Artefact,
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Landmarks,
    Parsing,
    Parts,
    Regression,
    Rig,
    Scores,
    SkinMask,
    Surface,
    Texture,
)
from lib.artefacts.multiview import FROM_SHADING
from lib.errors import ConfigError
from lib.facemodel.model import FaceModel
from lib.figures import matte, measured, rigs, shaded, stages
from lib.figures.coded import draw_code
from lib.figures.heat import draw_errors, shown_head, shown_measure
from lib.figures.sheets import CELL_PX, Picture, contact_sheet, fit_into

# stage -> the artefact that names its captures, and the other artefacts that its picture needs
NEEDS: dict[str, tuple[str, ...]] = {
    "import": ("capture",),
    "detect": ("faces", "capture"),
    "landmarks": ("landmarks", "capture", "faces"),
    "skin": ("skin", "capture", "faces"),
    "parsing": ("parsing", "capture", "faces"),
    "rig": ("rig", "capture", "faces", "landmarks"),
    "regression": ("regression", "capture", "faces"),
    "fit": ("fit", "capture", "faces"),
    "parts": ("parts", "capture", "faces"),
    "base": ("base",),
    "surface": ("surface",),
    "shade": ("surface", "capture", "faces", "fit"),
    "highlights": ("highlights", "capture", "faces"),
    "texture": ("texture",),
    "albedo": ("albedo",),
    "export": ("texture", "fit"),
    "scores": ("scores",),
}
TITLES = {
    "import": "Photos",
    "detect": "Faces found",
    "landmarks": "Landmarks",
    "skin": "Bare skin",
    "parsing": "Parts on the photos",
    "rig": "Cameras",
    "regression": "Aligned crops",
    "fit": "Fitted head",
    "parts": "Parts of the face",
    "base": "Base mesh",
    "surface": "Measured surface",
    "shade": "Relief from shading",
    "highlights": "Without highlights",
    "texture": "Texture",
    "albedo": "Albedo",
    "export": "Heads",
    "scores": "Errors",
}
SURE = 0.1  # confidence from which relief counts in the note
MODEL_STAGES = ("regression", "fit", "base", "surface", "shade", "export", "scores")
# of stages whose pictures need room: (h, w) px of a picture, and how many stand in a row
WIDE = {
    "rig": (rigs.SIZE, 1),
    "base": (measured.SIZE, 1),
    "surface": (measured.SIZE, 1),
    "shade": (shaded.SIZE, 2),
    "highlights": (matte.SIZE, 2),
}


def stage_sheet(
    stage: str,
    files: Mapping[str, Path],
    model: FaceModel | None = None,
    columns: int = 4,
) -> np.ndarray:
    """One picture per capture of a batch; a failed capture is a card with its reason.

    The heading names the stage, the batch (the folder of the files), and how many captures failed.
    Memory holds one capture at a time.

    Args:
        stage: a key of `NEEDS`.
        files: artefact name -> file of the batch; at least those that `NEEDS` lists.
        model: the fitted head model, for the stages of `MODEL_STAGES`.
        columns: pictures per row, of stages that are not in `WIDE`.

    Returns:
        (h, w, 3) uint8 sRGB.

    Raises:
        ConfigError: a stage, a file or the model is missing.
    """
    if stage not in NEEDS:
        raise ConfigError(f"Stage '{stage}' has no contact sheet; there are {', '.join(NEEDS)}.")
    missing = [name for name in NEEDS[stage] if name not in files]
    if missing:
        raise ConfigError(
            f"The sheet of stage '{stage}' needs {', '.join(missing)}: give its file."
        )
    if model is None and stage in MODEL_STAGES:
        raise ConfigError(f"The sheet of stage '{stage}' needs the head model: give `model`.")
    with ExitStack() as stack:
        readers = {
            name: stack.enter_context(BatchReader(files[name], ARTEFACTS[name]))
            for name in NEEDS[stage]
        }
        rows = readers[NEEDS[stage][0]].outcomes
        pictures = [
            (row.capture, None, f"{row.stage}: {row.outcome}. {row.reason}")
            if row.failed
            else _picture(stage, row.capture, readers, model)
            for row in rows
        ]
    batch = Path(files[NEEDS[stage][0]]).parent.name
    note = counted(batch, len(rows), sum(row.failed for row in rows))
    if stage not in WIDE:
        return contact_sheet(pictures, columns, TITLES[stage], note)
    cell, columns = WIDE[stage]
    return contact_sheet(pictures, columns, TITLES[stage], note, cell)


def counted(batch: str, captures: int, failed: int) -> str:
    """A batch and its numbers in words, such as `b0001: 25 captures, 3 failed`."""
    return f"{batch}: {captures} capture{'s' * (captures != 1)}" + (
        f", {failed} failed" if failed else ""
    )


def _picture(
    stage: str,
    name: str,
    readers: Mapping[str, BatchReader[Artefact]],
    model: FaceModel | None,
) -> Picture:
    """(label, image, note) of one capture that has a result."""
    found: dict[str, Artefact] = {}
    for key in sorted(NEEDS[stage], key=lambda key: key != "faces"):  # it names the photo
        photo = found["faces"].photo if key == "capture" and "faces" in found else name
        found[key] = readers[key][photo]
    image, note = DRAW[stage](found, model)
    if image is None:
        return name, None, note
    cell = WIDE[stage][0] if stage in WIDE else (CELL_PX, CELL_PX)
    return name, fit_into(image, cell), note  # only the small picture is kept


def _import(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    capture: Capture = found["capture"]
    height, width = capture.original_size[0]
    note = f"{width} x {height} px, focal length: {capture.focal_source[0]}"
    if len(capture.view) > 1 or capture.left_out:
        note = f"{len(capture.view)} views, {note}"
    if capture.left_out:
        note = f"{len(capture.left_out)} left out; {note}"
    return stages.draw_photo(capture), note


def _detect(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    faces: Faces = found["faces"]
    view, which = _shown(found["capture"], np.where(np.isnan(faces.box_px[:, 0]), 0, faces.score))
    width = float(faces.box_px[view, 2] - faces.box_px[view, 0])
    return (
        stages.draw_detection(found["capture"], faces, view),
        f"{which}score {faces.score[view]:.2f}, face {width:.0f} px wide",
    )


def _landmarks(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    landmarks: Landmarks = found["landmarks"]
    measured = np.isfinite(landmarks.points_px).any(axis=(1, 2))
    sure = [1 / (1 + np.nanmedian(s)) if m else 0 for m, s in zip(measured, landmarks.sigma_px)]
    view, which = _shown(found["capture"], np.array(sure))
    sigma = np.nanmedian(landmarks.ibug68_sigma_px[view])
    return (
        stages.draw_landmarks(found["capture"], landmarks, view),
        f"{which}{landmarks.scheme}, sigma {sigma:.1f} px, presence {landmarks.presence[view]:.2f}",
    )


def _skin(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    skin: SkinMask = found["skin"]
    seen = np.array([probability.mean() for probability in skin.probability])
    view, which = _shown(found["capture"], seen)
    share = 100 * float((skin.probability[view] > 127).mean())
    return (
        stages.draw_skin(found["capture"], skin, view),
        f"{which}{share:.0f} % of the photo is skin",
    )


def _parsing(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    parsing: Parsing = found["parsing"]
    area = np.array([np.count_nonzero(label) for label in parsing.label])
    view, which = _shown(found["capture"], area)
    seen = len(np.unique(parsing.label[view][parsing.label[view] > 0]))
    known = int(parsing.known[view].sum())
    return (
        stages.draw_parsing(found["capture"], parsing, view),
        f"{which}{parsing.method}: {seen} of {known} parts that it knows",
    )


def _rig(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    rig: Rig = found["rig"]
    capture, landmarks = found["capture"], found["landmarks"]
    if rig.source == "none":
        view = int(np.argmax(rig.used))
        count = "one view" if len(rig.used) == 1 else f"{len(rig.used)} views"
        return stages.draw_landmarks(capture, landmarks, view), f"{count}: no camera is known"
    used = np.flatnonzero(rig.used)
    error = np.nanmedian([rigs.view_error_px(rig, view) for view in used])
    points = np.isfinite(rig.points_mm).all(axis=1).sum()
    note = (
        f"{len(used)} of {len(rig.used)} views used; cameras: {rig.source}, millimetres: "
        f"{rig.scale_source}; {points} points, reprojection {error:.1f} px"
    )
    return rigs.draw_rig(capture, landmarks, rig), f"{note}. {rig.method}" if rig.method else note


def _base(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    base: BaseMesh = found["base"]
    moved = np.abs(base.free_form_mm[measured.face_vertices(model)])
    origin = {"views": "fitted to calibrated views", "fit": "the fit of a single photo"}
    return (
        measured.draw_base(model, base),
        f"{origin.get(base.source, base.source)}; free-form layer of the face: median "
        f"{np.median(moved):.1f} mm, largest {moved.max():.1f} mm",
    )


def _surface(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    surface: Surface = found["surface"]
    picture = measured.draw_surface(model, surface)
    if surface.method == "none":
        return picture, "nothing was measured: the fitted head"
    texels = measured.face_texels(model, surface.confidence.shape)
    distance = np.abs(surface.distance_mm[texels])
    confidence = float(np.median(surface.confidence[texels]))
    return picture, (
        f"{surface.method}, {len(surface.distance_mm)} texels a side; of the face, median "
        f"confidence {confidence:.2f}, {np.nanmedian(distance):.2f} mm from the base mesh"
    )


def _shade(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    surface: Surface = found["surface"]
    picture = shaded.draw_shaded(model, found["capture"], found["fit"], surface)
    sure = surface.confidence > SURE
    if not sure.any():
        return picture, "the photo tells nothing of the relief"
    spread = float(surface.distance_mm[sure].std())
    grooves = -float(np.percentile(surface.distance_mm[sure], 1))
    return picture, (
        f"{surface.method.removeprefix(FROM_SHADING)}: {spread:.2f} mm rms, deepest hundredth "
        f"{grooves:.2f} mm"
    )


def _regression(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    codes: Regression = found["regression"]
    view, which = _shown(found["capture"], np.nan_to_num(codes.scale))
    pitch, yaw, roll = np.degrees(codes.angles[view])
    size = np.sqrt(np.mean(codes.identity[view] ** 2))
    note = f"{codes.network}: pitch {pitch:.0f}, yaw {yaw:.0f}, roll {roll:.0f} deg; identity "
    return draw_code(model, found["capture"], codes, view), f"{which}{note}{size:.1f} sigma rms"


def _fit(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    fit: FaceFit = found["fit"]
    posed = np.isfinite(fit.world_to_camera).all(axis=(1, 2)) & np.isfinite(fit.reprojection_px)
    near = np.where(posed, 1 / (1 + np.nan_to_num(fit.reprojection_px)), 0)
    view, which = _shown(found["capture"], near)
    error = 100 * fit.reprojection_px[view] / max(fit.interocular_px[view], 1e-6)
    sigma = np.median(fit.vertex_sigma_mm[model.parts["face_mask"]])
    sure = f"sigma {sigma:.1f} mm" if np.isfinite(sigma) else f"by {fit.method}"
    numbers = f"reprojection {error:.1f} %, focal {fit.focal_px[view]:.0f} px, {sure}"
    return stages.draw_fit(model, found["capture"], fit, view), which + numbers


def _parts(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    parts: Parts = found["parts"]
    area = np.array([np.count_nonzero(label) for label in parts.visible])
    view, which = _shown(found["capture"], area)
    seen = len(np.unique(parts.visible[view][parts.visible[view] > 0]))
    points = int(parts.ldm106_2d_seen[view].sum())
    return (
        stages.draw_parts(found["capture"], parts, view),
        f"{which}{parts.method}: {seen} of 8 parts and {points} of 106 points seen",
    )


def _shown(capture: Capture, worth: np.ndarray) -> tuple[int, str]:
    """The view of a capture that shows most, and words that say which that is.

    Args:
        capture: names the views.
        worth: (n_views,) 0 where nothing was found.
    """
    view = int(np.argmax(worth))
    if len(worth) == 1:
        return view, ""
    return view, f"{(worth > 0).sum()} of {len(worth)} views; {capture.view[view]}: "


def _highlights(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    highlights: Highlights = found["highlights"]
    area = np.array([float((image > 127).mean()) for image in highlights.probability])
    view, which = _shown(found["capture"], np.nan_to_num(found["faces"].score) * (1e-3 + area))
    light = "/".join(f"{value:.2f}" for value in highlights.illuminant[view])
    source = highlights.illuminant_source[view]
    picture = matte.draw_matte(found["capture"], found["faces"], highlights, view)
    return picture, f"{which}{highlights.method}; light {light}, told by {source}"


def _texture(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    texture: Texture = found["texture"]
    seen = 100 * float((texture.weight > 0.5).mean())
    return stages.draw_texture(texture), f"{seen:.0f} % of the texture seen"


def _albedo(found: dict[str, Artefact], _: FaceModel | None) -> tuple[np.ndarray, str]:
    albedo: Albedo = found["albedo"]
    told = "no skin was seen"
    if np.isfinite(albedo.ita_deg):
        told = f"typology angle {albedo.ita_deg:.0f} +- {albedo.ita_sigma_deg:.0f} degrees"
    return stages.draw_texture(albedo), f"{albedo.method}: {told}"


def _export(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray, str]:
    return stages.draw_head(model, found["fit"], found["texture"]), "textured head, neutral face"


def _scores(found: dict[str, Artefact], model: FaceModel | None) -> tuple[np.ndarray | None, str]:
    scores: Scores = found["scores"]
    if scores.outcome != OK:
        return None, f"{scores.outcome}. {scores.reason}"
    numbers = dict(zip(zip(scores.who, scores.measure), scores.value))
    measure = shown_measure(scores)
    alignment, statistic = measure.split(".")
    words = {"surface": "", "fit": "fit "} if shown_head(scores) == "surface" else {"fit": ""}
    words |= {"mean_face": "mean face "}
    told = [f"{word}{numbers[who, measure]:.2f} mm" for who, word in words.items()]
    return draw_errors(model, scores, alignment), f"{statistic} {', '.join(told)}, {alignment}"


DRAW: dict[
    str, Callable[[dict[str, Artefact], FaceModel | None], tuple[np.ndarray | None, str]]
] = {
    "import": _import,
    "detect": _detect,
    "landmarks": _landmarks,
    "skin": _skin,
    "parsing": _parsing,
    "rig": _rig,
    "regression": _regression,
    "fit": _fit,
    "parts": _parts,
    "base": _base,
    "surface": _surface,
    "shade": _shade,
    "highlights": _highlights,
    "texture": _texture,
    "albedo": _albedo,
    "export": _export,
    "scores": _scores,
}
