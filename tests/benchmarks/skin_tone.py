"""How far the tone of skin on real photos is from what a person says of it.

python -m tests.benchmarks.skin_tone --out FOLDER

Takes the faces below VISAGRAPH_DATA/photos whose skin was classed by eye, each by itself, up to
their albedo. By eye means: from the photo, the light that it seems to have, and clothes and walls
around. Such a class may be off by one, so that single photos say little and the mean says most.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lib.artefacts import Albedo, BatchReader
from tests.benchmarks.mixed_photos import pictures
from tests.runs import run

MIDDLE_DEG = {  # of the typology angle of a class
    "very light": 61.5,
    "light": 48.0,
    "intermediate": 34.5,
    "tan": 19.0,
    "brown": -10.0,
    "dark": -44.0,
}
BY_EYE = {  # names of photos without their endings
    "very light": "000002 015309 image00050",
    "light": "0 000114 00000 00001 00002 00003 015316 015384 image01322 image03614 lisa1 lisa2 "
    "lisa3 lisa4 london_021_neutral london_136_neutral vd006 vd026 vd034 vd051 vd070 vd102",
    "intermediate": "000031 000033 000050 000055 000125 000126 015259 015310 image02420 image02616 "
    "london_030_neutral london_036_neutral london_037_neutral vd025 vd092",
    "tan": "000006 000007 015270 1 imgHQ00039",
    "brown": "000037 imgHQ00088 london_006_neutral london_025_neutral",
    "dark": "london_137_neutral",
}
CLASS_OF = {name: kind for kind, names in BY_EYE.items() for name in names.split()}
EYE_SIGMA_DEG = 6.0  # of the middle of a class


def told(results: Path) -> Iterator[tuple[str, float, float]]:
    """Name, typology angle and its sigma of every photo that has an albedo."""
    for path in sorted(results.glob("b*/albedo.h5")):
        with BatchReader(path, Albedo) as albedos:
            for name, albedo in albedos.items():
                yield name, float(albedo.ita_deg), float(albedo.ita_sigma_deg)


def table(rows: list[tuple[str, float, float]]) -> str:
    """Markdown: errors by class, and of all."""
    lines = [
        "| by eye | photos | mean error | bias | sigma told | error over sigma |",
        "|---|---|---|---|---|---|",
    ]
    found = [(CLASS_OF[name], angle, sigma) for name, angle, sigma in rows]
    for kind in (*BY_EYE, "all"):
        these = [row for row in found if kind in (row[0], "all")]
        if not these:
            continue
        off = np.array([angle - MIDDLE_DEG[of] for of, angle, _ in these])
        sigma = np.array([sigma for *_, sigma in these])
        over = np.sqrt(np.mean(off**2 / (sigma**2 + EYE_SIGMA_DEG**2)))
        lines.append(
            f"| {kind} | {len(these)} | {np.abs(off).mean():.1f} | {off.mean():+.1f} | "
            f"{sigma.mean():.1f} | {over:.2f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Copy the photos, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for photos and results")
    parser.add_argument("--cores", type=int, default=2, help="cores (default: 2)")
    options = parser.parse_args()
    if not os.environ.get("VISAGRAPH_DATA"):
        parser.error("set VISAGRAPH_DATA to the folder that holds photos/")
    photos = options.out.resolve() / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for source in pictures(Path(os.environ["VISAGRAPH_DATA"]) / "photos"):
        if source.stem in CLASS_OF:
            shutil.copyfile(source, photos / source.name)
    results = photos.with_name("results")
    settings = {"photos": photos, "results": results, "shading": "{method: none}"}
    run("--until", "recover_albedo", cores=options.cores, **settings).check()
    print(table(list(told(results))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
