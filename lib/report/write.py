"""Everything a run made, on one page that opens without a network."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from lib.artefacts import ARTEFACTS, Albedo, BatchReader, Capture, FaceFit, Faces, Texture
from lib.atomic import atomic_path
from lib.evaluation import EvaluationOptions
from lib.facemodel.model import FaceModel
from lib.metrics import sure_class
from lib.report import page
from lib.report.options import ReportOptions
from lib.report.page import HeadCard
from lib.report.pictures import card_uri, picture_uri
from lib.report.scores import collect_scores, groups
from lib.report.status import collect_status
from lib.report.time_table import timing_table
from lib.report.timings import read_timings, sum_by_rule, write_timings
from lib.report.viewer import head_pack, model_pack, three_js

logger = logging.getLogger(__name__)

NEEDED = ("capture", "faces", "fit", "texture")  # what a head's card is made of
SHEET = "sheets/{stage}.jpg"  # below a batch's folder


def write_report(
    results: Path,
    batches: Sequence[str],
    model: FaceModel,
    options: ReportOptions | None = None,
    evaluation: EvaluationOptions | None = None,
    scores: Sequence[Path] = (),
    licences: Mapping[str, Any] | None = None,
) -> Path:
    """Write `report.html` of a run: heads, errors where there is a truth, failures, sheets, time.

    The seconds and memory of every job go into `timings.tsv` beside it.

    A batch's files are read where the line puts them: `{batch}/{artefact}.h5`,
    `{batch}/export/{capture}/overlay.png` and `turntable.png`, its sheets, and `benchmarks/`; what
    is not there is left out. Memory holds one capture and the text of the page.

    Args:
        results: folder of the run.
        batches: names of the batches, in the order in which they are shown.
        model: the fitted head model.
        options: how much the page holds.
        evaluation: how many heat maps it shows.
        scores: `scores.h5` of the batches that have a truth.
        licences: of `lib.export.origins`; None = the page tells that of the head model alone.

    Returns:
        Path of the page.

    Raises:
        ArtefactError: an artefact file is damaged or of another version.
    """
    options = options or ReportOptions()
    stages = [name for name in ARTEFACTS if name != "scores"]  # it tells failures as its data
    files = [results / batch / f"{name}.h5" for batch in batches for name in stages]
    status = collect_status(file for file in files if file.is_file())
    failures = [row for row in status if row.failed]
    cards, others = _heads(results, batches, model, options)
    jobs = read_timings(results)
    times = sum_by_rule(jobs)
    write_timings(results / "timings.tsv", jobs)
    photos = {(row.batch, row.capture) for row in status if row.stage == "import"}
    packed = any(card.pack for card in cards)
    text = page.fill_page(
        options.title,
        facts=page.facts(
            [
                _counted("photo", len(photos)),
                _counted("head", len(cards) + len(others)),
                (*_counted("failure", len(failures))[:2], bool(failures)),
                _counted("batch", len(batches)),
                ("seconds of work", f"{sum(time.seconds for time in times):.0f}", False),
            ]
        ),
        **_origins(model, licences),
        heads=page.head_cards(cards, others),
        **_errors(scores, model, evaluation or EvaluationOptions()),
        failures=page.failure_table(failures),
        stages=_sheets(results, batches, options),
        timings=timing_table(times, len(photos)),
        data=page.head_data(cards, model_pack(model, options.smallest_delta_mm)) if packed else "",
        three=three_js() if packed else "",
    )
    logger.info("%d heads, %d failures, %.1f MB", len(cards), len(failures), len(text) / 1e6)
    with atomic_path(results / "report.html") as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return results / "report.html"


def _errors(scores: Sequence[Path], model: FaceModel, options: EvaluationOptions) -> dict[str, str]:
    """The section of errors and the link to it; empty where no capture has a truth."""
    if not scores:
        return {"errors": "", "errors_link": ""}
    text = groups(*collect_scores(scores, model, options))
    return {"errors": page.error_section(text), "errors_link": '<a href="#errors">Errors</a>'}


def _origins(model: FaceModel, licences: Mapping[str, Any] | None) -> dict[str, str]:
    """The lines about models, networks and their licences."""
    if licences is None:
        return {"origins": page.origins({model.name: model.licence}, "")}
    return {"origins": page.origins(licences["parts"], licences["commercial_use"])}


def _counted(noun: str, number: int) -> tuple[str, str, bool]:
    """An entry of the summary: (`photo` or `photos`, its number, not bad)."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return noun + ending, str(number), False


