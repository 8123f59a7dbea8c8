"""The photo of a person, and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.facemodel import FaceModel
from lib.geometry import project, vertex_normals
from lib.imaging import luminance
from lib.render import Buffers, Camera, interpolate, render_buffers, sample_texture
from lib.synthesis.chance import generator
from lib.synthesis.light import Environment, light_on_vertices
from lib.synthesis.person import Person
from lib.synthesis.sensor import develop, draw_background
from lib.synthesis.shot import Shot

SUPERSAMPLE = 2
N_HIGHLIGHTS = 6
EYE_ROUGHNESS, HAIR_ROUGHNESS = 0.14, 0.5
REFLECTANCE = 0.035  # of skin at normal incidence
EXPOSURE = 0.48  # a camera's automatic exposure keeps half of how dark a face is
TORSO_MM = ((0.0, -330.0, -95.0), (235.0, 135.0, 120.0))  # centre and half axes


@dataclass(frozen=True)
class PhotoTruth:
    """What is exactly so.

    Args:
        neutral: (n_vertices, 3) mm, model frame.
        posed: (n_vertices, 3) mm, with expression.
        landmarks_mm: (68, 3) iBUG points of the posed head.
        landmarks_px: (68, 2) where they project.
        camera: of the photo.
        yaw_deg: turn of the head to its left.
        face: (h, w) bool, pixels that show the head's face region.
    """

    neutral: np.ndarray
    posed: np.ndarray
    landmarks_mm: np.ndarray
    landmarks_px: np.ndarray
    camera: Camera
    yaw_deg: float
    face: np.ndarray


@dataclass(frozen=True)
class SyntheticPhoto:
    """A photo.

    Args:
        image: (h, w, 3) uint8 sRGB.
        truth: behind it.
    """

    image: np.ndarray
    truth: PhotoTruth


@dataclass(frozen=True)
class _Scene:
    """Head, hair and torso as one mesh; rows of the head's triangles come first."""

    vertices: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray
    roughness: np.ndarray


def render_photo(model: FaceModel, person: Person, shot: Shot) -> SyntheticPhoto:
    """The photo that a shot takes of a person; the same arguments give the same bytes."""
    neutral = model.vertices(person.identity)
    posed = model.vertices(person.identity, shot.expression)
    scene = _scene(model, person, posed)
    buffers = render_buffers(
        scene.vertices, scene.triangles, *shot.camera, shot.size, supersample=SUPERSAMPLE
    )
    linear = _shaded(model, person, scene, buffers, shot)
    chance = generator(shot.seed, shot.index, "sensor")
    image = develop(linear, buffers.mask, draw_background(shot.size, chance), SUPERSAMPLE, chance)
    landmarks = model.landmarks["ibug68"].on(posed, model.triangles).astype(np.float64)
    camera = shot.camera
    return SyntheticPhoto(
        image,
        PhotoTruth(
            neutral,
            posed,
            landmarks,
            project(landmarks, *camera[:1], np.array(camera.focal_px), camera.centre_px),
            camera,
            shot.yaw_deg,
            _face_pixels(model, buffers),
        ),
    )


def _scene(model: FaceModel, person: Person, posed: np.ndarray) -> _Scene:
    hair = person.hair
    shell = hair.on(posed, model.triangles)
    torso, torso_triangles = _torso(posed)
    colours = [
        np.zeros_like(posed),
        hair.colour * hair.shade[:, None],
        np.broadcast_to(person.cloth, torso.shape),
    ]
    eyes = [n for n in model.region_names if n.startswith("eye_")]
    roughness = np.full(len(posed), person.roughness)
    roughness[np.unique(model.triangles[model.region(*eyes)])] = EYE_ROUGHNESS
    roughness = [roughness, np.full(len(shell), HAIR_ROUGHNESS), np.full(len(torso), 0.9)]
    n = len(posed)
    return _Scene(
        np.concatenate([posed, shell, torso]).astype(np.float64),
        np.concatenate([model.triangles, hair.triangles + n, torso_triangles + 2 * n]),
        np.concatenate(colours).astype(np.float32),
        np.concatenate(roughness).astype(np.float32),
    )


