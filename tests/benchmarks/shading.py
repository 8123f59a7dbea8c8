"""How near the relief of single photos comes to the truth: `python -m tests.benchmarks.shading`.

The line fits its own head to photos of heads that it cannot take the shape of: a scanned head
(`lps_single` below VISAGRAPH_DATA), rendered heads of ICT-FaceKit with wrinkles, made-up wrinkled
heads, and heads that are smooth but full of freckles. Every method's relief is laid over the fitted
head, and its normals are compared with the true ones pixel by pixel, on bare skin that the photo
shows. A band is what is left of normals without their Gaussian mean over 1.5 mm, away from edges
of the fitted head itself. A second run goes on in the same folder. `--photos FOLDER` shades photos
without a truth, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from lib.artefacts import BatchReader, Capture, FaceFit, Faces, SkinMask, Surface, Truth
from lib.facemodel import FaceModel, load_face_model
from lib.figures.shaded import draw_shaded
from lib.imaging import save_png
from lib.imaging.colour import linear_to_srgb8
from lib.shading import ShadingOptions, shade_capture
from lib.synthesis import SynthesisOptions, join_samples, open_studio, write_shard
from lib.uvspace.bands import blur_mm
from lib.uvspace.grey import lit, shown_normals, surface_tilt, view_camera
from lib.uvspace.shown import posed_vertices
from lib.uvspace.unwrap import unwrap_face
from tests.benchmarks.fit_accuracy import ict_head

PROJECT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
WORLD = SynthesisOptions(height_px=768, width_px=768, yaw_deg=40, things=0, shard_size=1000)
WORLDS = {  # whether the truth is ICT-FaceKit's, and what is drawn
    "ict": (True, replace(WORLD, seed=950, wrinkles=3, expressions="balanced")),
    "wrinkled": (False, replace(WORLD, seed=951, wrinkles=3, expressions="balanced")),
    "freckles": (False, replace(WORLD, seed=952, relief=0, freckles=1)),
}
EDGE_DEG = 2.0  # of the fitted head's own band: there the head model ends, not the relief
FRECKLED_DEG = 20.0  # typology angle; darker skin has few freckles
BAND_MM = 1.5
BARE = 0.9  # of weight, from which a pixel is scored: far from eyes, brows, nostrils and lips
HEADER = (
    "| photos | head | normals, median | mean | band, error | correlation | relief | invented | "
    "s per photo |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Case:
    """One photo, fitted, and the truth about it.

    Args:
        name: of the capture.
        capture: the photo.
        skin: where it shows bare skin.
        fit: the fitted head.
        normal: (h, w, 3) true unit normals of its pixels, camera frame; 0 = none.
        smooth: whether the true skin has no relief.
    """

    name: str
    capture: Capture
    skin: SkinMask
    fit: FaceFit
    normal: np.ndarray
    smooth: bool


@dataclass(frozen=True)
class Score:
    """Of one photo: angles in degrees, lengths in mm.

    Args:
        median, mean: angle between normals.
        band: rms difference of their bands.
        correlation: of their bands.
        relief: rms of the distance without what is wider than the band.
        invented: rms tilt that the relief adds in the band.
    """

    median: float
    mean: float
    band: float
    correlation: float
    relief: float
    invented: float


def snakemake(*words: str) -> None:
    """Run the workflow.

    Raises:
        subprocess.CalledProcessError: a job failed.
    """
    command = [SNAKEMAKE, "--snakefile", str(PROJECT / "Snakefile"), "--quiet", "all", "--nolock"]
    subprocess.run([*command, *words], check=True)


def fitted(out: Path, photos: Sequence[str], cores: int) -> Path:
    """The batch folder with the fits of a folder of photos or a sample sheet.

    Args:
        out: results folder.
        photos: the setting that names them, `photos=FOLDER` or `samples=SHEET`.
        cores: for the workflow.
    """
    batch = out / "b0001"
    targets = [str(batch / name) for name in ("fit.h5", "skin.h5", "faces.h5", "capture.h5")]
    config = [*photos, f"results={out}", "max_batches=1"]
    snakemake("--cores", str(cores), "--config", *config, "--", *targets)
    return batch


def read_cases(batch: Path, truth: Callable[[str], np.ndarray | None], smooth: bool) -> list[Case]:
    """The fitted captures of a batch that have a truth."""
    found = []
    with (
        BatchReader(batch / "capture.h5", Capture) as captures,
        BatchReader(batch / "faces.h5", Faces) as faces,
        BatchReader(batch / "skin.h5", SkinMask) as skins,
        BatchReader(batch / "fit.h5", FaceFit) as fits,
    ):
        for name, fit in fits.items():
            normal = truth(name)
            if normal is not None:
                capture = captures[faces[name].photo]
                found.append(Case(name, capture, skins[name], fit, normal, smooth))
    return found


def scanned_cases(data: Path, out: Path, cores: int) -> list[Case]:
    """The photos of the scanned head."""
    batch = fitted(out / "line", [f"photos={data / 'lps_single/images'}"], cores)

    def truth(name: str) -> np.ndarray:
        coded = np.asarray(Image.open(data / f"lps_single/normal/{name}.png").convert("RGB"))
        normal = coded.astype(np.float32) / 255 * 2 - 1
        mask = np.asarray(Image.open(data / f"lps_single/mask/{name}.png").convert("L")) > 127
        return _unit(normal) * mask[..., None]

    return read_cases(batch, truth, smooth=False)


def drawn_cases(out: Path, kind: str, count: int, cores: int) -> list[Case]:
    """The photos of a synthetic world."""
    foreign, options = WORLDS[kind]
    shard, photos = out / "world/shard.h5", out / "world/photos"
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        studio = open_studio(ict_head() if foreign else load_face_model("makehuman"))
        write_shard(studio, replace(options, count=count), 0, shard, photos, torch.device("cpu"))
    sheet = shard.with_name("samples.tsv")
    join_samples([photos], sheet)
    batch = fitted(out / "line", [f"samples={sheet}"], cores)

    def truth(name: str) -> np.ndarray | None:
        with BatchReader(shard, Truth) as reader:
            drawn = reader[name]
        if kind == "freckles" and float(drawn.tone_deg) < FRECKLED_DEG:
            return None
        return _unit(drawn.normal[0].astype(np.float32))

    return read_cases(batch, truth, smooth=kind == "freckles")


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.where(length > 0.5, vectors / np.maximum(length, 1e-6), 0)


def band(normal: np.ndarray, mask: np.ndarray, sigma_px: float) -> np.ndarray:
    """(h, w, 3) normals less their mean around, over the mask."""
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma_px)[..., None]
    around = cv2.GaussianBlur(normal * mask[..., None], (0, 0), sigma_px)
    return (normal - around / np.maximum(weight, 1e-3)) * mask[..., None]


def scored_pixels(case: Case, model: FaceModel, view: int, mask: np.ndarray) -> np.ndarray:
    """(h, w) bool: bare skin that the photo shows, where there is a true normal."""
    face = unwrap_face(model, case.capture, case.fit, case.skin, view, 1024)
    good = (face.weight * face.bare > BARE) & face.mask & (face.lips < 0.1)
    place = face.place_px[good]
    height, width = mask.shape
    shown = np.zeros((height, width), np.float32)
    column, row = np.rint(np.clip(place, 0, [width - 1, height - 1])).astype(int).T
    shown[row, column] = 1
    shown = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones((3, 3)))
    shown = cv2.erode(shown, np.ones((5, 5)))
    return (shown > 0.5) & mask & (np.linalg.norm(case.normal, axis=2) > 0.5)


def score(case: Case, model: FaceModel, surface: Surface) -> Score:
    """The relief of a surface against the truth of its photo."""
    view = case.fit.frontal_view
    size = case.capture.image[view].shape[:2]
    found, mask = _normals(case, model, surface, 1.0)
    base, _ = _normals(case, model, surface, 0.0)
    mask = scored_pixels(case, model, view, mask)
    truth = case.normal
    if truth.shape[:2] != size:
        truth = _unit(cv2.resize(truth, size[::-1], interpolation=cv2.INTER_AREA))
    fit = case.fit
    depth = float(fit.world_to_camera[view][2, 3])
    sigma = BAND_MM * float(fit.focal_px[view]) / depth
    cosine = (found * truth).sum(axis=2)[mask]
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    edges = np.linalg.norm(band(base, mask, sigma), axis=2) > np.radians(EDGE_DEG)
    flat = mask & ~cv2.dilate(edges.astype(np.uint8), np.ones((5, 5))).astype(bool)
    of_found, of_truth, of_base = (
        band(normal, mask, sigma)[flat] for normal in (found, truth, base)
    )
    product = float((of_found * of_truth).sum())
    size_of = np.sqrt(float((of_found**2).sum()) * float((of_truth**2).sum()))
    return Score(
        float(np.median(angle)),
        float(angle.mean()),
        _rms_deg(of_found - of_truth),
        product / max(size_of, 1e-9),
        _relief_mm(surface),
        _rms_deg(of_found - of_base),
    )


def _rms_deg(vectors: np.ndarray) -> float:
    return float(np.degrees(np.sqrt((vectors**2).sum(axis=1).mean())))


def _relief_mm(surface: Surface) -> float:
    """Root mean square of the band of the distance, weighted by its confidence."""
    weight = surface.confidence.astype(np.float32)
    if not weight.any():
        return 0.0
    step = np.linalg.norm(np.diff(surface.position_mm, axis=1), axis=2)
    spacing = np.full(weight.shape, np.nanmedian(step), np.float32)
    around = blur_mm(surface.distance_mm, weight, spacing, BAND_MM)
    return float(np.sqrt(np.average((surface.distance_mm - around) ** 2, weights=weight)))


def _normals(
    case: Case, model: FaceModel, surface: Surface, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    view, fit = case.fit.frontal_view, case.fit
    size = case.capture.image[view].shape[:2]
    tilt = surface_tilt(surface) if gain else None
    return shown_normals(
        model, posed_vertices(model, fit, view), view_camera(fit, view), size, tilt
    )


def strip(case: Case, model: FaceModel, surfaces: Sequence[Surface]) -> np.ndarray:
    """(h, w, 3) uint8: photo, fitted head, each surface, truth."""
    view = case.fit.frontal_view
    image = case.capture.image[view]
    panels = [image]
    for surface, gain in [(surfaces[0], 0.0), *((surface, 1.0) for surface in surfaces)]:
        panels.append(_grey(*_normals(case, model, surface, gain)))
    normal = cv2.resize(case.normal, image.shape[1::-1])
    panels.append(_grey(normal, np.linalg.norm(normal, axis=2) > 0.5))
    place = case.fit.landmarks_px[view]
    (left, top), (right, bottom) = np.nanmin(place, axis=0), np.nanmax(place, axis=0)
    margin = 0.35 * (bottom - top)
    rows = slice(max(int(top - margin), 0), int(bottom + 0.3 * margin))
    columns = slice(max(int(left - 0.3 * margin), 0), int(right + 0.3 * margin))
    cut = [
        cv2.resize(panel[rows, columns], (420, 520), interpolation=cv2.INTER_AREA)
        for panel in panels
    ]
    return np.hstack(cut)


def _grey(normals: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.repeat(linear_to_srgb8(lit(normals, mask))[..., None], 3, axis=2)


def main() -> None:
    """Fit, shade by every method, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--count", type=int, default=12, help="photos of each world")
    parser.add_argument("--only", nargs="*", default=["lps", *WORLDS])
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        *("--methods", "-m"),
        nargs="*",
        default=['{"method": "optimise"}'],
        help="settings of section shading as JSON, one for each method",
    )
    parser.add_argument("--photos", type=Path, help="folder of photos without a truth")
    arguments = parser.parse_args()
    model = load_face_model("makehuman")
    methods = [json.loads(text) for text in arguments.methods]
    print(HEADER, flush=True)
    for kind in arguments.only:
        place = arguments.out / kind
        if kind == "lps":
            data = os.environ.get("VISAGRAPH_DATA")
            if not data:
                raise SystemExit("VISAGRAPH_DATA is not set; it names the folder of test data.")
            cases = scanned_cases(Path(data), place, arguments.cores)
        else:
            cases = drawn_cases(place, kind, arguments.count, arguments.cores)
        compare(kind, cases, model, methods, place)
    if arguments.photos:
        batch = fitted(arguments.out / "line", [f"photos={arguments.photos}"], arguments.cores)
        look(read_cases(batch, _unknown, smooth=False), model, methods, arguments.out)


