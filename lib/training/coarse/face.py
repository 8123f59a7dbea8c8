"""The face of a head model as tensors: code to shape, colour, pose, picture, all differentiable."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F

from lib.facemodel import PARTS, FaceModel
from lib.facemodel.object_frame import object_origin, of_published_topology
from lib.fitting.part_distance import farthest_points
from lib.geometry.crop_camera import CENTRE_UP, DISTANCE, FOCAL_PX, MM_PER_UNIT
from lib.imaging.colour import linear_to_srgb, srgb_to_linear_slope
from lib.networks.regressor import Code
from lib.render.differentiable import interpolate, rasterise
from lib.render.encoded_light import AMBIENT, A, C

NEAR, FAR = 5.0, 15.0  # decimetres
EYES = ("right_eye", "left_eye")
MOST_POINTS = 200  # of a part
DARKEST = 1e-3  # linear albedo about which encoding is linearised


@dataclass(frozen=True)
class TrainedFace:
    """The part of a head model that training looks at, in decimetres about the object origin.

    Args:
        vertex: (v,) number of each vertex in the model.
        mean: (v, 3).
        identity: (v * 3, n_identity).
        expression: (v * 3, n_expression).
        albedo_mean: (v, 3) sRGB-encoded 0..1.
        albedo: (v * 3, n_albedo).
        triangles: (t, 3).
        landmark_vertices: (68, 3) corners of each point's triangle.
        landmark_weights: (68, 3).
        front: (v,) 1 where photos are compared.
        skin: (v,) 1 where albedo is to be even.
        mirror: (v,) vertex on the other side.
        part_vertex: (8, m) some vertices of each part, far from one another; rows are filled up.
        part_filled: (8, m) bool, False for what fills up.
        mask_triangles: (k, 3) drawn to know where photos are compared; k = 0: `front` tells.
    """

    vertex: torch.Tensor
    mean: torch.Tensor
    identity: torch.Tensor
    expression: torch.Tensor
    albedo_mean: torch.Tensor
    albedo: torch.Tensor
    triangles: torch.Tensor
    landmark_vertices: torch.Tensor
    landmark_weights: torch.Tensor
    front: torch.Tensor
    skin: torch.Tensor
    mirror: torch.Tensor
    part_vertex: torch.Tensor
    part_filled: torch.Tensor
    mask_triangles: torch.Tensor

    def to(self, device: torch.device) -> TrainedFace:
        """The same on a device."""
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def shape(self, identity: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
        """(n, v, 3) decimetres of (n, ...) coefficients."""
        moved = identity @ self.identity.T + expression @ self.expression.T
        return self.mean + moved.view(len(identity), -1, 3)

    def landmarks(self, shape: torch.Tensor) -> torch.Tensor:
        """(n, 68, 3) points of shapes (n, v, 3)."""
        corners = shape[:, self.landmark_vertices]
        return (corners * self.landmark_weights[..., None]).sum(2)

    def texture(self, albedo: torch.Tensor) -> torch.Tensor:
        """(n, v, 3) sRGB-encoded albedo of (n, n_albedo) coefficients; not clipped."""
        return self.albedo_mean + (albedo @ self.albedo.T).view(len(albedo), -1, 3)

    def normals(self, shape: torch.Tensor) -> torch.Tensor:
        """(n, v, 3) unit; every triangle counts alike, whatever its size."""
        a, b, c = (shape.index_select(1, self.triangles[:, k]) for k in range(3))
        face = F.normalize(torch.linalg.cross(a - b, b - c, dim=-1), dim=-1)
        total = torch.zeros_like(shape)
        for k in range(3):
            total = total.index_add(1, self.triangles[:, k], face)
        return F.normalize(total, dim=-1)


def trained_face(model: FaceModel, mask_triangles: np.ndarray | None = None) -> TrainedFace:
    """The tensors of a head model: all of a published topology, else the face with its eyes.

    Albedo that a model keeps in linear light is linearised about its mean in encoded colour.

    Args:
        model: the head model.
        mask_triangles: (k, 3) vertices of a published topology, which tell where photos are
            compared as the published code has it; None = its front.
    """
    vertex, triangles = _chosen(model)
    number = np.full(model.n_vertices, -1)
    number[vertex] = np.arange(len(vertex))
    marks = model.landmarks["ibug68"]
    mean = (model.mean[vertex] - object_origin(model)) / MM_PER_UNIT
    albedo_mean, albedo = encoded_albedo(model)
    front = model.parts.get("front_mask", model.parts["face_mask"])
    skin = model.parts.get("skin_mask", model.parts["skin"])

    def flat(basis: np.ndarray) -> torch.Tensor:
        chosen = basis[:, vertex].reshape(len(basis), -1).T
        return torch.tensor(np.ascontiguousarray(chosen), dtype=torch.float32)

    def mask(part: np.ndarray) -> torch.Tensor:
        return torch.tensor(np.isin(vertex, part), dtype=torch.float32)

    mirror = number[model.mirror[vertex]]
    return TrainedFace(
        torch.tensor(vertex),
        torch.tensor(mean, dtype=torch.float32),
        flat(model.identity_basis / MM_PER_UNIT),
        flat(model.expression_basis / MM_PER_UNIT),
        torch.tensor(albedo_mean[vertex], dtype=torch.float32),
        flat(albedo),
        torch.tensor(number[triangles]),
        torch.tensor(number[model.triangles[marks.triangle]]),
        torch.tensor(marks.barycentric, dtype=torch.float32),
        mask(front),
        mask(skin),
        torch.tensor(np.where(mirror < 0, np.arange(len(vertex)), mirror)),
        *_part_vertices(model, number),
        torch.tensor(np.zeros((0, 3), np.int64) if mask_triangles is None else mask_triangles),
    )


def _part_vertices(model: FaceModel, number: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """(8, m) vertices of the parts by their numbers here, and which of them count."""
    found = torch.zeros(len(PARTS), MOST_POINTS, dtype=torch.int64)
    filled = torch.zeros(len(PARTS), MOST_POINTS, dtype=torch.bool)
    for row, part in enumerate(PARTS):
        vertices = model.parts[part]
        vertices = vertices[number[vertices] >= 0]
        vertices = vertices[farthest_points(model.mean[vertices], MOST_POINTS)]
        found[row, : len(vertices)] = torch.tensor(number[vertices])
        filled[row, : len(vertices)] = True
    return found, filled


def _chosen(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles (of the model's numbers) that are trained with."""
    if of_published_topology(model):
        return np.arange(model.n_vertices), model.triangles
    face = np.zeros(model.n_vertices, bool)
    for part in ("face_mask", *EYES):
        face[model.parts[part]] = True
    inside = face[model.triangles].all(1)
    needed = np.zeros(model.n_vertices, bool)
    needed[model.triangles[inside]] = True
    needed[model.triangles[model.landmarks["ibug68"].triangle]] = True
    return np.flatnonzero(needed), model.triangles[inside]


