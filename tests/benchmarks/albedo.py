"""How near albedo comes to the truth: `python -m tests.benchmarks.albedo`.

Made-up people that nothing was tuned on (worlds of seeds 960 to 963): single photos, several photos
of one person, a rig of eight cameras; and photos of a scanned head (`lps_rigA`, `lps_single` below
VISAGRAPH_DATA). On charts, smooth facial skin that was seen is compared; on photos of the scan,
skin as the fitted head has it, drawn by the fit's cameras. Pictures show photo, albedo, truth and
error. A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from lib.artefacts import Albedo, BatchReader, Capture, FaceFit, Faces, Texture, Truth
from lib.facemodel import FaceModel, load_face_model
from lib.imaging import save_png, srgb_to_linear
from lib.imaging.colour import linear_to_srgb8
from lib.metrics import SKIN_CLASSES, AlbedoScore, score_albedo
from lib.render import interpolate, render_buffers, sample_texture, uv_buffers
from lib.synthesis import SynthesisOptions, join_samples, open_studio, write_shard
from lib.uvspace.bare import bare_skin
from lib.uvspace.shown import posed_vertices

PROJECT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
PHOTO = SynthesisOptions(height_px=640, width_px=640, yaw_deg=50, things=0, shard_size=1000)
WORLDS = {  # what is drawn, and how many captures for each 12 single photos
    "photos": (replace(PHOTO, seed=960), 12),
    "more photos": (replace(PHOTO, seed=961), 12),
    "of one person": (replace(PHOTO, seed=962, captures_per_subject=4), 12),
    "rig": (replace(PHOTO, seed=963, kind="octet"), 3),
}
STAGES = ("capture", "faces", "fit", "texture", "albedo")
KINDS = dict(zip(STAGES, (Capture, Faces, FaceFit, Texture, Albedo), strict=True))
SEEN, BARE = 0.5, 0.9
PICTURE_PX = 320
WORST = 0.25  # of sRGB values: white in the picture of errors


@dataclass(frozen=True)
class Row:
    """One score of one capture, and what it is about."""

    photos: str
    who: str
    score: AlbedoScore


@dataclass(frozen=True)
class Line:
    """How the workflow is called.

    Args:
        cores: for it.
        highlights: the method that takes them off, the same for all of a folder.
        weights: of the network `learned` of the albedo.
    """

    cores: int
    highlights: str
    weights: str


def run_line(out: Path, photos: str, method: str, line: Line) -> Path:
    """The batch folder with the albedo of photos; everything before it is shared by methods.

    Args:
        out: results folder.
        photos: the setting that names them.
        method: of the albedo.
        line: how the workflow is called.
    """
    batch = out / "b0001"
    made = batch / f"albedo_{method}.h5"
    if not made.exists():
        weights = "" if method == "inverse" else line.weights
        settings = [photos, f"results={out}", "max_batches=1"]
        settings.append(f"highlights={{method: {line.highlights}}}")
        settings.append(f"albedo={{method: {method}, weights: '{weights}'}}")
        command = [SNAKEMAKE, "--snakefile", str(PROJECT / "Snakefile"), "--quiet", "all"]
        command += ["--nolock", "--cores", str(line.cores), "--config", *settings]
        command += ["--", str(batch / "albedo.h5")]
        subprocess.run(command, check=True)
        os.link(batch / "albedo.h5", made)
    return batch


def draw(out: Path, name: str, count: int) -> Path:
    """The sample sheet of a world."""
    options, share = WORLDS[name]
    shard = out / "world/shard.h5"
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        studio = open_studio(load_face_model("makehuman"))
        made = replace(options, count=max(1, count * share // 12))
        write_shard(studio, made, 0, shard, out / "world/photos", torch.device("cpu"))
    sheet = shard.with_name("samples.tsv")
    join_samples([out / "world/photos"], sheet)
    return sheet


def scan_source(folder: Path, out: Path) -> str:
    """The setting that names photos of the scan: single ones, or a rig with its cameras."""
    cameras = folder / "cameras.json"
    if folder.name == "lps_single":
        return f"photos={folder / 'images'}"
    rows = [("capture", "view", "image", "camera")]
    for image in sorted((folder / "images").glob("*.jpg")):
        rows.append(("lps", image.stem, str(image), str(cameras)))
    sheet = out / "samples.tsv"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    sheet.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return f"samples={sheet}"


@dataclass(frozen=True)
class Found:
    """What the line made of one capture."""

    name: str
    capture: Capture
    fit: FaceFit
    texture: Texture
    albedo: Albedo


def read(batch: Path, method: str) -> Iterator[Found]:
    """Every capture of a batch that has an albedo."""
    with ExitStack() as stack:
        files = {}
        for stage, kind in KINDS.items():
            name = f"albedo_{method}" if stage == "albedo" else stage
            files[stage] = stack.enter_context(BatchReader(batch / f"{name}.h5", kind))
        for name, albedo in files["albedo"].items():
            capture = files["capture"][files["faces"][name].photo]
            yield Found(name, capture, files["fit"][name], files["texture"][name], albedo)


def on_chart(model: FaceModel, found: Found, truth: Truth) -> tuple[dict, np.ndarray, np.ndarray]:
    """Charts (side, side, 3) by who made them, the true one, and the skin that is compared."""
    true = np.asarray(truth.uv_albedo, np.float32)
    side = len(true)
    chart = uv_buffers(model.uv, model.uv_triangles, (side, side))
    smooth = np.zeros(model.n_vertices, bool)
    smooth[model.parts["skin_smooth"]] = True
    mask = smooth[model.triangles].all(axis=1)[np.maximum(chart.triangle_id, 0)] & chart.mask

    def small(picture: np.ndarray) -> np.ndarray:
        size = (side, side)
        return cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)

    fitted = interpolate(chart, model.albedo(found.fit.albedo), model.triangles)
    charts = {"texture": small(found.texture.rgb), "fit": fitted}
    charts[found.albedo.method] = small(found.albedo.rgb)
    return charts, true, mask & (small(found.texture.weight) > SEEN)


def on_photo(
    model: FaceModel, found: Found, view: int, true: np.ndarray
) -> tuple[dict, np.ndarray]:
    """Pictures (h, w, 3) of albedo by who made them, and the skin that is compared.

    Args:
        model: the head model.
        found: of the line.
        view: which photo.
        true: (h, w, 3) true albedo; 0 off the head.
    """
    size, fit = true.shape[:2], found.fit
    scale = np.array(size[::-1]) / found.capture.image[view].shape[1::-1]
    centre = (fit.centre_px[view] + 0.5) * scale - 0.5
    camera = fit.world_to_camera[view], float(fit.focal_px[view] * scale.mean()), centre
    vertices = posed_vertices(model, fit, view)
    buffers = render_buffers(vertices, model.triangles, *camera, size)
    uv = interpolate(buffers, model.uv, model.uv_triangles)
    bare = interpolate(buffers, bare_skin(model)[:, None], model.triangles)[..., 0]
    fitted = interpolate(buffers, model.albedo(fit.albedo), model.triangles)
    charts = {"texture": found.texture, found.albedo.method: found.albedo}
    pictures = {who: sample_texture(it.rgb.astype(np.float32), uv) for who, it in charts.items()}
    mask = buffers.mask & (bare > BARE) & (true.max(axis=2) > 0.01)
    return {"fit": fitted, **pictures}, mask


def scan_pictures(data: Path, name: str, found: Found) -> Iterator[tuple[int, np.ndarray]]:
    """(view, true albedo) of each photo of the scanned head."""
    for view, label in enumerate(found.capture.view):
        stem = label if name == "lps_rigA" else found.name
        picture = np.asarray(Image.open(data / name / f"albedo/{stem}.jpg").convert("RGB"))
        if np.isfinite(found.fit.world_to_camera[view]).all():
            yield view, srgb_to_linear(picture)


def strip(photo: np.ndarray, found: np.ndarray, true: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: photo, albedo, truth, and where they differ."""
    shown = [linear_to_srgb8(np.clip(picture, 0, 1)) for picture in (found, true)]
    off = np.abs(shown[0].astype(np.float32) - shown[1]).mean(axis=2) / 255 / WORST * mask
    heat = np.repeat(np.rint(255 * np.clip(off, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)
    size = (PICTURE_PX, PICTURE_PX)
    cells = [cv2.resize(cell, size, interpolation=cv2.INTER_AREA) for cell in (photo, *shown, heat)]
    return np.hstack(cells)


def measure_world(
    model: FaceModel, out: Path, name: str, batch: Path, method: str
) -> Iterator[Row]:
    """Scores on the chart, and a picture of all strips."""
    strips = []
    with BatchReader(out / "world/shard.h5", Truth) as truths:
        for found in read(batch, method):
            charts, true, mask = on_chart(model, found, truths[found.name])
            if mask.any():
                for who, chart in charts.items():
                    yield Row(name, who, score_albedo(chart, true, mask))
                photo = found.capture.image[found.fit.frontal_view]
                strips.append(strip(photo, charts[found.albedo.method], true, mask))
    save_png(out / f"albedo_{method}.png", np.vstack(strips))


def measure_scan(
    model: FaceModel, data: Path, out: Path, name: str, batch: Path, method: str
) -> Iterator[Row]:
    """Scores on the photos of the scanned head, and a picture of all strips."""
    strips = []
    for found in read(batch, method):
        for view, true in scan_pictures(data, name, found):
            pictures, mask = on_photo(model, found, view, true)
            if mask.sum() > 100:
                for who, picture in pictures.items():
                    yield Row(name, who, score_albedo(picture, true, mask))
                shown = pictures[found.albedo.method]
                strips.append(strip(found.capture.image[view], shown, true, mask))
    save_png(out / f"albedo_{method}.png", np.vstack(strips))


def table(rows: list[Row]) -> str:
    """Means of each kind of photo and who, and the bias of every class of skin."""
    classes = [name for name, _ in SKIN_CLASSES]
    lines = [
        "| photos | albedo of | n | PSNR | scaled | ITA error | "
        + " | ".join(f"bias {name}" for name in classes)
        + " |",
        "|" + "---|" * (6 + len(classes)),
    ]
    for photos in dict.fromkeys(row.photos for row in rows):
        for who in dict.fromkeys(row.who for row in rows if row.photos == photos):
            found = [row.score for row in rows if (row.photos, row.who) == (photos, who)]
            lines.append(f"| {photos} | {who} | {_cells(found, classes)} |")
    return "\n".join(lines)


def _cells(scores: list[AlbedoScore], classes: list[str]) -> str:
    def mean(value: Callable[[AlbedoScore], float]) -> float:
        return float(np.mean([value(score) for score in scores]))

    cells = [str(len(scores)), f"{mean(lambda s: s.psnr_db):.1f}"]
    cells.append(f"{mean(lambda s: s.scaled_psnr_db):.1f}")
    cells.append(f"{mean(lambda s: s.ita_error_deg):.1f}")
    for name in classes:
        biases = [score.ita_bias_deg for score in scores if score.skin_class == name]
        cells.append(f"{np.mean(biases):+.1f}" if biases else "")
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the runs")
    parser.add_argument("--count", type=int, default=12, help="photos per world (default 12)")
    parser.add_argument("--only", nargs="+", help="names of worlds and scans (default all)")
    parser.add_argument("--weights", default="", help="of a network to compare (default none)")
    parser.add_argument(
        "--highlights", default="dichromatic", help="how they are taken off (default dichromatic)"
    )
    parser.add_argument("--cores", type=int, default=2, help="for the workflow (default 2)")
    options = parser.parse_args()
    data = os.environ.get("VISAGRAPH_DATA")
    methods = ["inverse", "learned"] if options.weights else ["inverse"]
    line = Line(options.cores, options.highlights, options.weights)
    scans = ("lps_single", "lps_rigA") if data else ()
    names = options.only or [*WORLDS, *scans]
    model, rows = load_face_model("makehuman"), []
    for name in names:
        out = (options.out / name.replace(" ", "_")).resolve()
        for method in methods:
            if name in WORLDS:
                source = f"samples={draw(out, name, options.count)}"
                batch = run_line(out, source, method, line)
                rows += measure_world(model, out, name, batch, method)
            else:
                source = scan_source(Path(data) / name, out)
                batch = run_line(out, source, method, line)
                rows += measure_scan(model, Path(data), out, name, batch, method)
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
