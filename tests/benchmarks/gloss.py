"""How well gloss that views tell foresees other views: `python -m tests.benchmarks.gloss`.

The 12 views of the scanned head (`lps_rigA` below VISAGRAPH_DATA) and rigs of eight cameras about
made-up people. Two opposite views at a time are kept out; the others tell the mirrored light and
the gloss. What both foresee in the views kept out is compared with the true mirrored light on bare
skin, with the usual gloss and with the one that was told, the light fitted to either: correlation,
and root mean square error as a share of the true root mean square, before and after one gain for
each view. Of made-up people, the logarithms of the maps are compared with the true ones, too. A
second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from lib.albedo.chart import HeadChart, head_chart
from lib.albedo.gloss import usual_gloss
from lib.albedo.gloss_views import told_gloss
from lib.albedo.mirrored import Places, fit_mirrored_light, mirrored, with_gloss
from lib.albedo.photo import Source
from lib.albedo.places import FEWEST, Lattice, skin_places
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
    Texture,
    Truth,
)
from lib.facemodel import load_face_model
from lib.imaging import linear_to_srgb, save_png
from lib.synthesis import SynthesisOptions, join_samples, open_studio, write_shard
from tests.benchmarks.highlights import rig_sheet
from tests.benchmarks.shading import snakemake

KINDS = {
    "fit": FaceFit,
    "skin": SkinMask,
    "texture": Texture,
    "highlights": Highlights,
    "surface": Surface,
    "rig": Rig,
    "base": BaseMesh,
}
WORLD = SynthesisOptions(kind="octet", seed=963, things=0, shard_size=1000)
SEEN = 0.3  # weight from which a place of a view kept out is compared
DARKEST = 1e-3
HEADER = (
    "| views of | gloss | correlation | error | after a gain | roughness, error of log "
    "| reflectance | told |\n|---|---|---|---|---|---|---|---|"
)


def sources(out: Path, sheet: Path, cores: int) -> Iterator[tuple[str, Source]]:
    """Captures of a sample sheet with what the line makes of them before the albedo."""
    batch = out / "b0001"
    targets = [str(batch / f"{name}.h5") for name in ("highlights", "texture", "surface")]
    config = [f"samples={sheet}", f"results={out}", "max_batches=1"]
    snakemake("--cores", str(cores), "--config", *config, "--", *targets)
    with ExitStack() as stack:
        captures = stack.enter_context(BatchReader(batch / "capture.h5", Capture))
        faces = stack.enter_context(BatchReader(batch / "faces.h5", Faces))
        files = {
            name: stack.enter_context(BatchReader(batch / f"{name}.h5", kind))
            for name, kind in KINDS.items()
        }
        for name in files["texture"].captures:
            made = {part: file[name] for part, file in files.items()}
            yield name, Source(captures[faces[name].photo], **made)


def true_light(source: Source, picture: Callable[[int], np.ndarray]) -> Source:
    """The capture with pictures (h, w, 3) uint8 of its mirrored light alone as its photos."""
    images = []
    for view, image in enumerate(source.capture.image):
        size = image.shape[1::-1]
        images.append(cv2.resize(picture(view), size, interpolation=cv2.INTER_AREA))
    return replace(source, capture=source.capture.replace(image=images))


def common(one: tuple[Places, Lattice], other: tuple[Places, Lattice]):
    """The places of a lattice that both have."""
    _, here, there = np.intersect1d(one[1].cell, other[1].cell, return_indices=True)
    lattice = replace(one[1], cell=one[1].cell[here])
    return one[0].at(here), other[0].at(there), lattice


def foreseen(known: Places, kept_out: Places, true: Places, gloss: np.ndarray) -> np.ndarray:
    """(k, 3) correlation and relative errors in each view kept out."""
    light = fit_mirrored_light(with_gloss(known, gloss))
    lobe, rim = mirrored(with_gloss(kept_out, gloss), light)
    scores = []
    for made, shown, weight in zip(gloss[:, 0] * lobe + rim, true.bright, kept_out.weight):
        made, shown = made[weight > SEEN], shown[weight > SEEN]
        if len(made) > 100:
            gained = made * (made @ shown) / max(made @ made, 1e-12)
            errors = [np.linalg.norm(one - shown) for one in (made, gained)]
            scores.append((np.corrcoef(made, shown)[0, 1], *errors / np.linalg.norm(shown)))
    return np.array(scores).reshape(-1, 3)


def with_told(places: Places, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) gloss that views tell, and (n, 2) how far."""
    told = told_gloss(places, lattice)
    factor = told.log_factor.reshape(-1, 2)[lattice.cell]
    return places.gloss * np.exp(factor), told.weight.reshape(-1, 2)[lattice.cell]