def _heads(
    results: Path, batches: Sequence[str], model: FaceModel, options: ReportOptions
) -> tuple[list[HeadCard], list[tuple[str, str]]]:
    """Cards of the first heads; (capture, folder) of the others."""
    cards: list[HeadCard] = []
    others: list[tuple[str, str]] = []
    for batch in batches:
        folder = results / batch
        if not all((folder / f"{name}.h5").is_file() for name in NEEDED):
            continue
        with (
            ExitStack() as stack,
            BatchReader(folder / "fit.h5", FaceFit) as fits,
            BatchReader(folder / "texture.h5", Texture) as textures,
            BatchReader(folder / "capture.h5", Capture) as captures,
            BatchReader(folder / "faces.h5", Faces) as faces,
        ):
            albedos = None
            if (folder / "albedo.h5").is_file():
                albedos = stack.enter_context(BatchReader(folder / "albedo.h5", Albedo))
            for name in textures.captures:
                exported = f"{batch}/export/{name}"
                if len(cards) >= options.max_heads:
                    others.append((name, exported))
                    continue
                capture, fit = captures[faces[name].photo], fits[name]
                known = albedos is not None and name in albedos.captures
                colours = textures[name], albedos[name] if known else None
                cards.append(_card(name, results, exported, model, capture, fit, colours, options))
    return cards, others


def _card(
    name: str,
    results: Path,
    exported: str,
    model: FaceModel,
    capture: Capture,
    fit: FaceFit,
    colours: tuple[Texture, Albedo | None],
    options: ReportOptions,
) -> HeadCard:
    overlay, turntable = (results / exported / file for file in ("overlay.png", "turntable.png"))
    width = options.picture_width_px
    texture, albedo = colours
    fits_model = len(fit.vertices) == model.n_vertices
    return HeadCard(
        capture=name,
        folder=exported,
        picture=card_uri(overlay, turntable, width) if overlay.is_file() else "",
        numbers=(*_numbers(model, capture, fit), *_tone(albedo)),
        pack=head_pack(fit, texture, options.texture_px, albedo) if fits_model else "",
    )


def _numbers(model: FaceModel, capture: Capture, fit: FaceFit) -> tuple[tuple[str, str], ...]:
    view = fit.frontal_view  # the one that its picture shows
    error = 100 * float(fit.reprojection_px[view]) / max(float(fit.interocular_px[view]), 1e-6)
    focal = float(fit.focal_px[view] * capture.working_to_original[view, 0])
    in_face = model.parts.get("face_mask", np.arange(len(fit.vertex_sigma_mm)))
    sigma = float(np.median(fit.vertex_sigma_mm[in_face]))
    height, width = capture.original_size[view]
    result = (
        ("photo", f"{width} × {height} px"),
        ("reprojection", f"{error:.1f} % of the eye distance"),
        ("focal length", f"{focal:.0f} px{_spread(float(fit.focal_sigma[view]))}"),
        ("sigma", f"{sigma:.1f} mm" if np.isfinite(sigma) else "not known"),
        ("method", fit.method),
    )
    n_views = len(fit.focal_px)
    return (*result, ("views", str(n_views))) if n_views > 1 else result


def _tone(albedo: Albedo | None) -> tuple[tuple[str, str], ...]:
    """The individual typology angle of the skin, where it was told."""
    if albedo is None or not np.isfinite(albedo.ita_deg):
        return ()
    angle, sigma = float(albedo.ita_deg), float(albedo.ita_sigma_deg)
    name = sure_class(angle, sigma)
    return (("skin tone", f"{name + ', ' if name else ''}ITA {angle:.0f}° ± {sigma:.0f}°"),)


def _spread(sigma: float) -> str:
    """A relative standard deviation in words; nothing where none is known."""
    return f" ± {100 * sigma:.0f} %" if np.isfinite(sigma) else ""


def _sheets(results: Path, batches: Sequence[str], options: ReportOptions) -> str:
    parts = []
    for stage in page.STAGES:
        found = []
        for index, batch in enumerate(batches):
            link = f"{batch}/{SHEET.format(stage=stage)}"
            if (results / link).is_file():
                shown = index < options.max_sheet_batches
                uri = picture_uri(results / link, options.sheet_width_px) if shown else ""
                found.append((batch, uri, link))
        if found:
            parts.append(page.stage_sheets(stage, found))
    none = '<div class="panel"><p class="hint none">No contact sheets were found.</p></div>'
    return "\n".join(parts) or none
