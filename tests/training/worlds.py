"""A tiny world: eggs painted in space, seen by three cameras, with all that training needs."""

from dataclasses import replace

import numpy as np

from lib.artefacts import BatchWriter, Truth
from lib.facemodel import write_face_model
from lib.render import Camera, interpolate, render_buffers
from lib.training.options import TrainingOptions
from tests.artefacts.samples import random_artefact
from tests.synthetic_head import synthetic_model

SIZE = (72, 64)
YAWS = (-0.5, 0.0, 0.5)
BUMP_MM = 5.0
TINY = TrainingOptions(
    method="learned",
    epochs=2,
    loss="bce",
    points=48,
    uv_size=32,
    d_size=9,
    interval_mm=3.0,
    views=3,
    long_side_px=0,
    base_error_mm=3.0,
    sigma=2.0,
    validation=0.3,
    save_every=1,
)


def cameras(scale=1):
    """Three cameras around the front of the egg, with pictures of SIZE times scale."""
    centre = (np.array(SIZE[::-1]) * scale - 1) / 2
    found = []
    for yaw in YAWS:
        c, s = np.cos(yaw), np.sin(yaw)
        rotation = np.array([[c, 0, s], [0, -1, 0], [s, 0, -c]])
        pose = np.column_stack([rotation, [0, -20, 500]])
        found.append(Camera(pose, 110.0 * scale, centre))
    return found


def paint(points, seed):
    """(..., 3) uint8 colour of points in space."""
    chance = np.random.default_rng(seed)
    waves = chance.normal(size=(3, 3, 4)) / 5
    phase = chance.uniform(0, 6, (3, 4))
    value = np.sin(np.einsum("...k,ckw->...cw", points, waves) + phase).mean(-1)
    return np.rint(127 + 120 * value).astype(np.uint8)


def truth(index, face_model, shift_mm=BUMP_MM, scale=1):
    """An egg whose true surface lies `shift_mm` outside the model's."""
    model = synthetic_model()
    vertices = model.vertices(0.3 * np.random.default_rng(index).normal(size=model.n_identity))
    skin = model.triangles[model.region("skin")]
    middle = vertices[skin].reshape(-1, 3).mean(0)
    away = vertices - middle
    detail = vertices + shift_mm * away / np.linalg.norm(away, axis=1, keepdims=True)
    images, depths, rig = [], [], cameras(scale)
    for camera in rig:
        size = SIZE[0] * scale, SIZE[1] * scale
        buffers = render_buffers(detail, skin, *camera, size=size)
        places = interpolate(buffers, detail.astype(np.float32), skin)
        images.append(np.where(buffers.mask[..., None], paint(places, index), 0).astype(np.uint8))
        depths.append(buffers.depth_mm)
    given = random_artefact(Truth)
    return replace(
        given,
        subject=f"person_{index}",
        face_model=str(face_model),
        image=images,
        depth_mm=depths,
        focal_px=[camera.focal_px for camera in rig],
        centre_px=[camera.centre_px for camera in rig],
        world_to_camera=[camera.world_to_camera for camera in rig],
        neutral_mm=vertices,
        vertices_mm=vertices,
        visible=np.ones((len(YAWS), len(vertices))),
        detail_mm=detail,
        detail_triangles=skin,
        detail_face=np.ones(len(detail)),
    )


def write_world(folder, count=4, first=0, scale=1):
    """A shard of eggs; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "egg.h5"
    if not model.is_file():
        write_face_model(model, synthetic_model())
    path = folder / "shard_0000.h5"
    with BatchWriter(path, Truth, "synthesise") as writer:
        for index in range(first, first + count):
            writer.add(f"egg_{index:06d}", truth(index, model, scale=scale))
    return path
