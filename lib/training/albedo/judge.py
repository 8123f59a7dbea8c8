"""What the UV network makes of photos that were kept out: a table of errors, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.imaging import linear_to_srgb, save_bytes, save_png, srgb_to_linear
from lib.networks.uv_albedo import UVMaps, UVNet, load_uvnet
from lib.render import ambient_light, distant_light, irradiance
from lib.training.albedo import losses
from lib.training.albedo.decoder import chart_shading, pictures_of
from lib.training.albedo.options import AlbedoTrainingOptions
from lib.training.albedo.run import prepared
from lib.training.albedo.samples import Asked, load_sample, tensors_of
from lib.training.albedo.task import AlbedoTask, albedo_scores, drawn_maps
from lib.training.processes import joined

TILE_PX = 224
GREY = 180 / 255  # published albedo of pictures of light alone
LIGHTS = {  # given lights that faces are shown under
    "left": (0.25, (1.0, 0.2, 0.6), (1.0, 0.95, 0.9)),
    "top": (0.35, (0.0, 1.0, 0.4), (0.75, 0.85, 1.0)),
}
COLUMNS = ("capture", "photo", "photo_prior", "symmetry", "psnr_db", "scaled_psnr_db", "ita_deg")
PICTURES = (  # of each photo, from left to right
    "photo", "unwrapped", "prior albedo", "detailed albedo", "albedo x light", "light alone",
    "relit from the left", "relit from above", "light of the next photo",
)  # fmt: skip


@dataclass(frozen=True)
class JudgedFiles:
    """What a test reads and writes.

    Args:
        weights: that are judged.
        table: file for the errors, a row per photo and one of means.
        pictures: folder for a picture per photo; `PICTURES` tells what is in it.
    """

    weights: Path
    table: Path
    pictures: Path


def judge_albedo(
    options: AlbedoTrainingOptions,
    folder: Path,
    device: torch.device,
    face_model: str,
    landmark_models: Path,
    files: JudgedFiles,
) -> list[dict[str, float | str | None]]:
    """Judge weights on the photos that training keeps out.

    Args:
        options: of the training; `recognition` is not asked.
        folder: of the training, whose prepared photos are taken.
        device: where to compute.
        face_model: name or file of the head model.
        landmark_models: folder of the landmark networks, for made-up people.
        files: weights, and what is written.

    Raises:
        ConfigError: data, settings or weights that cannot be used.
    """
    options = replace(options, percep=0.0, recognition="")
    with joined(device) as processes:
        found = prepared(options, folder, processes, face_model, landmark_models)
        network = load_uvnet(files.weights).network.to(device)
        kept = found.split[1]
        names = [found.photos[index].name for index in kept]
        rows = [judged_photo(found.task, network, index, device) for index in kept]
        told = [{"capture": name, **row} for name, row in zip(names, rows, strict=True)]
        told.append({"capture": "mean", **_means(rows)})
        save_bytes(files.table, _table(told).encode())
        files.pictures.mkdir(parents=True, exist_ok=True)
        for place, (name, index) in enumerate(zip(names, kept, strict=True)):
            other = kept[(place + 1) % len(kept)]
            shown = picture(found.task, network, index, other, device)
            save_png(files.pictures / f"{name}.png", shown)
    return told


@torch.no_grad()
def judged_photo(
    task: AlbedoTask, network: UVNet, index: int, device: torch.device
) -> dict[str, float | None]:
    """Errors of one photo: mean colour distance of render and photo with the network and with the
    prior alone, how far the albedo is from its mirror image, and errors of its albedo where known.
    """
    asked = _asked(task, index, device)
    maps = network(asked["input"])
    prior = UVMaps(asked["coarse"], asked["gamma"][..., None, None])
    photo = [
        float(losses.photometric(drawn_maps(some, asked).render, asked["crop"], asked["mask"]))
        for some in (maps, prior)
    ]
    scores = albedo_scores(maps.albedo[0], asked["truth"][0], asked["known"][0, 0])
    return {
        "photo": photo[0],
        "photo_prior": photo[1],
        "symmetry": float(losses.symmetry_distance(maps.albedo, asked["face"])),
        "psnr_db": scores["psnr_db"],
        "scaled_psnr_db": scores["scaled_psnr_db"],
        "ita_deg": scores["ita_error_deg"],
    }


@torch.no_grad()
def picture(
    task: AlbedoTask, network: UVNet, index: int, other: int, device: torch.device
) -> np.ndarray:
    """(h, w, 3) uint8 row of `PICTURES`.

    Args:
        task: of the samples.
        network: that is judged.
        index: of the photo.
        other: of the photo whose detailed light is borrowed.
        device: where to compute.
    """
    asked, borrowed = (_asked(task, k, device) for k in (index, other))
    maps, lent = network(asked["input"]), network(borrowed["input"])
    basis = asked["basis"]
    drawn = drawn_maps(maps, asked)
    grey = GREY * chart_shading(basis, maps.light)
    charts = [asked["photo"], asked["coarse"], maps.albedo * asked["face"]]
    faces = [drawn.shaded, grey]
    faces += [_relit(task, index, maps.albedo, *light) for light in LIGHTS.values()]
    faces += [maps.albedo * chart_shading(basis, lent.light)]
    shown = [pictures_of(face.to(device), asked["place"]) for face in faces]
    mask = asked["mask"]
    over = [drawn.composed, *(one.clamp(0, 1) * mask for one in shown[1:])]
    return np.hstack([_tile(one) for one in (asked["crop"], *charts, *over)])


def _relit(
    task: AlbedoTask,
    index: int,
    albedo: torch.Tensor,
    ambient: float,
    direction: tuple[float, float, float],
    colour: tuple[float, float, float],
) -> torch.Tensor:
    """(1, 3, s, s) encoded albedo under a given light, in linear values."""
    normals = load_sample(task.files[index]).normal.astype(np.float32)
    light = ambient_light((ambient,) * 3) + distant_light(np.array(direction), colour)
    linear = srgb_to_linear(albedo[0].permute(1, 2, 0).cpu().numpy())
    lit = linear_to_srgb(np.clip(linear * irradiance(normals, light), 0, 1))
    return torch.from_numpy(lit.astype(np.float32)).permute(2, 0, 1)[None]


def _asked(task: AlbedoTask, index: int, device: torch.device) -> Asked:
    return task.to_device(tensors_of(load_sample(task.files[index]), task.chart, 0), device)


def _tile(planes: torch.Tensor) -> np.ndarray:
    image = planes[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    image = np.ascontiguousarray(np.rint(255 * image).astype(np.uint8))
    return cv2.resize(image, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)


def _means(rows: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    means = {}
    for name in rows[0]:
        known = [row[name] for row in rows if row[name] is not None]
        means[name] = float(np.mean(known)) if known else None
    return means


def _table(rows: Sequence[dict[str, float | str | None]]) -> str:
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        values = [row[name] for name in COLUMNS]
        told = [v if isinstance(v, str) else "" if v is None else f"{v:.4f}" for v in values]
        lines.append("\t".join(told))
    return "\n".join(lines) + "\n"
