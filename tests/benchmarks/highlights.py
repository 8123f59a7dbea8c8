"""How near photos without highlights come to the truth: `python -m tests.benchmarks.highlights`.

The line fits its own head to the photos and takes their highlights off: `rig`, the 12 views of the
scanned head (`lps_rigA` below VISAGRAPH_DATA), each by itself and all together; `single`, four
photos of it under other lights (`lps_single`); `drawn_SEED`, made-up people. PSNR and SSIM are
those of sRGB values on the face, as the fitted head has it, and where the truth mirrors more than
0.25 (encoded); BER is that of the mask, in percent. Beside the methods stand the photo itself and,
as a mask, a mere threshold of brightness. A second run goes on in the same folder. `--photos`
does photos without a truth, too.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Rig,
    SkinMask,
    Surface,
    Truth,
)
from lib.evaluation.highlights import FACE, Matte, bright_mask, matte_truth, removal_of
from lib.facemodel import FaceModel, load_face_model
from lib.highlights import HighlightOptions, HighlightTools, remove_highlights
from lib.highlights.face import face_photo, is_fitted
from lib.imaging import save_png
from lib.metrics import score_mask
from lib.metrics.highlights import BRIGHT
from lib.synthesis import SynthesisOptions, join_samples, open_studio, write_shard
from lib.uvspace.measured import Measured
from tests.benchmarks.shading import snakemake

WORLD = SynthesisOptions(height_px=768, width_px=768, yaw_deg=40, shard_size=1000)
HEADER = (
    "| photos | method | face, PSNR | SSIM | highlights, PSNR | SSIM | BER | s per photo |\n"
    "|---|---|---|---|---|---|---|---|"
)
SIDE = 360  # px of a picture in a strip


@dataclass(frozen=True)
class Case:
    """One capture, fitted, and the truth about its views.

    Args:
        name: of the capture.
        capture: the photos.
        skin: where they show bare skin.
        fit: the fitted head.
        measured: of many views.
        truth: view and photo's face (h, w) bool -> the truth about it.
    """

    name: str
    capture: Capture
    skin: SkinMask
    fit: FaceFit
    measured: Measured | None
    truth: Callable[[int, np.ndarray], Matte | None]


def fitted(out: Path, photos: str, cores: int, many: bool = False) -> Path:
    """The batch folder with what the highlights need."""
    batch = out / "b0001"
    names = ["capture", "faces", "skin", "fit", *(["rig", "base", "surface"] if many else [])]
    targets = [str(batch / f"{name}.h5") for name in names]
    config = [photos, f"results={out}", "max_batches=1"]
    snakemake("--cores", str(cores), "--config", *config, "--", *targets)
    return batch


def read_cases(
    batch: Path, truth: Callable[[Capture, str, int, np.ndarray], Matte | None]
) -> Iterator[Case]:
    """The captures of a batch, one at a time."""
    many = {"rig": Rig, "base": BaseMesh, "surface": Surface}
    with (
        BatchReader(batch / "capture.h5", Capture) as captures,
        BatchReader(batch / "faces.h5", Faces) as faces,
        BatchReader(batch / "skin.h5", SkinMask) as skins,
        BatchReader(batch / "fit.h5", FaceFit) as fits,
    ):
        for name, fit in fits.items():
            capture, measured = captures[faces[name].photo], None
            if (batch / "surface.h5").exists():
                found = []
                for stage, kind in many.items():
                    with BatchReader(batch / f"{stage}.h5", kind) as file:
                        found.append(file[name])
                measured = Measured(*found)

            def known(view, face, capture=capture, name=name):
                return truth(capture, name, view, face)

            yield Case(name, capture, skins[name], fit, measured, known)


def scanned_truth(folder: Path) -> Callable[[Capture, str, int, np.ndarray], Matte]:
    """Reads the truth of a scanned head's photo, by the name of its file."""

    def read(capture: Capture, _: str, view: int, face: np.ndarray) -> Matte:
        name = Path(capture.path[view]).stem
        size = capture.image[view].shape[1::-1]

        def picture(kind: str) -> np.ndarray:
            path = next((folder / kind).glob(f"{name}.*"))
            coded = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
            return cv2.resize(coded, size, interpolation=cv2.INTER_AREA)

        diffuse, specular = picture("diffuse"), picture("specular")
        face = face & (diffuse.sum(axis=2) > 0.02)
        return Matte(diffuse, specular, specular.max(axis=2) > BRIGHT, face)

    return read