def encoded_albedo(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Mean (v, 3) and basis (k, v, 3) in sRGB-encoded colour."""
    if model.albedo_encoding == "srgb":
        return model.albedo_mean, model.albedo_basis
    encoded = linear_to_srgb(np.clip(model.albedo_mean, DARKEST, 1))
    return encoded, model.albedo_basis / srgb_to_linear_slope(encoded)


def rotation(angles: torch.Tensor) -> torch.Tensor:
    """(n, 3, 3) for row vectors, of (n, 3) pitch, yaw and roll: (Rz Ry Rx)^T."""
    (x, y, z), one = angles.unbind(-1), torch.ones_like(angles[:, 0])
    zero = torch.zeros_like(one)

    def matrix(*values: torch.Tensor) -> torch.Tensor:
        return torch.stack(values, -1).view(-1, 3, 3)

    pitch = matrix(one, zero, zero, zero, x.cos(), -x.sin(), zero, x.sin(), x.cos())
    yaw = matrix(y.cos(), zero, y.sin(), zero, one, zero, -y.sin(), zero, y.cos())
    roll = matrix(z.cos(), -z.sin(), zero, z.sin(), z.cos(), zero, zero, zero, one)
    return (roll @ yaw @ pitch).transpose(1, 2)


def image_up(world: torch.Tensor) -> torch.Tensor:
    """(..., 2) crop px with y up of (..., 3) world points."""
    return FOCAL_PX * world[..., :2] / (DISTANCE - world[..., 2:]) + CENTRE_UP


@dataclass(frozen=True)
class Picture:
    """What the face of a code looks like.

    Args:
        landmarks_up: (n, 68, 2) crop px, y up.
        shape: (n, v, 3) decimetres, object frame.
        world: (n, v, 3) decimetres, posed.
        facing: (n, v) bool, the surface turns to the camera.
        texture: (n, v, 3) encoded albedo.
        colour: (n, h, w, 3) encoded, 0 where nothing is.
        mask: (n, h, w) bool, the face.
        front: (n, h, w) bool, where photos are compared.
    """

    landmarks_up: torch.Tensor
    shape: torch.Tensor
    world: torch.Tensor
    facing: torch.Tensor
    texture: torch.Tensor
    colour: torch.Tensor
    mask: torch.Tensor
    front: torch.Tensor


def picture(face: TrainedFace, code: Code, size: int) -> Picture:
    """The face of n codes, drawn `size` px wide without antialiasing, as published.

    Source: Deng et al. 2019, CVPRW, section 3.
    """
    shape = face.shape(code.identity, code.expression)
    turn = rotation(code.angles)
    world = shape @ turn + code.translation[:, None]
    normals = face.normals(shape) @ turn
    texture = face.texture(code.albedo)
    bands = code.light.view(-1, 3, 9).transpose(1, 2)  # (n, 9, 3)
    ambient = torch.zeros_like(bands)
    ambient[:, 0] = AMBIENT
    lit = texture * (_basis(normals) @ (bands + ambient))
    raster = rasterise(_clip(world), face.triangles, (size, size))
    front = face.front[None, :, None].expand(len(lit), -1, 1)
    drawn, _ = interpolate(torch.cat([lit, front], -1), raster, face.triangles)
    seen = raster.mask
    compared = seen & (drawn[..., 3].detach() > 0.5)
    if len(face.mask_triangles):
        with torch.no_grad():
            compared = rasterise(_clip(world), face.mask_triangles, (size, size)).mask
    return Picture(
        image_up(face.landmarks(world)),
        shape,
        world,
        normals[..., 2].detach() > 0,
        texture,
        drawn[..., :3],
        seen,
        compared,
    )


def _clip(world: torch.Tensor) -> torch.Tensor:
    """(n, v, 4) clip positions whose row 0 is the top of the picture."""
    depth = DISTANCE - world[..., 2:]
    xy = world[..., :2] * world.new_tensor([FOCAL_PX / CENTRE_UP, -FOCAL_PX / CENTRE_UP])
    z = ((FAR + NEAR) * depth - 2 * FAR * NEAR) / (FAR - NEAR)
    return torch.cat([xy, z, depth], -1)


def _basis(normals: torch.Tensor) -> torch.Tensor:
    """(n, v, 9) of `lib.render.encoded_light`, differentiable."""
    first, second = A[1] * C[1], A[2] * C[2]
    x, y, z = normals.unbind(-1)
    return torch.stack(
        [
            torch.full_like(x, A[0] * C[0]),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            second * (3 * z * z - 1) / (2 * 3**0.5),
            -second * x * z,
            second * (x * x - y * y) / 2,
        ],
        -1,
    )
