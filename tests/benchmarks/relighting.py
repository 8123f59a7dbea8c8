"""How exported heads look under lights that no photo had: `python -m tests.benchmarks.relighting`.

Made-up people are photographed under one light, the line makes heads of the photos, and both are
drawn under the five lights of `lib.render.light_sets` through the photo's camera: the person by the
renderer of the synthetic world, the head by that of the export. Skin that is seen is compared, in
sRGB. Rows: the texture taken for an albedo, the fitted albedo, what `recover_albedo` tells, and the
true reflectance on the fitted head, which shows what the head's shape and the other renderer cost.
A second run goes on in the same folder.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.artefacts import Albedo, BatchReader, Capture, FaceFit, Faces, Surface, Texture, Truth
from lib.facemodel import FaceModel, load_face_model
from lib.imaging import linear_to_srgb, save_png
from lib.imaging.colour import linear_to_srgb8
from lib.render import interpolate, uv_buffers
from lib.render.light_sets import LIGHT_SETS
from lib.render.relight import LitHead, Reflectance, lit_head, relight
from lib.synthesis import SynthesisOptions, draw_capture, join_samples, open_studio, write_shard
from lib.synthesis.rendering.lighting import lighting_of
from lib.uvspace.grey import surface_tilt, view_camera
from lib.uvspace.shown import posed_vertices
from tests.benchmarks.shading import snakemake

WORLD = SynthesisOptions(
    seed=965, height_px=512, width_px=448, yaw_deg=40, things=0, shard_size=1000, maps_px=512
)
FACE = range(3, 9)  # labels of the face without eyes
USUAL_SKIN = (0.028, 0.45)  # reflectance and roughness where nobody told them
ROWS = ("texture", "fitted albedo", "recovered albedo", "true reflectance")
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
        for name, heads, camera, size in read_heads(batch, model, truths):
            truth = truths[name]
            strips = []
            for light, picture in pictures(name).items():
                row, shown = compared(heads, camera, size, truth, light, picture)
                scores.setdefault(light, []).append(row)
                strips.append(shown)
            save_png(arguments.out / f"{name}.png", np.vstack(strips))
    print(HEADER)
    print("|---" * (1 + 2 * len(ROWS)) + "|")
    together = [row for rows in scores.values() for row in rows]
    for light, rows in {**scores, "all": together}.items():
        means = np.array(rows).mean(axis=0)
        print(f"| {light} | " + " | ".join(f"{a:.2f} | {b:.2f}" for a, b in means) + " |")


def drawn(out: Path, options: SynthesisOptions, model: FaceModel):
    """The shard of a world, and a function: capture -> its true picture under each light."""
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
    config = [f"samples={out / 'world/samples.tsv'}", f"results={out / 'line'}", "batch_size=1000"]
    config += [f"albedo={{{told}}}"] if told else []
    snakemake("--cores", str(cores), "--config", *config, "--", str(batch / "albedo.h5"))
    return batch


def read_heads(
    batch: Path, model: FaceModel, truths: BatchReader[Truth]
) -> Iterator[tuple[str, list[LitHead], object, tuple[int, int]]]:
    """Name, a head for each of `ROWS`, camera and picture size of each capture."""
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
            vertices = posed_vertices(model, fit, 0)
            tilt = surface_tilt(surfaces[name])
            skin = model.region("skin")
            first = None
            heads = []
            for made in reflectances(model, fit, textures[name], albedo, truth):
                chart = model.uv, model.uv_triangles
                if first is None:
                    first = lit_head(vertices, model.triangles, *chart, made, skin, tilt)
                heads.append(replace(first, reflectance=made))
            yield name, heads, view_camera(fit, 0), captures[faces[name].photo].image[0].shape[:2]


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


def compared(heads, camera, size, truth: Truth, name: str, linear: np.ndarray):
    """(PSNR in dB, PSNR after the best gain) of each head, and a strip of pictures."""
    light = next(one for one in LIGHT_SETS if one.name == name)
    found = [relight(head, camera, size, light, 1, (0, 0, 0)) for head in heads]
    true = cv2.resize(linear, size[::-1], interpolation=cv2.INTER_AREA)
    part = cv2.resize(truth.part[0], size[::-1], interpolation=cv2.INTER_NEAREST)
    mask = np.isin(part, FACE) & (found[0][..., 3] > 0.99)
    rows = []
    for picture in found:
        own, aim = picture[mask][:, :3].clip(0, 1), true[mask].clip(0, 1)
        gain = float((own * aim).sum() / max(float((own * own).sum()), 1e-9))
        rows.append((psnr(own, aim), psnr((gain * own).clip(0, 1), aim)))
    shown = [linear_to_srgb8(np.where(mask[..., None], picture[..., :3], 0.02).clip(0, 1))
             for picture in (*found, true)]  # fmt: skip
    return rows, cv2.resize(np.hstack(shown), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    """PSNR in dB of sRGB-encoded values."""
    error = linear_to_srgb(found) - linear_to_srgb(true)
    return float(-10 * np.log10(max(float((error**2).mean()), 1e-12)))


if __name__ == "__main__":
    main()