def drawn_cases(out: Path, seed: int, count: int, cores: int) -> Iterator[Case]:
    """The photos of a synthetic world."""
    shard, photos = out / "world/shard.h5", out / "world/photos"
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        studio = open_studio(load_face_model("makehuman"))
        world = replace(WORLD, seed=seed, count=count)
        write_shard(studio, world, 0, shard, photos, torch.device("cpu"))
    sheet = shard.with_name("samples.tsv")
    join_samples([photos], sheet)
    batch = fitted(out / "line", f"samples={sheet}", cores)

    def read(capture: Capture, name: str, view: int, face: np.ndarray) -> Matte:
        with BatchReader(shard, Truth) as reader:
            true = matte_truth(capture, reader[name], view)
        return replace(true, face=true.face & face)

    return read_cases(batch, read)


@dataclass
class Table:
    """Scores of one set of photos, by method."""

    rows: dict[str, list[list[float]]]

    def add(
        self, method: str, picture: np.ndarray, mask: np.ndarray, true: Matte, seconds: float
    ) -> None:
        score = removal_of(picture, true)
        spot = score.highlight
        numbers = [score.face.psnr_db, score.face.ssim]
        numbers += [spot.psnr_db, spot.ssim] if spot else [np.nan, np.nan]
        numbers += [100 * score_mask(mask, true.highlight, true.face).ber, seconds]
        self.rows.setdefault(method, []).append(numbers)

    def show(self, kind: str) -> None:
        form = "{:.2f} | {:.4f} | {:.2f} | {:.4f} | {:.1f} | {:.2f} |"
        for method, rows in self.rows.items():
            table = np.ma.masked_invalid(np.array(rows))
            numbers = table.mean(axis=0).filled(np.nan)
            print(f"| {kind}, {len(rows)} | {method} | {form.format(*numbers)}", flush=True)


def compare(kind: str, cases: Iterator[Case], methods: dict[str, HighlightOptions], out: Path):
    """Print the rows of one set of photos and save its strips."""
    model = load_face_model("makehuman")
    table = Table({})
    tools = {name: HighlightTools.load(options) for name, options in methods.items()}
    for case in cases:
        faces = face_masks(model, case)
        truths = {view: case.truth(view, face) for view, face in faces.items()}
        made: dict[str, Highlights] = {}
        for name, options in methods.items():
            start = time.perf_counter()
            measured = case.measured if options.across_views else None
            found = remove_highlights(
                *(model, case.capture, case.fit, case.skin, options, tools[name]), measured
            )
            seconds = (time.perf_counter() - start) / len(case.capture.image)
            made[name] = found
            for view, true in truths.items():
                if true is not None and true.face.any():
                    mask = found.probability[view] > 127
                    table.add(name, found.diffuse[view], mask, true, seconds)
        for view, true in truths.items():
            image = case.capture.image[view]
            if true is not None and true.face.any():
                table.add("photo, threshold", image, bright_mask(image, true.face), true, np.nan)
            save_png(
                out / f"{case.name}_{view:02d}.png",
                strip(image, list(made.values()), view, true, faces[view]),
            )
    table.show(kind)


def face_masks(model: FaceModel, case: Case) -> dict[int, np.ndarray]:
    """View -> (h, w) bool: the fitted face."""
    return {
        view: np.isin(face_photo(model, case.capture, case.fit, case.skin, view).part, FACE)
        for view in range(len(case.capture.image))
        if is_fitted(case.fit, view)
    }


