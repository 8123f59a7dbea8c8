"""How exported heads look under lights that no photo had: `python -m tests.benchmarks.relighting`.

Made-up people are photographed under one light, the line makes heads of the photos, and both are
drawn under the five lights of `lib.render.light_sets` through the photo's camera: the person by the
renderer of the synthetic world, the head by that of the export. Skin and lips that are seen are
compared, in sRGB. Columns: the texture taken for an albedo, the fitted albedo, and what
`recover_albedo` tells, on the fitted head; then the latter and the true reflectance on the true
head, which show what the head's shape and the other renderer cost.
A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.artefacts import (
    PART_LABELS,
    Albedo,
    BatchReader,
    Capture,
    FaceFit,
    Faces,
    Surface,
    Texture,
    Truth,
)
from lib.facemodel import FaceModel, load_face_model
from lib.imaging import linear_to_srgb, save_png
from lib.imaging.colour import linear_to_srgb8
from lib.render import Camera, interpolate, uv_buffers
from lib.render.light_sets import LIGHT_SETS
from lib.render.relight import LitHead, Reflectance, lit_head, relight
from lib.render.window import Window
from lib.synthesis import SynthesisOptions, draw_capture, join_samples, open_studio, write_shard
from lib.synthesis.rendering.lighting import lighting_of
from lib.uvspace.grey import surface_tilt, view_camera
from lib.uvspace.grid import chart_grid
from lib.uvspace.shown import posed_vertices
from tests.benchmarks.shading import snakemake

WORLD = SynthesisOptions(
    seed=965, height_px=512, width_px=448, yaw_deg=40, things=0, shard_size=1000, maps_px=512
)
SKIN = ("nose", "upper_lip", "lower_lip", "skin")  # brows are hair there, and paint here
USUAL_SKIN = (0.028, 0.45)  # reflectance and roughness where nobody told them
ROWS = (
    "texture",
    "fitted albedo",
    "recovered",
    "recovered, true shape",
    "true reflectance, true shape",
)
HEADER = "| light | " + " | ".join(f"{row}, PSNR | one gain" for row in ROWS) + " |"


def main() -> None:
    """Draw people, make heads, relight both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--count", type=int, default=8, help="people")
    parser.add_argument("--seed", type=int, default=WORLD.seed)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--albedo", default="{}", help="settings of section albedo as JSON")
    arguments = parser.parse_args()
    options = replace(WORLD, seed=arguments.seed, count=arguments.count)
    model = load_face_model("makehuman")
    shard, pictures = drawn(arguments.out, options, model)
    batch = lined(arguments.out, json.loads(arguments.albedo), arguments.cores)
    scores: dict[str, list[list[tuple[float, float]]]] = {}
    with BatchReader(shard, Truth) as truths:
        for name, heads in read_heads(batch, model, truths):
            truth, strips = truths[name], []
            for light, picture in pictures(name).items():
                row, shown = compared(heads, truth, light, picture)
                scores.setdefault(light, []).append(row)
                strips.append(shown)
            save_png(arguments.out / f"{name}.png", np.vstack(strips))
    print(HEADER)
    print("|---" * (1 + 2 * len(ROWS)) + "|")
    together = [row for rows in scores.values() for row in rows]
    for light, rows in {**scores, "all": together}.items():
        means = np.array(rows).mean(axis=0)
        print(f"| {light} | " + " | ".join(f"{a:.2f} | {b:.2f}" for a, b in means) + " |")


def drawn(
    out: Path, options: SynthesisOptions, model: FaceModel
) -> tuple[Path, Callable[[str], Mapping[str, np.ndarray]]]:
    """The shard of a world, and a function: capture -> light -> its true linear picture."""
    shard, photos = out / "world/shard.h5", out / "world/photos"
    studio = open_studio(model)
    if not shard.exists():
        shard.parent.mkdir(parents=True, exist_ok=True)
        write_shard(studio, options, 0, shard, photos, torch.device("cpu"))
    join_samples([photos], shard.with_name("samples.tsv"))

    def pictures(name: str) -> Mapping[str, np.ndarray]:
        index, found = int(name.rsplit("_", 1)[1]), {}
        for light in LIGHT_SETS:
            file = out / "world/lights" / f"{name}_{light.name}.npy"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                truth = draw_capture(studio, options, index, lighting=lighting_of(light)).truth
                linear = truth.diffuse[0].astype(np.float32) + truth.specular[0]
                np.save(file, linear.astype(np.float16))
            found[light.name] = np.load(file).astype(np.float32)
        return found

    return shard, pictures


def lined(out: Path, albedo: dict, cores: int) -> Path:
    """The batch folder with the albedo of the world's photos."""
    batch = out / "line/b0001"
    told = " ".join(f"{key}: {json.dumps(value)}," for key, value in albedo.items())
    config = [f"samples={out / 'world/samples.tsv'}", f"results={out / 'line'}", "max_batches=1"]
    config += [f"albedo={{{told}}}"] if told else []
    snakemake("--cores", str(cores), "--config", *config, "--", str(batch / "albedo.h5"))
    return batch


@dataclass(frozen=True)
class Shown:
    """A head as its photo's camera sees it."""

    head: LitHead
    camera: Camera
    size: tuple[int, int]


