"""Made-up training photos of the detail layer: faces of a head model over a plain background."""

from pathlib import Path

import numpy as np
import torch

from lib.imaging import encode_jpeg
from lib.networks.vggface import CoarseCode
from lib.training.detail_layer.face import DetailFace, coarse_picture
from lib.training.detail_layer.tfrecord import DetailExample, RecordWriter, write_detail_example

CLASSES = (("skin", 1), ("face_mask", 1), ("nose", 2), ("upper_lip", 11), ("lower_lip", 12))
SIDES = (("right_eye", 4), ("left_eye", 5), ("right_eyebrow", 6), ("left_eyebrow", 7))


def random_code(face: DetailFace, seed: int) -> CoarseCode:
    """Somebody near the middle of the crop."""
    chance, layout = np.random.default_rng(seed), face.layout
    pose = chance.normal(0, [0.1, 0.2, 0.05, 5, 5, 0.05])
    parts = (
        chance.normal(0, 0.7, layout.identity),
        0.2 * chance.random(layout.expression),
        chance.normal(0, 0.5, layout.albedo),
        pose,
        chance.normal(0, 0.1, 27) + 1.8 * (np.arange(27) % 9 == 0),
    )
    return CoarseCode(*(torch.tensor(part[None], dtype=torch.float32) for part in parts))


def example_of(face: DetailFace, model, seed: int) -> DetailExample:
    """A photo of a random code with its exact points and labels."""
    code, chance = random_code(face, seed), np.random.default_rng([seed, 1])
    background = torch.full((1, 300, 300, 3), 40.0 + 10 * (seed % 8))
    label = torch.zeros(1, model.n_vertices, 1)
    for part, number in (*CLASSES, *SIDES):
        label[0, torch.as_tensor(model.parts[part].astype(np.int64))] = number
    with torch.no_grad():
        picture = coarse_picture(face, code, background)
        corner = label[0, face.chart.triangles.long(), 0].amax(1)
    ids = picture.drawn.raster.triangle_id[0]
    labels = torch.where(ids >= 0, corner[ids.clamp_min(0).long()], 0)
    seen = picture.drawn.raster.mask[0][..., None].numpy()
    image = np.where(seen, picture.drawn.colour[0].numpy(), background[0].numpy())
    image = np.clip(image + chance.normal(0, 2, image.shape), 0, 255)
    with torch.no_grad():
        marks = model.landmarks["ibug68"]
        corners = picture.drawn.camera[:, torch.as_tensor(model.triangles[marks.triangle]).long()]
        weights = torch.tensor(marks.barycentric)[..., None]
        flat = (corners * weights).sum(2)[0].numpy()
    points68 = np.stack([150 + flat[:, 0], 150 - flat[:, 1]], 1)
    return DetailExample(
        np.rint(image).astype(np.uint8),
        points68.astype(np.float32),
        picture.marks[0].numpy(),
        labels.numpy().astype(np.uint8),
    )


def write_photos(path: Path, examples) -> Path:
    """A file of records."""
    with RecordWriter(path) as writer:
        for one in examples:
            writer.write(write_detail_example(one, encode_jpeg(one.image, 95)))
    return path


__all__ = ["example_of", "random_code", "write_photos"]
