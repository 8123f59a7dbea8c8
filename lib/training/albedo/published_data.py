"""The prepared photos of 3DFaceTexture: written from our runs, and read to train on.

file_list.txt                    one name per line, *.jpg
outputs/img/{fn}.jpg             224 x 224 aligned crop
outputs/tex_map/{fn}.npy         (256, 256, 3) coarse albedo on the chart
outputs/im_tex_uv/{fn}.npy       (256, 256, 3) unwrapped photo, 0 where it shows nothing
outputs/gen_mask/{fn}.npy        (224, 224, 3) the face on the crop
outputs/params.npy               (N, 257) code of each, in the list's order
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.albedo.face_chart import FaceChart
from lib.errors import ConfigError
from lib.facemodel.object_frame import object_origin
from lib.geometry import vertex_normals
from lib.geometry.aligned_crop import SIDE_PX, AlignedCrop
from lib.geometry.crop_camera import camera_of_pose
from lib.imaging import read_photo, save_jpeg
from lib.inputs.arrays import read_npy
from lib.render import Camera
from lib.training.albedo.samples import AlbedoSample, crop_places

LIST, OUTPUTS, PARAMS = "file_list.txt", "outputs", "params.npy"
N_CODE = 257
# identity, expression, albedo, angles, light, translation
PARTS = {
    "identity": slice(0, 80),
    "expression": slice(80, 144),
    "albedo": slice(144, 224),
    "angles": slice(224, 227),
    "light": slice(227, 254),
    "translation": slice(254, 257),
}
ADVICE = "docs/published_systems.md tells the layout; was this folder prepared to its end?"


@dataclass(frozen=True)
class PublishedPhoto:
    """One photo as the published preparation leaves it; colours sRGB-encoded 0..1.

    Args:
        name: file name without its ending.
        crop: (224, 224, 3) uint8.
        coarse: (256, 256, 3) float32.
        photo: (256, 256, 3) float32; 0 where unseen.
        mask: (224, 224) float32.
        code: (257,) float32.
    """

    name: str
    crop: np.ndarray
    coarse: np.ndarray
    photo: np.ndarray
    mask: np.ndarray
    code: np.ndarray


def write_published(folder: Path, photos: Sequence[PublishedPhoto]) -> None:
    """Write photos in the published layout; the list comes last."""
    places = {name: folder / OUTPUTS / name for name in ("img", "tex_map", "im_tex_uv", "gen_mask")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        save_jpeg(places["img"] / f"{photo.name}.jpg", photo.crop)
        mask = np.repeat(photo.mask[..., None], 3, axis=2)
        for name, values in (
            ("tex_map", photo.coarse),
            ("im_tex_uv", photo.photo),
            ("gen_mask", mask),
        ):
            np.save(places[name] / f"{photo.name}.npy", values.astype(np.float32))
    np.save(folder / OUTPUTS / PARAMS, np.stack([photo.code for photo in photos]))
    lines = "".join(f"{photo.name}.jpg\n" for photo in photos)
    (folder / LIST).write_text(lines, encoding="utf-8")


def read_published(folder: Path, side: int = 256, crop_px: int = SIDE_PX) -> list[PublishedPhoto]:
    """All photos of a folder. Alpha is dropped, and values over 1 count as 0..255.

    Args:
        folder: with `file_list.txt`.
        side: of the charts.
        crop_px: of the crops.

    Raises:
        ConfigError: files are missing, or of another shape.
    """
    lines = (folder / LIST).read_text(encoding="utf-8").split()
    codes = _array(folder / OUTPUTS / PARAMS, (len(lines), N_CODE))
    found = []
    for line, code in zip(lines, codes, strict=True):
        name = Path(line).stem

        def read(kind: str, size: int, name: str = name) -> np.ndarray:
            return _scaled(_array(folder / OUTPUTS / kind / f"{name}.npy", (size, size, None)))

        picture = folder / OUTPUTS / "img" / f"{name}.jpg"
        if not picture.is_file():
            raise ConfigError(f"{folder / LIST} names {line}, but {picture} is not there. {ADVICE}")
        crop = read_photo(picture).pixels
        if crop.shape != (crop_px, crop_px, 3):
            raise ConfigError(f"{picture} is {crop.shape}, expected {crop_px} px a side. {ADVICE}")
        mask = read("gen_mask", crop_px)[..., 0]
        maps = read("tex_map", side), read("im_tex_uv", side)
        found.append(PublishedPhoto(name, crop, *maps, mask, code.astype(np.float32)))
    return found


def _array(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array of a file; None in `shape` is 3 or 4 channels, of which three are taken."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there. {ADVICE}")
    values = read_npy(path)
    channels = shape[-1] is None and values.ndim == len(shape) and values.shape[-1] in (3, 4)
    wanted = (*shape[:-1], values.shape[-1]) if channels else shape
    if values.shape != wanted:
        told = tuple("3 or 4" if size is None else size for size in shape)
        raise ConfigError(f"{path} has shape {values.shape}, expected {told}. {ADVICE}")
    return values[..., :3] if channels else values


def _scaled(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float32)
    return values / 255 if values.size and values.max() > 1 else values


def published_samples(folder: Path, chart: FaceChart) -> Iterator[tuple[str, str, AlbedoSample]]:
    """Names, subjects and samples of a prepared folder; each photo is a subject of its own.

    Raises:
        ConfigError: files are wrong, or the head model is not the one that its codes are of.
    """
    for photo in read_published(folder, chart.side):
        yield photo.name, photo.name, sample_of_published(photo, chart)


def sample_of_published(photo: PublishedPhoto, chart: FaceChart) -> AlbedoSample:
    """The sample of a prepared photo: pixels and normals are told by its code.

    Raises:
        ConfigError: the head model is not the one that its code is of.
    """
    model = chart.model
    counts = model.n_identity, model.n_expression, model.n_albedo
    if counts != (80, 64, 80):
        raise ConfigError(
            f"{photo.name}: its code is of a Basel model of 80, 64 and 80 modes, head model "
            f"'{model.name}' has {counts[0]}, {counts[1]} and {counts[2]}. Set face_model: bfm09."
        )
    code = {name: photo.code[part] for name, part in PARTS.items()}
    vertices = model.vertices(code["identity"], code["expression"])
    normals = chart.drawn(vertex_normals(vertices, model.triangles, by_area=False))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    side = len(photo.crop)
    size = (side, side)
    crop = AlignedCrop(size, 1.0, (side / 2, side / 2), (side, side), (0.0, 0.0), side)
    pose = code["angles"], code["translation"], object_origin(model), crop
    world_to_camera, focal, centre = camera_of_pose(*pose)
    place, inside = crop_places(chart, vertices, Camera(world_to_camera, focal, centre), side)
    nothing = np.zeros((*chart.mask.shape, 3), np.uint8)
    texture = photo.photo * chart.mask[..., None]
    return AlbedoSample(
        photo=np.rint(255 * texture).astype(np.uint8),
        seen=np.where(texture.sum(axis=2) > 0, 255, 0).astype(np.uint8),
        coarse=np.rint(255 * photo.coarse * chart.mask[..., None]).astype(np.uint8),
        normal=normals.astype(np.float16),
        gamma=code["light"],
        crop=photo.crop,
        place=place,
        mask=np.rint(255 * np.clip(photo.mask, 0, 1) * inside).astype(np.uint8),
        truth=nothing,
        known=nothing[..., 0],
    )


def published_photo(name: str, sample: AlbedoSample, code: np.ndarray) -> PublishedPhoto:
    """A sample in published terms; `code` (257,) tells its head."""
    photo, coarse = (np.float32(part) / 255 for part in (sample.photo, sample.coarse))
    return PublishedPhoto(
        name, sample.crop, coarse, photo, np.float32(sample.mask > 127), np.float32(code)
    )