def _torso(posed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid for shoulders, under the lowest point of the neck."""
    polar, turn = np.meshgrid(
        np.linspace(0.05, np.pi / 2, 16), np.linspace(0, 2 * np.pi, 48, endpoint=False),
        indexing="ij",
    )  # fmt: skip
    unit = np.stack(
        [np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=2
    ).reshape(-1, 3)
    centre, half = (np.array(value) for value in TORSO_MM)
    centre[1] = posed[:, 1].min() + 25 - half[1]
    row, column = np.divmod(np.arange(15 * 48), 48)
    a, b = row * 48 + column, row * 48 + (column + 1) % 48
    quads = np.stack([a, a + 48, b + 48, b], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return centre + unit * half, triangles


def _shaded(
    model: FaceModel, person: Person, scene: _Scene, buffers: Buffers, shot: Shot
) -> np.ndarray:
    """(h, w, 3) linear radiance of the surfaces, 0 on the background."""
    irradiance, rows, arrives = light_on_vertices(
        scene.vertices, scene.triangles, shot.environment, N_HIGHLIGHTS
    )
    diffuse = interpolate(buffers, irradiance, scene.triangles)
    albedo = interpolate(buffers, scene.colours, scene.triangles)
    head = buffers.mask & (buffers.triangle_id < len(model.triangles))
    uv = _head_uv(model, buffers, head)
    albedo[head] = sample_texture(person.texture, uv)
    colour = albedo * diffuse
    mask = buffers.mask
    attributes = np.concatenate(
        [vertex_normals(scene.vertices, scene.triangles), scene.roughness[:, None], arrives], axis=1
    )
    pixels = interpolate(buffers, attributes, scene.triangles)[mask]
    normal = pixels[:, :3] / np.maximum(np.linalg.norm(pixels[:, :3], axis=1, keepdims=True), 1e-9)
    to_eye = _to_eye(buffers, shot.camera)
    colour[mask] += highlights(
        normal, to_eye, pixels[:, 3], pixels[:, 4:], shot.environment, rows
    ).astype(np.float32)
    brightness = max(float(np.mean(luminance(colour[head]))), 1e-6)
    tone = float(np.mean(luminance(albedo[head])))
    return colour * np.float32(EXPOSURE * np.sqrt(tone) / brightness)


def _head_uv(model: FaceModel, buffers: Buffers, head: np.ndarray) -> np.ndarray:
    """(n, 2) texture coordinates of the pixels that show the head."""
    corners = model.uv[model.uv_triangles[buffers.triangle_id[head]]]
    return np.einsum("nkc,nk->nc", corners, buffers.barycentric[head])


def _to_eye(buffers: Buffers, camera: Camera) -> np.ndarray:
    """(n, 3) unit, model frame, from the covered pixels to the camera."""
    rows, columns = np.nonzero(buffers.mask)
    pixels = (np.stack([columns, rows], axis=1) + 0.5) / buffers.supersample - 0.5
    ray = np.column_stack([(pixels - camera.centre_px) / camera.focal_px, np.ones(len(pixels))])
    to_eye = -ray @ camera.world_to_camera[:, :3]
    return (to_eye / np.linalg.norm(to_eye, axis=1, keepdims=True)).astype(np.float32)


def highlights(
    normal: np.ndarray,
    to_eye: np.ndarray,
    roughness: np.ndarray,
    arrives: np.ndarray,
    environment: Environment,
    rows: np.ndarray,
) -> np.ndarray:
    """(n, 3) reflection of the strongest lights by a GGX lobe.

    Args:
        normal: (n, 3) unit.
        to_eye: (n, 3) unit.
        roughness: (n,)
        arrives: (n, k) share of each light that is not in shadow.
        environment: all lights.
        rows: (k,) which of them.

    Source: Walter et al. 2007, eq. 33; visibility and Fresnel as Karis 2013 approximates them.
    """
    result = np.zeros((len(normal), 3))
    alpha2 = roughness**4
    for share, row in zip(arrives.T, rows):
        direction = environment.directions[row].astype(np.float32)
        half = to_eye + direction
        half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
        n_l = np.maximum(normal @ direction, 0)
        n_h = np.maximum((normal * half).sum(axis=1), 0)
        l_h = np.maximum(half @ direction, 0.1)
        spread = alpha2 / np.maximum((n_h**2 * (alpha2 - 1) + 1) ** 2, 1e-8)
        fresnel = REFLECTANCE + (1 - REFLECTANCE) * (1 - l_h) ** 5
        lobe = spread * fresnel / (4 * l_h**2 * (roughness + 0.5)) * n_l * share
        result += lobe[:, None] * environment.colours[row]
    return result


def _face_pixels(model: FaceModel, buffers: Buffers) -> np.ndarray:
    """(h, w) bool: the middle of the pixel shows the face region, not hair or cloth."""
    inside = np.zeros(model.n_vertices, bool)
    inside[model.parts["face_mask"]] = True
    of_face = inside[model.triangles].all(axis=1)
    ids = buffers.triangle_id
    shown = (ids >= 0) & (ids < len(of_face))
    face = shown & of_face[np.where(shown, ids, 0)]
    step = buffers.supersample
    small = (ids.shape[1] // step, ids.shape[0] // step)
    return cv2.resize(face.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.5