def compare(
    kind: str, cases: Sequence[Case], model: FaceModel, methods: Sequence[dict], out: Path
) -> None:
    """Print the rows of one set of photos and save its pictures."""
    options = [ShadingOptions(**settings) for settings in methods]
    plain = ShadingOptions(method="none")
    made: dict[str, list[Surface]] = {case.name: [] for case in cases}
    for number, chosen in enumerate([plain, *options]):
        scores, seconds = [], []
        for case in cases:
            start = time.perf_counter()
            surface = shade_capture(model, case.capture, case.skin, case.fit, chosen)
            seconds.append(time.perf_counter() - start)
            scores.append(score(case, model, surface))
            if number:
                made[case.name].append(surface)
        name = "fitted head" if not number else chosen.method
        table = np.array([list(vars(item).values()) for item in scores])
        numbers = table.mean(axis=0)
        row = "{:.2f} deg | {:.2f} deg | {:.2f} deg | {:.3f} | {:.3f} mm | {:.2f} deg"
        print(
            f"| {kind}, {len(cases)} | {name} | {row.format(*numbers)} | "
            f"{np.median(seconds):.2f} |",
            flush=True,
        )
    for case in cases:
        if made[case.name]:
            save_png(out / f"{case.name}.png", strip(case, model, made[case.name]))


def _unknown(_: str) -> np.ndarray:
    return np.zeros((1, 1, 3), np.float32)


def look(cases: Sequence[Case], model: FaceModel, methods: Sequence[dict], out: Path) -> None:
    """Print seconds per photo of every method, and save photo, grey head and relief."""
    for number, settings in enumerate(methods):
        options, seconds, rows = ShadingOptions(**settings), [], []
        for case in cases:
            start = time.perf_counter()
            surface = shade_capture(model, case.capture, case.skin, case.fit, options)
            seconds.append(time.perf_counter() - start)
            rows.append(draw_shaded(model, case.capture, case.fit, surface, 420))
        half = -(-len(rows) // 2)
        rows += [np.full_like(rows[0], 255)] * (2 * half - len(rows))
        sheet = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
        save_png(out / f"photos_{number}_{options.method}.png", sheet)
        print(f"| photos, {len(cases)} | {options.method} | {np.median(seconds):.2f} s |")


if __name__ == "__main__":
    main()