def measure(
    chart: HeadChart, source: Source, true: Source, uv_gloss: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Gloss -> (6,) means of the table's columns, for one capture."""
    usual = usual_gloss(chart)
    places, shown, lattice = common(*(skin_places(chart, one, usual) for one in (source, true)))
    count, rows = len(places.bright), {"usual": [], "told": []}
    for first in range(0, count // 2, 2):
        out = np.array([first, first + count // 2])
        rest = np.setdiff1d(np.arange(count), out)
        several = np.flatnonzero((places.weight[rest] > 0).sum(axis=0) >= FEWEST)
        part = replace(lattice, cell=lattice.cell[several])
        known, unknown = (places.at(several).of_views(views) for views in (rest, out))
        truth = shown.at(several).of_views(out)
        told, _ = with_told(known, part)
        rows["usual"].append(foreseen(known, unknown, truth, known.gloss))
        rows["told"].append(foreseen(known, unknown, truth, told))
    means = {name: np.concatenate(found).mean(axis=0) for name, found in rows.items()}
    told, weight = with_told(places, lattice)
    errors = {"usual": np.full(2, np.nan), "told": np.full(2, np.nan)}
    if uv_gloss is not None:
        size = lattice.shape[::-1]
        fine = cv2.resize(uv_gloss, size, interpolation=cv2.INTER_AREA)
        truth = np.maximum(fine.reshape(-1, 2)[lattice.cell], DARKEST)
        for name, gloss in (("usual", places.gloss), ("told", told)):
            off = np.log(gloss / truth)
            errors[name] = (off - np.median(off, axis=0)).std(axis=0)
    how = {"usual": 0.0, "told": float(weight.mean())}
    return {name: np.array([*means[name], *errors[name][::-1], how[name]]) for name in means}


def picture(chart: HeadChart, source: Source) -> np.ndarray:
    """(h, w, 3) uint8 maps beside each other: factors on both, from 0.67 to 1.5; roughness told."""
    places, lattice = skin_places(chart, source, usual_gloss(chart))
    told = told_gloss(places, lattice)
    maps = [*np.moveaxis(0.5 + told.log_factor / 0.8, 2, 0), told.weight[..., 1]]
    grey = np.rint(255 * np.clip(np.hstack(maps), 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder for everything")
    parser.add_argument("--count", type=int, default=3, help="made-up people (default 3)")
    parser.add_argument("--seed", type=int, default=WORLD.seed)
    parser.add_argument("--only", nargs="*", default=["rig", "drawn"])
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    model = load_face_model("makehuman")
    chart = head_chart(model, 1024)
    print(HEADER, flush=True)
    for kind in options.only:
        out = options.out.resolve() / (kind if kind == "rig" else f"{kind}_{options.seed}")
        found: dict[str, list[np.ndarray]] = {"usual": [], "told": []}
        of = scanned if kind == "rig" else drawn
        for name, source, true, uv_gloss in of(out, options):
            for gloss, row in measure(chart, source, true, uv_gloss).items():
                found[gloss].append(row)
            save_png(out / f"{name}.png", picture(chart, source))
        for gloss, rows in found.items():
            cells = [
                f"{value:.3f}" if np.isfinite(value) else "" for value in np.mean(rows, axis=0)
            ]
            print(f"| {kind}, {len(rows)} | {gloss} | {' | '.join(cells)} |", flush=True)


Case = tuple[str, Source, Source, np.ndarray | None]


def scanned(out: Path, options: argparse.Namespace) -> Iterator[Case]:
    """The scanned head."""
    data = Path(os.environ["VISAGRAPH_DATA"])
    for name, source in sources(out / "line", rig_sheet(data, out), options.cores):
        views = source.capture.view

        def mirrored_in(view: int, views=views) -> np.ndarray:
            path = next((data / "lps_rigA/specular").glob(f"{views[view]}.*"))
            return np.asarray(Image.open(path).convert("RGB"))

        yield name, source, true_light(source, mirrored_in), None


def drawn(out: Path, options: argparse.Namespace) -> Iterator[Case]:
    """Made-up people."""
    shard = out / "world/shard.h5"
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        studio = open_studio(load_face_model("makehuman"))
        world = replace(WORLD, seed=options.seed, count=options.count)
        write_shard(studio, world, 0, shard, out / "world/photos", torch.device("cpu"))
    sheet = shard.with_name("samples.tsv")
    join_samples([out / "world/photos"], sheet)
    for name, source in sources(out / "line", sheet, options.cores):
        with BatchReader(shard, Truth) as reader:
            truth = reader[name]

        def mirrored_in(view: int, truth=truth) -> np.ndarray:
            light = truth.specular[view].astype(np.float32) * truth.exposure[view]
            return np.rint(255 * linear_to_srgb(np.clip(light, 0, 1))).astype(np.uint8)

        uv_gloss = np.asarray(truth.uv_specular, np.float32)
        yield name, source, true_light(source, mirrored_in), uv_gloss


if __name__ == "__main__":
    main()
