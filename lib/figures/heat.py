"""Heat maps: the signed error of a head on the head itself, with a bar of colours in mm."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from lib.artefacts import Scores
from lib.facemodel.model import FaceModel
from lib.figures.measured import face_texels
from lib.figures.sheets import INK, font
from lib.imaging import srgb_to_linear
from lib.render import Paint, PreviewOptions, render_head, turntable_cameras
from lib.uvspace.mesh import grid_triangles

LIMITS_MM = (0.5, 1.0, 2.0, 5.0, 10.0)  # ends of the bar
COVERED = 90  # percentile of the errors that the bar reaches
UNKNOWN = (176, 178, 180)  # sRGB where there is no truth
# sRGB from inside (too deep) over right to outside; told apart with any colour vision.
COLOURS = np.array(
    [[33, 64, 154], [92, 148, 205], [190, 214, 230], [240, 240, 236]]
    + [[247, 204, 160], [232, 132, 78], [165, 30, 36]],
    np.float64,
)
PAPER = (250, 250, 248)
MATTE = PreviewOptions(studio=0.3, specular=0.0, supersample=2, background=PAPER)
ON_THE_TRUTH = 0.9  # of the vertices that a rigid alignment brings near the truth
AS_NEAR = 2.0  # times the median error after a rigid alignment
FRONT, SIDE = (550, 390), (275, 250)  # (h, w) px
BAR_PX = 90


def shown_head(scores: Scores) -> str:
    """Whose errors a heat map shows: `surface` where many views measured one, else `fit`."""
    return "surface" if scores.surface_mm.size else "fit"


def shown_measure(scores: Scores) -> str:
    """The number that stands below a heat map, such as `rigid.mean`.

    Of a measured surface the median: what views cannot see, such as the inside of a nostril that a
    scan has, would rule its mean.
    """
    statistic = "median" if shown_head(scores) == "surface" else "mean"
    return f"{preferred_alignment(scores)}.{statistic}"


def preferred_alignment(scores: Scores) -> str:
    """What a heat map shows: `known` where the head stands on the truth so, else `rigid`.

    Where it stands elsewhere, its pose is what is wrong, and the scores say how much; its shape
    shows only after a rigid alignment.
    """
    if "known" in scores.alignment:
        errors = _errors(scores)
        known, rigid = (np.abs(errors[scores.alignment.index(name)]) for name in ("known", "rigid"))
        near = np.isfinite(known).sum() >= ON_THE_TRUTH * np.isfinite(rigid).sum()
        if near and np.nanmedian(known) <= AS_NEAR * np.nanmedian(rigid):
            return "known"
    return "rigid"


def error_limit(error_mm: np.ndarray) -> float:
    """mm at the ends of the bar: the smallest of `LIMITS_MM` that holds nine of ten errors."""
    known = np.abs(error_mm[np.isfinite(error_mm)])
    reach = np.percentile(known, COVERED) if len(known) else 0.0
    return next((limit for limit in LIMITS_MM if limit >= reach), LIMITS_MM[-1])


def error_colours(error_mm: np.ndarray, limit_mm: float) -> np.ndarray:
    """(n, 3) sRGB 0..255 of signed errors (n,); grey where there is none."""
    place = np.clip(error_mm / limit_mm, -1, 1)
    stops = np.linspace(-1, 1, len(COLOURS))
    colours = np.stack([np.interp(place, stops, channel) for channel in COLOURS.T], axis=-1)
    return np.where(np.isfinite(error_mm)[:, None], colours, UNKNOWN)


def draw_errors(model: FaceModel, scores: Scores, alignment: str | None = None) -> np.ndarray:
    """(h, w, 3) uint8: the head from both sides and the front, coloured by its error.

    The head is the measured surface where there is one, else the fitted head. Blue lies too deep,
    red too far out, grey has no truth; the face alone sets the bar's ends.

    Args:
        model: the fitted model.
        scores: of a capture that did not fail.
        alignment: which error; None = `preferred_alignment`.
    """
    alignment = alignment or preferred_alignment(scores)
    error = _errors(scores)[scores.alignment.index(alignment)]
    if shown_head(scores) == "surface":
        texel, triangles = grid_triangles(np.isfinite(scores.surface_mm).all(axis=2))
        vertices, error = scores.surface_mm.reshape(-1, 3)[texel], error.ravel()[texel]
        face = np.flatnonzero(face_texels(model, scores.surface_mm.shape[:2]).ravel()[texel])
    else:
        vertices, triangles, face = scores.posed_mm, model.triangles, model.parts["face_mask"]
    limit = error_limit(error[face])
    colours = srgb_to_linear(np.rint(error_colours(error, limit)).astype(np.uint8))
    front = _view(vertices, triangles, colours, 0, FRONT, face)
    everything = np.arange(len(vertices))
    sides = [_view(vertices, triangles, colours, yaw, SIDE, everything) for yaw in (-70, 70)]
    picture = np.hstack([front, np.vstack(sides)])
    return np.vstack([picture, _bar(limit, alignment, picture.shape[1])])


def _errors(scores: Scores) -> np.ndarray:
    """(n_align, ...) signed mm of the head that is shown."""
    if shown_head(scores) == "surface":
        return scores.surface_error_mm.astype(np.float32)
    return scores.vertex_error_mm


def _view(
    vertices: np.ndarray,
    triangles: np.ndarray,
    colours: np.ndarray,
    yaw_deg: float,
    size: tuple[int, int],
    around: np.ndarray,
) -> np.ndarray:
    """(h, w, 3) uint8: the head turned, the vertices `around` filling the picture."""
    camera = turntable_cameras(vertices[around], size, [yaw_deg])[0]
    paint = Paint(colours=colours)
    return render_head(vertices, triangles, camera, size, paint, MATTE)[..., :3]


def _bar(limit_mm: float, alignment: str, width: int) -> np.ndarray:
    """(BAR_PX, width, 3) uint8: colours with mm below them, and what is shown."""
    image = Image.new("RGB", (width, BAR_PX), PAPER)
    draw = ImageDraw.Draw(image)
    left, right = 90, width - 90
    ramp = error_colours(np.linspace(-limit_mm, limit_mm, right - left), limit_mm)
    strip = np.repeat(np.rint(ramp).astype(np.uint8)[None], 22, axis=0)
    image.paste(Image.fromarray(strip), (left, 8))
    for share, words in ((0, "deeper"), (0.5, ""), (1, "outside")):
        value = (2 * share - 1) * limit_mm
        text = f"{value:+g} mm {words}".strip() if share != 0.5 else "0"
        draw.text((left + share * (right - left), 36), text, INK, font(17), anchor="ma")
    draw.text((width / 2, 64), f"aligned: {alignment}", INK, font(17), anchor="ma")
    return np.asarray(image)
