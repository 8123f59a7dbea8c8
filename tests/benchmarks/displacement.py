"""How near fine relief comes to the truth: `python -m tests.benchmarks.displacement`.

Draws people whose pores and wrinkles are known, photographs each with a rig of eight cameras, runs
the line to the measured surface and its texture, and lays every method's relief over it. `learned`
is trained in the same run on other people; `pix2pixhd` takes part where its weights are given. The
truth is looked up at the point of the true head that is nearest to each texel, so charts need not
agree. A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import BatchReader, Displacement, Surface, Texture, Truth
from lib.displacement.chart import Metric, resized, surface_metric
from lib.displacement.highpass import seen_skin
from lib.displacement.options import DisplacementOptions
from lib.facemodel import FaceModel, load_face_model
from lib.geometry import SurfaceTree
from lib.imaging import save_png
from lib.render import sample_image, uv_to_texel
from lib.uvspace.bands import blur_mm
from lib.uvspace.bare import SkinChart, skin_chart
from lib.uvspace.grid import outer_skin

PROJECT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
SIDE = 2048
OPTIONS = DisplacementOptions()
PEOPLE = f"kind: octet, height_px: 1440, width_px: 1080, maps_px: {SIDE}, texture_px: {SIDE}"
LEARNT = f"kind: photo, maps_px: {SIDE}, texture_px: {SIDE}, shard_size: 4"
LEARNT_SEED, KEPT = 4201, 0.2
SEEN = 0.9  # of bare skin in the photos, from which a texel is scored
NEAR_MM = 1.5  # between surface and truth: where it is farther off, the truth there is another's
PICTURE = (0.5, 0.64, 0.16)  # row, column and side of the piece of cheek in the picture
LIGHT = np.array([-0.75, 0.35, 0.55])
HEADER = (
    "| person | method | relief, µm rms | error, µm rms | correlation | normals of the band | "
    "normals of the skin |"
)


@dataclass(frozen=True)
class Person:
    """What a measured person's texels are in truth.

    Args:
        points: (side, side, 3) mm, the measured surface.
        surface_normal: (side, side, 3) unit normal of its base, along which heights count.
        metric: of the chart.
        scored: (side, side) bool.
        seen: (side, side) float32 bare skin in the photos.
        relief_mm: (side, side) true height.
        normal: (side, side, 3) true unit normal, with relief.
    """

    points: np.ndarray
    surface_normal: np.ndarray
    metric: Metric
    scored: np.ndarray
    seen: np.ndarray
    relief_mm: np.ndarray
    normal: np.ndarray


def snakemake(*words: str) -> None:
    """Run the workflow.

    Raises:
        subprocess.CalledProcessError: a job failed.
    """
    command = [SNAKEMAKE, "--snakefile", str(PROJECT / "Snakefile"), "--quiet", "all", "--nolock"]
    subprocess.run([*command, *words], check=True)


def draw(out: Path, options: str, cores: int) -> None:
    """Draw a synthetic world."""
    config = [f"results={out}", f"synthesis={{{options}}}"]
    snakemake("synthesise", "--cores", str(cores), "--config", *config)


def train(out: Path, people: int, steps: int, cores: int) -> Path:
    """Weights of the network, trained on people of another world."""
    world = f"{LEARNT}, count: {people}, seed: {LEARNT_SEED}"
    epochs = -(-steps // max(1, people - round(KEPT * people)))
    settings = {"validation": KEPT, "epochs": epochs, "schedule": "cosine", "save_every": epochs}
    place = out / "training"
    place.mkdir(parents=True, exist_ok=True)
    snakemake(
        *("train_displacement", "--cores", str(cores), "--directory", str(place), "--config"),
        *(f"results={out / 'learnt'}", f"synthesis={{{world}}}"),
        f"training={json.dumps(settings)}",
    )
    return place / "resources" / "weights" / "displacement_learned" / "relief.pt"


def run_line(out: Path, sheet: Path, settings: dict[str, object], cores: int) -> Path:
    """The batch folder with displacement.h5 in it."""
    target = out / "line" / "b0001" / "displacement.h5"
    config = [f"samples={sheet}", f"results={out / 'line'}", f"texture={{uv_size: {SIDE}}}"]
    config.append(f"displacement={json.dumps(settings)}")
    snakemake("--cores", str(cores), "--config", *config, "--", str(target))
    return target.parent


def read_person(batch: Path, shard: Path, name: str, model: FaceModel, chart: SkinChart) -> Person:
    """A measured capture beside its truth."""
    with BatchReader(batch / "surface.h5", Surface) as reader:
        surface = reader[name]
    with BatchReader(batch / "texture.h5", Texture) as reader:
        texture = reader[name]
    with BatchReader(shard, Truth) as reader:
        truth = reader[name]
    points = resized(np.nan_to_num(surface.points_mm), SIDE)
    seen = seen_skin(texture, chart, SIDE)
    asked = seen > 0
    skin = outer_skin(model)
    found = SurfaceTree(truth.vertices_mm, model.triangles[skin]).nearest(
        points[asked].astype(np.float64)
    )
    corners = model.uv[model.uv_triangles[skin][found.triangles]]
    uv = np.einsum("nc,ncx->nx", found.barycentric, corners)
    place = uv_to_texel(uv, truth.uv_displacement_mm.shape)
    maps = np.dstack([truth.uv_displacement_mm, truth.uv_normal]).astype(np.float32)
    told = np.zeros((SIDE, SIDE, 4), np.float32)
    told[asked] = sample_image(maps, place)
    near = np.zeros((SIDE, SIDE), bool)
    near[asked] = found.distance_mm < NEAR_MM
    normal = told[..., 1:] / np.maximum(np.linalg.norm(told[..., 1:], axis=2, keepdims=True), 1e-6)
    return Person(
        points=points,
        surface_normal=resized(surface.normal, SIDE),
        metric=surface_metric(surface).resized(SIDE),
        scored=near & (seen > SEEN),
        seen=seen,
        relief_mm=told[..., 0],
        normal=normal,
    )


def band_of(person: Person, height: np.ndarray) -> np.ndarray:
    """(side, side) mm between the finest detail and what a measured surface holds."""
    mm = person.metric.mm_per_texel
    fine = blur_mm(height, person.seen, mm, OPTIONS.fine_mm)
    return fine - blur_mm(height, person.seen, mm, OPTIONS.surface_mm)


def tilt_deg(person: Person, height: np.ndarray) -> np.ndarray:
    """(n,) angle that heights turn the normals of the scored texels by."""
    across = np.gradient(height, axis=1) / person.metric.across
    down = np.gradient(height, axis=0) / person.metric.down
    return np.degrees(np.arctan(np.hypot(across, down)))[person.scored]


def skin_normal(person: Person, height: np.ndarray) -> np.ndarray:
    """(side, side, 3) normals of the measured surface with heights over it."""
    points = person.points + person.surface_normal * height[..., None]
    found = np.cross(np.gradient(points, axis=1), -np.gradient(points, axis=0))
    return found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-12)


def score(person: Person, height: np.ndarray) -> list[float]:
    """Relief, its error, correlation, and both errors of normals (median, degrees)."""
    where = person.scored
    wanted = band_of(person, person.relief_mm)
    one, other = wanted[where].astype(np.float64), height[where].astype(np.float64)
    both = (one * other).mean() / max(np.sqrt((one**2).mean() * (other**2).mean()), 1e-12)
    cosine = (skin_normal(person, height)[where] * person.normal[where]).sum(axis=1)
    return [
        1e3 * float(np.sqrt((other**2).mean())),
        1e3 * float(np.sqrt(((one - other) ** 2).mean())),
        float(both),
        float(np.sqrt((tilt_deg(person, wanted - height) ** 2).mean())),
        float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1))))),
    ]


def shaded(normal: np.ndarray) -> np.ndarray:
    """(piece, piece) uint8 of grey skin under a low light."""
    top, left, side = (int(part * SIDE) for part in PICTURE)
    piece = normal[top : top + side, left : left + side]
    out = piece.mean(axis=(0, 1))
    out /= np.linalg.norm(out)
    right = np.cross([0.0, 1.0, 0.0], out)
    right /= np.linalg.norm(right)
    light = np.stack([right, np.cross(out, right), out], axis=1) @ (LIGHT / np.linalg.norm(LIGHT))
    return np.clip(25 + 210 * np.maximum(piece @ light, 0), 0, 255).astype(np.uint8)


def main() -> None:
    """Draw, train, run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--people", type=int, default=3, help="that are scored")
    parser.add_argument("--seed", type=int, default=4101, help="of their world")
    parser.add_argument(
        "--learnt", type=int, default=10, help="people to train on; 0 = no training"
    )
    parser.add_argument("--steps", type=int, default=300, help="of the training")
    parser.add_argument("--weights", help="dpmap_single_net_G.pth, for pix2pixhd")
    parser.add_argument("--template", help="a FaceScape head as OBJ, for pix2pixhd")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    out, cores = options.out.resolve(), options.cores
    world = f"{PEOPLE}, count: {options.people}, seed: {options.seed}, shard_size: {options.people}"
    draw(out / "people", world, cores)
    folder = out / "people" / "synthetic" / f"makehuman_octet_{options.seed}"
    settings: dict[str, dict[str, object]] = {"highpass": {}, "highpass, tie: 0": {"tie": 0.0}}
    if options.learnt:
        weights = train(out, options.learnt, options.steps, cores)
        settings["learned"] = {"method": "learned", "weights": str(weights)}
    if options.weights:
        given = {"weights": options.weights, "template": options.template or ""}
        settings["pix2pixhd"] = {"method": "pix2pixhd"} | given
    heights = {}
    for name, told in settings.items():
        batch = run_line(out, folder / "samples.tsv", told, cores)
        with BatchReader(batch / "displacement.h5", Displacement) as reader:
            heights[name] = {
                capture: found.height_mm.astype(np.float32) for capture, found in reader.items()
            }
    model = load_face_model("makehuman")
    chart = skin_chart(model, SIDE)
    print(HEADER, "|---" * (HEADER.count("|") - 1) + "|", sep="\n", flush=True)
    for number, capture in enumerate(heights["highpass"]):
        person = read_person(batch, folder / "shard_0000.h5", capture, model, chart)
        flat = np.zeros((SIDE, SIDE), np.float32)
        rows = {"none": flat} | {name: found[capture] for name, found in heights.items()}
        for name, height in rows.items():
            print(_row(number, name, score(person, height)), flush=True)
        whole = [skin_normal(person, height) for height in (flat, rows["highpass"])]
        picture = np.hstack([shaded(normal) for normal in (*whole, person.normal)])
        save_png(out / f"relief_{number}.png", cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))


def _row(number: int, name: str, found: Sequence[float]) -> str:
    relief, error, both, band, skin = found
    return (
        f"| {number} | {name} | {relief:.2f} | {error:.2f} | {both:.3f} | {band:.3f} deg "
        f"| {skin:.3f} deg |"
    )


if __name__ == "__main__":
    main()
