"""The photos that the UV network learns from: found, prepared once as files, and named."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.albedo.face_chart import FaceChart
from lib.artefacts import BatchReader, Capture, FaceFit, Faces, Highlights, SkinMask, Truth
from lib.errors import CaptureFailure, ConfigError
from lib.imaging import save_png
from lib.log import progress
from lib.training.albedo.options import AlbedoTrainingOptions
from lib.training.albedo.published_data import LIST, published_samples
from lib.training.albedo.samples import AlbedoSample, sample_of, save_sample
from lib.training.shading_samples import PhotoLine

log = logging.getLogger(__name__)

STAGES = {"capture": Capture, "faces": Faces, "skin": SkinMask, "fit": FaceFit}
HIGHLIGHTS = "highlights.h5"  # photos without them, where somebody told
PEOPLE = "photos.json"  # names and subjects of the prepared files, written last
LAYOUT = 1  # raise when prepared files change
WHERE = (
    "expected a shard of truth (.h5), the results folder of a run whose batches have capture.h5, "
    f"faces.h5, skin.h5 and fit.h5, or a folder in the published layout ({LIST})."
)

Made = Iterator[tuple[str, str, AlbedoSample | CaptureFailure]]


@dataclass(frozen=True)
class Photo:
    """A prepared photo.

    Args:
        name: of its capture and view.
        subject: whose face.
        path: of the sample.
    """

    name: str
    subject: str
    path: Path


def places_of(files: str | Sequence[str]) -> list[str]:
    """Sources that a rule names: shards and folders, and batches whose files come one by one."""
    named = [files] if isinstance(files, str) else list(files)
    told = {*(f"{name}.h5" for name in STAGES), HIGHLIGHTS}
    places = [str(Path(f).parent) if Path(f).name in told else str(f) for f in named]
    return list(dict.fromkeys(places))


def prepare_photos(
    chart: FaceChart, options: AlbedoTrainingOptions, folder: Path, landmark_models: Path
) -> tuple[Photo, ...]:
    """Samples of all photos of the data, each source prepared when it is not there yet.

    Args:
        chart: of the head model.
        options: of the training.
        folder: for the samples.
        landmark_models: folder of the landmark networks, for made-up people.

    Raises:
        ConfigError: nothing is named, something is neither, or a name occurs twice.
    """
    found: list[Photo] = []
    for item in options.data:
        for source in _sources_of(Path(item)):
            place = folder / _digest(source, chart, options)
            if not (place / PEOPLE).is_file():
                _prepare(source, place, chart, options, landmark_models)
            people = json.loads((place / PEOPLE).read_text(encoding="utf-8"))
            found += [Photo(name, who, place / f"{name}.npz") for name, who in people]
    names = [photo.name for photo in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ConfigError(
            f"{options.section}.data: {len(doubled)} photos occur twice, such as {min(doubled)}. "
            "Is one source named twice?"
        )
    if not found:
        raise ConfigError(
            f"{options.section}.data names {len(options.data)} sources in which no photo shows a "
            f"face; {WHERE}"
        )
    return tuple(found)


def _sources_of(item: Path) -> list[Path]:
    if item.is_file() and item.suffix == ".h5":
        return [item]
    if (item / LIST).is_file() or (item / "capture.h5").is_file():
        return [item]
    batches = sorted(path.parent for path in item.glob("b*/capture.h5"))
    if not batches:
        raise ConfigError(f"{AlbedoTrainingOptions.section}.data names {item}, {WHERE}")
    return batches


def _digest(source: Path, chart: FaceChart, options: AlbedoTrainingOptions) -> str:
    """Other data, another head or other sizes get a place of their own."""
    files = [source] if source.is_file() else sorted(source.glob("*.h5"))
    if (source / LIST).is_file():
        files = [source / LIST]
    states = [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    told = [LAYOUT, chart.model.name, chart.kind, options.chart_px, options.image_px, states]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _prepare(
    source: Path,
    place: Path,
    chart: FaceChart,
    options: AlbedoTrainingOptions,
    landmark_models: Path,
) -> None:
    place.mkdir(parents=True, exist_ok=True)
    if (source / LIST).is_file():
        samples = published_samples(source, chart)
    elif source.is_file():
        samples = _of_shard(source, chart, options, landmark_models)
    else:
        samples = _of_batch(source, chart, options)
    people = []
    for name, subject, made in progress(samples, f"preparing {source.name}"):
        if isinstance(made, CaptureFailure):
            log.info("%s: %s, left out (%s)", name, made.outcome, made.reason)
            continue
        save_sample(place / f"{name}.npz", made)
        people.append([name, subject])
    (place / PEOPLE).write_text(json.dumps(people), encoding="utf-8")


def _of_shard(
    source: Path, chart: FaceChart, options: AlbedoTrainingOptions, landmark_models: Path
) -> Made:
    """Single photos of a shard of truth, fitted by the line."""
    line = PhotoLine(chart.model, landmark_models)
    with BatchReader(source, Truth) as reader, tempfile.TemporaryDirectory() as folder:
        for name in reader.captures:
            truth = reader[name]
            key = f"{truth.subject.replace(' ', '_')}.{name}"
            path = Path(folder) / "photo.png"
            save_png(path, truth.image[0])
            try:
                found, fit = line.fit("photo", truth.image[0], path)
                skin = found.skin.probability[0]
                image = found.capture.image[0]
                made = sample_of(chart, fit, 0, image, skin, options.image_px, truth)
            except CaptureFailure as failure:
                yield key, truth.subject, failure
                continue
            yield key, truth.subject, made


def _of_batch(source: Path, chart: FaceChart, options: AlbedoTrainingOptions) -> Made:
    """Every fitted view of every capture of a run's batch; without highlights where told."""
    lost = [name for name in STAGES if not (source / f"{name}.h5").is_file()]
    if lost:
        raise ConfigError(
            f"{source} lacks {', '.join(f'{name}.h5' for name in lost)}; expected a batch whose "
            "heads are fitted. Run it first: snakemake --cores all --until fit_face_model"
        )
    with contextlib.ExitStack() as stack:
        readers = {
            name: stack.enter_context(BatchReader(source / f"{name}.h5", kind))
            for name, kind in STAGES.items()
        }
        told: BatchReader[Highlights] | None = None
        if (source / HIGHLIGHTS).is_file():
            told = stack.enter_context(BatchReader(source / HIGHLIGHTS, Highlights))
        for row in readers["fit"].outcomes:
            if row.failed:
                yield row.capture, "", CaptureFailure(row.outcome, row.reason)
                continue
            fit, faces = readers["fit"][row.capture], readers["faces"][row.capture]
            _same_head(fit, chart, source)
            capture, skin = readers["capture"][faces.photo], readers["skin"][row.capture]
            images = capture.image
            if told is not None and row.capture in told.captures:
                images = told[row.capture].diffuse
            for view in np.flatnonzero(np.isfinite(fit.light).all(axis=(1, 2))):
                key = row.capture if len(images) == 1 else f"{row.capture}.{view:02d}"
                shown = images[view], skin.probability[view], options.image_px
                try:
                    made = sample_of(chart, fit, int(view), *shown)
                except CaptureFailure as failure:
                    yield key, capture.subject, failure
                    continue
                yield key, capture.subject, made


def _same_head(fit: FaceFit, chart: FaceChart, source: Path) -> None:
    if fit.model != chart.model.name:
        raise ConfigError(
            f"{source} was fitted with head model '{fit.model}', face_model is "
            f"'{chart.model.name}'. Fit it again, or set face_model: {fit.model}."
        )