def strip(
    image: np.ndarray, made: Sequence[Highlights], view: int, true: Matte | None, face: np.ndarray
) -> np.ndarray:
    """(h, w, 3) uint8: photo; mask and matte picture of each method; both of the truth."""
    panels = [image]
    for found in made:
        panels += [np.repeat(found.probability[view][..., None], 3, axis=2), found.diffuse[view]]
    if true is not None:
        mask = np.repeat(true.highlight[..., None], 3, axis=2) * np.uint8(255)
        panels += [mask, np.rint(255 * true.diffuse).astype(np.uint8)]
    rows, columns = np.flatnonzero(face.any(axis=1)), np.flatnonzero(face.any(axis=0))
    if not len(rows):
        return image
    margin = int(0.15 * np.ptp(rows)) + 2
    window = (
        slice(max(rows[0] - margin, 0), rows[-1] + margin),
        slice(max(columns[0] - margin, 0), columns[-1] + margin),
    )
    cut = [panel[window] for panel in panels]
    scale = SIDE / cut[0].shape[0]
    size = (max(round(cut[0].shape[1] * scale), 1), SIDE)
    return np.hstack([cv2.resize(panel, size, interpolation=cv2.INTER_AREA) for panel in cut])


def rig_sheet(data: Path, out: Path) -> Path:
    """A sample sheet of the scanned head's views."""
    source, sheet = data / "lps_rigA", out / "samples.tsv"
    out.mkdir(parents=True, exist_ok=True)
    rows = ["capture\tview\timage\tcamera"]
    for path in sorted((source / "images").glob("*.jpg")):
        rows.append(f"lps\t{path.stem}\t{path}\t{source / 'cameras.json'}")
    sheet.write_text("\n".join(rows) + "\n")
    return sheet


def main() -> None:
    """Fit, remove by every method, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--count", type=int, default=12, help="photos of each world")
    parser.add_argument("--seeds", nargs="*", type=int, default=[960, 961, 962])
    parser.add_argument("--only", nargs="*", default=["rig", "single", "drawn"])
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--weights", type=Path, help="of method `learned`, to be compared too")
    parser.add_argument("--photos", type=Path, help="folder of photos without a truth")
    arguments = parser.parse_args()
    methods = {"dichromatic": HighlightOptions(across_views=False)}
    if arguments.weights:
        learned = HighlightOptions(method="learned", weights=str(arguments.weights))
        methods["learned"] = replace(learned, across_views=False)
    print(HEADER, flush=True)
    out, cores = arguments.out, arguments.cores
    if {"rig", "single"} & set(arguments.only):
        if not os.environ.get("VISAGRAPH_DATA"):
            raise SystemExit("VISAGRAPH_DATA is not set; it names the folder of test data.")
        data = Path(os.environ["VISAGRAPH_DATA"])
    if "rig" in arguments.only:
        sheet = rig_sheet(data, out / "rig")
        batch = fitted(out / "rig/line", f"samples={sheet}", cores, many=True)
        all_views = {"dichromatic, all views": HighlightOptions()}
        truth = scanned_truth(data / "lps_rigA")
        compare("rig", read_cases(batch, truth), methods | all_views, out / "rig")
    if "single" in arguments.only:
        batch = fitted(out / "single/line", f"photos={data / 'lps_single/images'}", cores)
        truth = scanned_truth(data / "lps_single")
        compare("single", read_cases(batch, truth), methods, out / "single")
    if "drawn" in arguments.only:
        for seed in arguments.seeds:
            place = out / f"drawn_{seed}"
            cases = drawn_cases(place, seed, arguments.count, cores)
            compare(f"drawn_{seed}", cases, methods, place)
    if arguments.photos:
        batch = fitted(out / "photos/line", f"photos={arguments.photos}", cores)
        compare("photos", read_cases(batch, lambda *_: None), methods, out / "photos")


if __name__ == "__main__":
    main()
