"""How skin and light deviate, band by band: `python -m tests.benchmarks.albedo_statistics FOLDER`.

Prints the numbers of `lib/albedo/statistics.py`. Made-up people of all skin classes (single photos
of the worlds of seeds 500, 501 and 503, of which no table in the docs speaks) go through the line
as far as a head is fitted. Each photo is then laid on the chart by its true shape and camera. Skin:
true albedo about the fitted head's. Light: true matte light over true albedo, about one light of
nine harmonics. A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lib.albedo.bands import split
from lib.albedo.chart import HeadChart, head_chart
from lib.albedo.inverse import DARKEST, OFF_RANGE, SURE, SURELY_SKIN
from lib.albedo.light import fit_light, received, shine
from lib.albedo.statistics import LIGHT, SIZES, SKIN
from lib.artefacts import BatchReader, Capture, FaceFit, Faces, SkinMask, Truth
from lib.facemodel import load_face_model
from lib.log import progress
from lib.render import sample_image
from lib.synthesis import join_samples, open_studio, write_shard
from lib.uvspace.shown import ramp
from lib.uvspace.unwrap import UnwrappedFace, unwrap_face
from tests.benchmarks.albedo import PHOTO, SNAKEMAKE

PROJECT = Path(__file__).parents[2]
COUNTS = {500: 32, 501: 32, 503: 16}  # photos by seed
CHART_PX = 1024  # 0.4 mm a texel
LEAST_TEXELS = 1000


@dataclass(frozen=True)
class Shown:
    """A photo on the chart by its true shape.

    Args:
        face: what the photo shows; its albedo is the fitted head's.
        matte: (rows, cols, 3) light that the skin scattered, as bright as on the photo; linear.
        albedo: (rows, cols, 3) true, linear.
    """

    face: UnwrappedFace
    matte: np.ndarray
    albedo: np.ndarray


@dataclass(frozen=True)
class Deviations:
    """What of one photo is not as expected; (rows, cols, 3) of logarithms, mean 0 where sure.

    Args:
        skin: true albedo over that of the fitted head.
        light: true light over one of nine harmonics.
        trust: (rows, cols) bare skin that was seen.
    """

    skin: np.ndarray
    light: np.ndarray
    trust: np.ndarray


def draw(out: Path, seed: int, count: int) -> Path:
    """The sample sheet of a world."""
    shard = out / "world/shard.h5"
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        made = replace(PHOTO, seed=seed, count=count, maps_px=CHART_PX)
        studio = open_studio(load_face_model("makehuman"))
        write_shard(studio, made, 0, shard, out / "world/photos", torch.device("cpu"))
    sheet = shard.with_name("samples.tsv")
    join_samples([out / "world/photos"], sheet)
    return sheet


def run_line(out: Path, sheet: Path, cores: int) -> Path:
    """The batch folder with fitted heads."""
    batch = out / "b0001"
    command = [SNAKEMAKE, "--snakefile", str(PROJECT / "Snakefile"), "--quiet", "all", "--nolock"]
    command += ["--cores", str(cores), "--config", f"samples={sheet}", f"results={out}"]
    command += ["max_batches=1", "--", str(batch / "fit.h5")]
    subprocess.run(command, check=True)
    return batch


def photos(chart: HeadChart, out: Path, batch: Path) -> Iterator[Shown]:
    """Every fitted photo on the chart by its true shape."""
    with ExitStack() as stack:

        def opened(name: str, kind: type) -> BatchReader:
            return stack.enter_context(BatchReader(batch / f"{name}.h5", kind))

        captures, faces = opened("capture", Capture), opened("faces", Faces)
        skin, fits = opened("skin", SkinMask), opened("fit", FaceFit)
        truths = stack.enter_context(BatchReader(out / "world/shard.h5", Truth))
        for name in progress(fits.captures, f"photos of {out.name}"):
            capture, truth = captures[faces[name].photo], truths[name]
            fit = truly_posed(fits[name], capture, truth)
            face = unwrap_face(chart.model, capture, fit, skin[name], 0, CHART_PX, chart.fields)
            seen = face.weight > 0
            matte = np.zeros(face.rgb.shape, np.float32)
            light = truth.diffuse[0].astype(np.float32) * truth.exposure[0]
            matte[seen] = sample_image(light, face.place_px[seen])
            yield Shown(face, matte, np.asarray(truth.uv_albedo, np.float32))


def truly_posed(fit: FaceFit, capture: Capture, truth: Truth) -> FaceFit:
    """A fit whose shape and camera are the true ones; its albedo stays."""
    scale = 1 / float(capture.working_to_original[0].mean())
    return fit.replace(
        vertices=truth.vertices_mm,
        expression=np.zeros_like(fit.expression),
        world_to_camera=truth.world_to_camera,
        focal_px=truth.focal_px * scale,
        centre_px=(truth.centre_px + 0.5) * scale - 0.5,
    )


def deviations(chart: HeadChart, shown: Shown) -> Deviations | None:
    """What is not as expected of a photo; None where it shows too little skin."""
    face = shown.face
    trust = face.weight * ramp(face.skin, *SURELY_SKIN) * face.bare * (1 - face.lips)
    sure = trust > SURE
    if sure.sum() < LEAST_TEXELS:
        return None
    seen = face.weight > 0
    basis = received(face.normal[seen], chart.normal[seen], chart.transfer[seen])
    told = basis[sure[seen]]
    light = fit_light(shown.matte[sure], shown.albedo[sure], told, trust[sure])
    expected = np.zeros(shown.albedo.shape, np.float32)
    expected[seen] = np.log(shine(basis, light))
    true = _log(shown.albedo)
    found = [true - _log(chart.tempered(face.albedo)), _log(shown.matte) - true - expected]
    for values in found:
        values -= np.average(values[sure], axis=0, weights=trust[sure])
    return Deviations(*(np.clip(v, *OFF_RANGE) * seen[..., None] for v in found), trust)


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, np.float32(DARKEST)))


def covariances(found: Iterable[Deviations]) -> np.ndarray:
    """(2, n_bands, 3, 3) of skin and light, finest band first, over all texels that are sure."""
    total, texels = np.zeros((2, len(SIZES) + 1, 3, 3)), 0.0
    for one in found:
        weight = one.trust * (one.trust > SURE)
        texels += float(weight.sum())
        for which, values in enumerate((one.skin, one.light)):
            for band, part in enumerate(split(values, one.trust)):
                flat = part.reshape(-1, 3).astype(np.float64)
                total[which, band] += (flat * weight.reshape(-1, 1)).T @ flat
    return total / texels


def table(found: np.ndarray, before: np.ndarray) -> str:
    """Rows as the file has them, finest band first, each with the ratio of green to the file's."""
    upper = np.triu_indices(3)
    lines = []
    for name, own, other in zip(("_SKIN", "_LIGHT"), found, before, strict=True):
        lines.append(f"{name} = [  # 1e-4 log^2: RR, RG, RB, GG, GB, BB")
        for matrix, old in zip(own, other, strict=True):
            row = ", ".join(f"{1e4 * value:.3g}" for value in matrix[upper])
            lines.append(f"    [{row}],  # green: {matrix[1, 1] / old[1, 1]:.2f} of the file's")
        lines.append("]")
    return "\n".join(lines)


def measure(out: Path, cores: int, counts: dict[int, int]) -> np.ndarray:
    """(2, n_bands, 3, 3) of all worlds; see `covariances`."""
    chart = head_chart(load_face_model("makehuman"), CHART_PX)

    def found() -> Iterator[Deviations]:
        for seed, count in counts.items():
            place = (out / f"seed_{seed}").resolve()
            batch = run_line(place, draw(place, seed, count), cores)
            told = (deviations(chart, shown) for shown in photos(chart, place, batch))
            yield from (one for one in told if one is not None)

    return covariances(found())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the runs")
    parser.add_argument("--cores", type=int, default=2, help="for the workflow (default 2)")
    options = parser.parse_args()
    found = measure(options.out, options.cores, COUNTS)
    sys.stdout.write(table(found, np.stack([SKIN, LIGHT])) + "\n")


if __name__ == "__main__":
    main()