def read_heads(
    batch: Path, model: FaceModel, truths: BatchReader[Truth]
) -> Iterator[tuple[str, list[Shown]]]:
    """Name, and a head for each of `ROWS`, of each capture."""
    with (
        BatchReader(batch / "capture.h5", Capture) as captures,
        BatchReader(batch / "faces.h5", Faces) as faces,
        BatchReader(batch / "fit.h5", FaceFit) as fits,
        BatchReader(batch / "surface.h5", Surface) as surfaces,
        BatchReader(batch / "texture.h5", Texture) as textures,
        BatchReader(batch / "albedo.h5", Albedo) as albedos,
    ):
        for name, albedo in albedos.items():
            fit, truth = fits[name], truths[name]
            size = captures[faces[name].photo].image[0].shape[:2]
            texture, fitted, told, true = reflectances(model, fit, textures[name], albedo, truth)
            own = made_of(model, posed_vertices(model, fit, 0), surface_tilt(surfaces[name]))
            real = made_of(model, truth.vertices_mm, true_tilt(model, truth))
            lens = Camera(truth.world_to_camera[0], float(truth.focal_px[0]), truth.centre_px[0])
            whole = Window((0, 0), truth.image[0].shape[:2], size)
            pairs = [(own, view_camera(fit, 0), item) for item in (texture, fitted, told)]
            pairs += [(real, whole.camera(lens), item) for item in (told, true)]
            yield name, [Shown(head(item), camera, size) for head, camera, item in pairs]


def made_of(
    model: FaceModel, vertices: np.ndarray, tilt: np.ndarray
) -> Callable[[Reflectance], LitHead]:
    """A function that makes a head of one shape of any material."""
    chart, skin = (model.uv, model.uv_triangles), model.region("skin")
    plane = np.ones((1, 1), np.float32)
    plain = Reflectance(np.ones((1, 1, 3), np.float32), plane, plane)
    head = lit_head(vertices, model.triangles, *chart, plain, skin, tilt)
    return lambda made: replace(head, reflectance=made)


def true_tilt(model: FaceModel, truth: Truth) -> np.ndarray:
    """(side, side, 3) what true relief adds to the normals of the true vertices."""
    grid = chart_grid(model, truth.vertices_mm, len(truth.uv_normal), 0)
    tilt = truth.uv_normal.astype(np.float32) - grid.normal
    return np.where(grid.mask[..., None], tilt, 0).astype(np.float32)


def reflectances(
    model: FaceModel, fit: FaceFit, texture: Texture, albedo: Albedo, truth: Truth
) -> list[Reflectance]:
    """What each of `ROWS` says that the head is made of."""
    rgb = texture.rgb.astype(np.float32)
    usual = [np.full(rgb.shape[:2], value, np.float32) for value in USUAL_SKIN]
    buffers = uv_buffers(model.uv, model.uv_triangles, rgb.shape[:2])
    own = interpolate(buffers, model.albedo(fit.albedo).astype(np.float32), model.triangles)
    skin = model.region("skin")[np.maximum(buffers.triangle_id, 0)] & buffers.mask
    fitted = np.where(skin[..., None], own, rgb)
    told = (plane.astype(np.float32) for plane in (albedo.rgb, albedo.specular, albedo.roughness))
    reflectance, roughness = np.moveaxis(truth.uv_specular.astype(np.float32), 2, 0)
    true = truth.uv_albedo.astype(np.float32)
    return [
        Reflectance(rgb, 0 * usual[0], usual[1]),  # it holds the photo's highlights already
        Reflectance(fitted, *usual),
        Reflectance(*told),
        Reflectance(true, reflectance, roughness),
    ]


def compared(
    heads: Sequence[Shown], truth: Truth, name: str, linear: np.ndarray
) -> tuple[list[tuple[float, float]], np.ndarray]:
    """(PSNR in dB, PSNR after the best gain) of each head, and a strip of pictures."""
    light = next(one for one in LIGHT_SETS if one.name == name)
    found = [relight(one.head, one.camera, one.size, light, 1, (0, 0, 0)) for one in heads]
    wide = heads[0].size[::-1]
    true = cv2.resize(linear, wide, interpolation=cv2.INTER_AREA)
    part = cv2.resize(truth.part[0], wide, interpolation=cv2.INTER_NEAREST)
    seen = [picture[..., 3] > 0.99 for picture in found]
    mask = np.isin(part, [PART_LABELS.index(label) for label in SKIN]) & np.all(seen, axis=0)
    rows = []
    for picture in found:
        own, aim = picture[mask][:, :3].clip(0, 1), true[mask].clip(0, 1)
        gain = float((own * aim).sum() / max(float((own * own).sum()), 1e-9))
        rows.append((psnr(own, aim), psnr((gain * own).clip(0, 1), aim)))
    row, column = np.nonzero(mask)
    cut = slice(row.min() - 8, row.max() + 8), slice(column.min() - 8, column.max() + 8)
    shown = [
        linear_to_srgb8(np.where(mask[..., None], picture[..., :3], 0.02).clip(0, 1))[cut]
        for picture in (*found, true)
    ]
    return rows, np.hstack(shown)


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    """PSNR in dB of sRGB-encoded values."""
    error = linear_to_srgb(found) - linear_to_srgb(true)
    return float(-10 * np.log10(max(float((error**2).mean()), 1e-12)))


if __name__ == "__main__":
    main()
